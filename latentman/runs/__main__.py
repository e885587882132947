"""``latentman runs check DIR``: the damage in runs and sweeps on disk, with what to do about each."""

from __future__ import annotations

import sys
from pathlib import Path

from latentman.cli import Arguments
from latentman.cli import main as run_command
from latentman.runs.check import Checked, check_folder

DAMAGED = 1
"""Exit status when something is damaged."""


def main(argv: list[str]) -> int:
    """Carry out ``latentman runs`` and return the exit status: 0 if nothing is damaged, 1 otherwise.

    Raises:
        LatentManError: for a mistake in the command line, or a folder without runs.
    """
    parser = Arguments(prog="latentman runs", description="Check runs and sweeps on disk; nothing is changed.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="list files that were lost, cut short or changed since they were written")
    check.add_argument("folder", type=Path, metavar="DIR", help="of a run or a sweep, or one above them")
    folder = parser.parse_args(argv).folder
    checked = check_folder(folder)
    for damage in checked.damage:
        sys.stdout.write(f"{damage.path}: {damage.what}; {damage.remedy}\n")
    sys.stdout.write(_summary(folder, checked))
    return DAMAGED if checked.damage else 0


def _summary(folder: Path, checked: Checked) -> str:
    parts = [f"{folder}: {checked.runs} runs and jobs checked, {len(checked.damage)} damaged files"]
    if checked.busy:
        parts.append(f"{checked.busy} in use by other processes, not checked")
    if checked.without_digests:
        parts.append(f"{checked.without_digests} of an earlier version, whose files have no digests")
    return "; ".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(run_command(["runs", *sys.argv[1:]]))
