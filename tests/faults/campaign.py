"""Faults in runs: what each does, whether the same command recovers from it, and how many of each kind were reported.

    python -m tests.faults.campaign --seconds 3600 --workers 2 --out faults.json

Each fault is a case: a command is made to fail, then given again without the fault. Its results must have the bytes of
a run that nothing happened to.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.workplace import STARTS, Ended, Workplace, build_library, tiny_model

FAULTS = (
    ("kill", 0), ("torn", 0), ("short", 0), ("from_here", errno.ENOSPC), ("from_here", errno.EDQUOT),
    ("from_here", errno.EROFS), ("once", errno.EIO), ("once", errno.EMFILE),
)  # fmt: skip
"""What happens at a call: the process is killed, before it or in the middle of a write; a write is cut short; the call
fails alone, or with every later one."""

DAMAGE = ("removed", "emptied", "cut", "flipped", "swapped")
HOURS = (-24 * 365 * 30, -1, 1, 24 * 365 * 10)


@dataclass
class Case:
    """One fault."""

    group: str
    start: str
    about: str
    fail: Callable[[Workplace], Ended | None] = field(repr=False)


@dataclass
class Verdict:
    """What came of a case; the texts say which case did what should not happen."""

    group: str
    wrong: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    unnoticed: list[str] = field(default_factory=list)


def cases(place: Workplace) -> Iterator[Case]:
    """Yield every case of the long mode."""
    yield from fault_cases(place)
    yield from damage_cases(place)
    yield from signal_cases()
    yield from crowd_cases()
    yield from clock_cases()
    yield from full_disk_cases()


def fault_cases(place: Workplace) -> Iterator[Case]:
    for start, calls in place.calls.items():
        for kind, code in FAULTS:
            for at in range(1, calls + 1):
                name = errno.errorcode.get(code, kind)

                def fail(
                    place: Workplace, start: str = start, kind: str = kind, code: int = code, at: int = at
                ) -> Ended:
                    return place.ask(place.command(start), fault={"kind": kind, "at": at, "errno": code})

                yield Case(f"{name}, {start}", start, f"{kind} {name} at call {at} of {start}", fail)


def damage_cases(place: Workplace) -> Iterator[Case]:
    for start in ("finished", "continue"):
        template = place.folder / "templates" / start
        if not template.exists():
            continue
        files = sorted(path.relative_to(template) for path in template.rglob("*") if path.is_file())
        for name in files:
            if name.name in (".lock",):
                continue
            for what in DAMAGE:

                def fail(place: Workplace, name: Path = name, what: str = what) -> None:
                    damage(place.case / "run" / name, what)

                yield Case("a damaged file", start, f"{name} of {start} {what}", fail)


def damage(path: Path, what: str) -> None:
    """Damage a file; where it is flipped depends on its name."""
    data = bytearray(path.read_bytes())
    if what == "removed":
        path.unlink()
    elif what == "emptied":
        path.write_bytes(b"")
    elif what == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif what == "flipped":
        data = data or bytearray(1)
        data[random.Random(path.name).randrange(len(data))] ^= 4
        path.write_bytes(data)
    else:
        others = [other for other in sorted(path.parent.glob(f"*{path.suffix}")) if other != path and other.is_file()]
        path.write_bytes(others[0].read_bytes() if others else data[::-1])


def signal_cases() -> Iterator[Case]:
    for start in ("start", "continue", "sweep"):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for tenth in range(1, 31, 2):
                for again in (False, True):
                    signals = [(tenth / 10, number), *([(tenth / 10 + 0.05, number)] if again else [])]

                    def fail(place: Workplace, start: str = start, signals: list = signals) -> Ended:
                        return place.ask(place.command(start), signals=signals)

                    yield Case("a signal", start, f"{number.name} {signals} in {start}", fail)


def crowd_cases() -> Iterator[Case]:
    for start in ("start", "continue", "finished", "sweep"):
        for times in (2, 3):
            for repeat in range(5):

                def fail(place: Workplace, start: str = start, times: int = times) -> Ended:
                    return place.ask(place.command(start), times=times)

                yield Case("several processes", start, f"{times} processes, {start}, {repeat}", fail)


def clock_cases() -> Iterator[Case]:
    for start in ("continue", "finished", "overwrite"):
        for hours in HOURS:

            def fail(place: Workplace, start: str = start, hours: int = hours) -> Ended:
                return place.ask(place.command(start), clock=hours * 3600)

            yield Case("a clock that jumps", start, f"clock {hours} h, {start}", fail)


def full_disk_cases() -> Iterator[Case]:
    """Yield a tmpfs that is full after so many bytes; there is room when the command is given again."""
    if os.name != "posix" or os.geteuid() != 0:
        return
    for start in ("start", "continue", "overwrite", "sweep", "prompts"):
        for step in range(40):
            room = 2048 * step if step < 20 else 65536 * (step - 19)

            def fail(place: Workplace, start: str = start, room: int = room) -> Ended | None:
                if not place.mount(room):
                    return None
                ended = place.ask(place.command(start))
                place.make_room()
                return ended

            yield Case("a full tmpfs", start, f"room for {room} bytes, {start}", fail)


def judge(case: Case, place: Workplace) -> Verdict:
    """Let a case happen, recover from it, and say what should not have been."""
    verdict = Verdict(case.group)
    place.lay_out(case.start)
    ended = case.fail(place)
    if ended is not None:
        note(verdict, case, ended)
        if 0 in ended.statuses and place.results(case.start) != place.reference[case.start]:
            verdict.wrong.append(f"{case.about}: exit 0 with other results")
    recovered = recover(case, place)
    note(verdict, case, recovered)
    if recovered.status != 0:
        verdict.refused.append(f"{case.about}: {recovered.output.strip()[-300:]}")
    elif place.results(case.start) != place.reference[case.start]:
        verdict.wrong.append(f"{case.about}: other results after recovery")
    elif place.leftovers():
        verdict.unnoticed.append(f"{case.about}: {place.leftovers()} left behind")
    return verdict


def recover(case: Case, place: Workplace) -> Ended:
    """Give the same command again, and do what its message says where it refuses."""
    ended = place.ask(place.command(case.start))
    if ended.status == 2 and "delete it" in ended.output:
        named = next(word for word in ended.output.split() if word.startswith(str(place.case)))
        Path(named.rstrip(":")).unlink()
        ended = place.ask(place.command(case.start))
    elif ended.status == 2 and "overwrite=true" in ended.output:
        ended = place.ask(place.command(case.start, "overwrite=true"))
    return ended


def note(verdict: Verdict, case: Case, ended: Ended) -> None:
    if case.group == "a signal" and not {*ended.statuses} <= {0, 130}:
        verdict.untold.append(f"{case.about}: ended with {ended.statuses}, which is no interruption")
    if ended.has_traceback:
        verdict.tracebacks.append(f"{case.about}: {ended.output.strip()[-700:]}")
    if ended.hung:
        verdict.hangs.append(case.about)


def sample(everything: list[Case], seed: int) -> list[Case]:
    """Return the cases in a random order in which every group is met early."""
    rng = random.Random(seed)
    groups: dict[str, list[Case]] = {}
    for case in everything:
        groups.setdefault(case.group, []).append(case)
    keyed = []
    for members in groups.values():
        rng.shuffle(members)
        keyed += [((rank + rng.random()) / len(members), case) for rank, case in enumerate(members)]
    return [case for _, case in sorted(keyed, key=lambda pair: pair[0])]


def carry_out(places: list[Workplace], todo: list[Case], seconds: float) -> list[Verdict]:
    """Judge cases until all are judged or the time is over."""
    verdicts: list[Verdict] = []
    waiting, end = iter(todo), time.monotonic() + seconds
    lock = threading.Lock()

    def work(place: Workplace) -> None:
        while time.monotonic() < end:
            with lock:
                case = next(waiting, None)
            if case is None:
                return
            verdict = judge(case, place)
            with lock:
                verdicts.append(verdict)
                bad = [
                    *verdict.wrong,
                    *verdict.refused,
                    *verdict.tracebacks,
                    *verdict.hangs,
                    *verdict.untold,
                    *verdict.unnoticed,
                ]
                for text in bad:
                    sys.stderr.write(f"[{len(verdicts)}] {text}\n\n")

    threads = [threading.Thread(target=work, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return verdicts


def table(verdicts: list[Verdict]) -> str:
    """Return the counts by group, as a table of docs/reliability.md."""
    lines = [
        "| fault | cases | wrong bytes | refused for ever | tracebacks | hangs | signals not told |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    counted = ("wrong", "refused", "tracebacks", "hangs", "untold")
    groups = sorted({verdict.group for verdict in verdicts})
    for group in [*groups, "all"]:
        own = [verdict for verdict in verdicts if group in (verdict.group, "all")]
        counts = [sum(bool(getattr(v, name)) for v in own) for name in counted]
        lines.append(f"| {group} | {len(own)} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="when to stop; all cases take hours")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS, help="only faults of these commands")
    parser.add_argument("--only", nargs="+", default=[""], help="only groups whose name holds one of these texts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/faults.json"))
    chosen = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="latentman-faults-"))
    library = build_library(root)
    if library is None:
        sys.stdout.write("skipped: no C compiler here, or not Linux\n")
        return 0
    places = [
        Workplace(root / str(n), library, tiny_model(root / "model"), chosen.starts) for n in range(chosen.workers)
    ]
    known = [case for case in cases(places[0]) if case.start in chosen.starts]
    everything = sample([case for case in known if any(text in case.group for text in chosen.only)], chosen.seed)
    verdicts = carry_out(places, everything, chosen.seconds)
    for place in places:
        place.close()
    text = table(verdicts)
    sys.stdout.write(f"{len(verdicts)} of {len(everything)} cases\n{text}")
    counts = Counter(name for v in verdicts for name in ("wrong", "refused", "tracebacks", "hangs") if getattr(v, name))
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps({"cases": len(everything), "verdicts": [vars(v) for v in verdicts]}, indent=1))
    shutil.rmtree(root, ignore_errors=True)
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main())
