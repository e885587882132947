"""CPU seconds and memory of a command at two commits, as ratios within one run, into a table on standard output.

python experiments/run_cost.py BEFORE [AFTER] [--rounds N] [-- ARGUMENTS]     from the root of a checkout

Both commits are checked out into a temporary folder and take turns, with a cache each that an untimed round fills.
ARGUMENTS are those of a run; without any it is the default run. With one thread, CPU seconds are those of the work.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Cost:
    """What one run took: CPU seconds of its process, and its largest resident memory in GB."""

    seconds: float
    gigabytes: float


def main() -> None:
    """Take turns and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after", nargs="?", default="HEAD")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("arguments", nargs="*", metavar="-- ARGUMENTS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commits = {"before": options.before, "after": options.after}
        trees = [checked_out(commit, Path(folder) / name) for name, commit in commits.items()]
        costs: list[list[Cost]] = [[], []]
        for turn in range(options.rounds + 1):
            for tree, own in zip(trees, costs, strict=True):
                cost = timed(tree, options.arguments, turn)
                own += [cost] if turn else []
                sys.stderr.write(f"{tree.name}, round {turn}: {cost.seconds:.1f} CPU s, {cost.gigabytes:.2f} GB\n")
    sys.stdout.write(table(options.before, options.after, costs))


def checked_out(commit: str, folder: Path) -> Path:
    """Return a folder with the files of a commit."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


def timed(tree: Path, arguments: list[str], turn: int) -> Cost:
    """Carry out one run of a checkout."""
    command = [sys.executable, "-m", "latentman.run", "threads=1", f"run_dir={tree / f'run-{turn}'}", *arguments]
    environment = {
        **os.environ, "PYTHONPATH": str(tree), "LATENTMAN_CACHE": str(tree / "cache"), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with subprocess.Popen(command, cwd=tree, env=environment, stdout=subprocess.DEVNULL) as process:
        _, status, own = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{tree.name}: the run ended with status {process.returncode}")
    return Cost(own.ru_utime + own.ru_stime, own.ru_maxrss / 2**20)


def table(before: str, after: str, costs: list[list[Cost]]) -> str:
    """Return both sides and their ratio."""
    lines = ["| commit | CPU seconds | of the runs | largest memory, GB |", "|---|--:|--:|--:|"]
    medians = [statistics.median(cost.seconds for cost in own) for own in costs]
    peaks = [max(cost.gigabytes for cost in own) for own in costs]
    for commit, own, median, peak in zip((before, after), costs, medians, peaks, strict=True):
        each = ", ".join(f"{cost.seconds:.1f}" for cost in own)
        lines.append(f"| {commit} | {median:.1f} | {each} | {peak:.2f} |")
    lines.append(f"| ratio | {medians[1] / medians[0]:.2f} | | {peaks[1] / peaks[0]:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
