"""From a finished sweep to the folder of a study: clips under names that mean nothing, the page, and the design."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from latentman import __version__
from latentman.errors import ConfigError, DataError, RecordError
from latentman.study.clips import ClipPair, damage, load_pair
from latentman.study.design import CLIPS, PUBLIC, Design, Pair, Study, write_design
from latentman.study.pairing import Pairing, RunPair, pair_runs
from latentman.system.paths import PACKAGE, PARTIAL, write_text
from latentman.types import Array
from latentman.video import write_mp4

_CRF = 17
"""H.264 quality of the participants' videos, see :func:`latentman.video.write_mp4`."""

QUESTION = "In which video do the textures of the character stay more stable and consistent?"
PAGES = ("index.html", "study.css", "study.js", "icon.svg")
SECONDS_A_PAIR = 12
"""What a careful answer takes, for the page's estimate."""

MAX_CHECKS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What ``latentman study build`` was asked for.

    ``checks`` attention checks go into each study; a participant who fails more than ``may_fail`` is left out of the
    analysis. ``seed`` None draws one. ``contact`` is shown on the page: whom participants can ask.
    """

    sweep_dir: Path
    study_dir: Path
    ours: str
    baselines: tuple[str, ...]
    seed: int | None = None
    checks: int = 3
    may_fail: int = 0
    contact: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.checks <= MAX_CHECKS:
            raise ConfigError(f"--checks {self.checks} is out of range: give 0 to {MAX_CHECKS}")
        if not 0 <= self.may_fail <= self.checks:
            raise ConfigError(f"--may-fail {self.may_fail} is out of range: give 0 to {self.checks}, as --checks is")
        if self.seed is not None and self.seed < 0:
            raise ConfigError(f"--seed {self.seed} is negative: give 0 or more, or leave it out to have one drawn")
        if not self.baselines:
            raise ConfigError("no --baseline was given: name at least one variant that ours is compared with")


def build_study(request: Request) -> Design:
    """Build the folder of a study; it is there whole or not at all.

    Raises:
        ConfigError: for variants that the sweep does not have.
        RecordError: if nothing can be paired, or the folder is not empty or cannot be written.
    """
    target = request.study_dir
    _check_target(target)
    pairings = pair_runs(request.sweep_dir, request.ours, request.baselines)
    scratch = _scratch(target)
    try:
        design = _fill(scratch, request, pairings)
        write_design(scratch, design)
        scratch.chmod(0o700)  # the design is nobody else's to read, not even on a shared machine
        scratch.replace(target)
    except OSError as error:
        raise RecordError(f"cannot write {target}: {error.strerror}; choose another --out") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return design


def _check_target(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RecordError(f"--out {target} exists and is not empty: choose a new folder; answers may be in this one")


def _scratch(target: Path) -> Path:
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=f"{PARTIAL}{target.name}-"))
    except OSError as error:
        raise RecordError(f"cannot write {target}: {error.strerror}; choose another --out") from error


def _fill(folder: Path, request: Request, pairings: Sequence[Pairing]) -> Design:
    # A seed that stands in the source would let a reader work out which side is which.
    seed = secrets.randbits(53) if request.seed is None else request.seed
    rng = random.Random(f"codes {seed}")
    taken: set[str] = set()

    def code() -> str:
        while (drawn := f"{rng.getrandbits(64):016x}") in taken:
            pass
        taken.add(drawn)
        return drawn

    own = code()
    studies, skipped = [], []
    for pairing in pairings:
        study, lines = _study(folder, request, pairing, code, rng)
        studies.append(study)
        skipped += [f"against {pairing.baseline}: {line}" for line in (*pairing.skipped, *lines)]
    _write_pages(folder / PUBLIC, studies, request.contact)
    source = str(request.sweep_dir.absolute())
    return Design(
        own, seed, request.ours, request.may_fail, tuple(studies), QUESTION, source, tuple(skipped), __version__
    )


def _study(
    folder: Path, request: Request, pairing: Pairing, code: Callable[[], str], rng: random.Random
) -> tuple[Study, list[str]]:
    pairs: list[Pair] = []
    shown: list[tuple[RunPair, ClipPair]] = []
    skipped = []

    def add(run: RunPair, expected: Array, other: Array, fps: float, *, is_check: bool) -> None:
        pair = Pair(code(), is_check, code(), code(), run.prompt, run.seed)
        for clip, frames in ((pair.expected, expected), (pair.other, other)):
            write_clip(folder / PUBLIC / CLIPS / f"{clip}.mp4", frames, fps)
        pairs.append(pair)

    for run in pairing.pairs:
        try:
            clips = load_pair(run)
        except DataError as error:
            skipped.append(f"'{run.prompt}': {error}")
            continue
        shown.append((run, clips))
        add(run, clips.ours, clips.baseline, clips.fps, is_check=False)
    if not shown:
        reasons = "".join(f"\n  {line}" for line in (*pairing.skipped, *skipped))
        raise RecordError(f"no pair of '{request.ours}' and '{pairing.baseline}' can be shown:{reasons}")
    order = rng.sample(range(len(shown)), len(shown))
    for number in range(request.checks):
        run, clips = shown[order[number % len(order)]]
        intact = rng.choice((clips.ours, clips.baseline))
        add(run, intact, damage(intact, f"{rng.getrandbits(64)}"), clips.fps, is_check=True)
    return Study(code(), pairing.baseline, tuple(pairs)), skipped


def write_clip(path: Path, frames: Array, fps: float) -> None:
    """Encode a clip without a trace of its origin: no metadata, and the same time stamp for all."""
    write_mp4(path, frames, fps, _CRF)
    os.utime(path, (0, 0))


def _write_pages(public: Path, studies: Sequence[Study], contact: str) -> None:
    count = max(len(study.pairs) for study in studies)
    words = {
        "question": escape(QUESTION),
        "studies": str(len(studies)),
        "pairs": str(count),
        "minutes": str(max(1, round(count * SECONDS_A_PAIR / 60))),
        "contact": f"<p>Questions? Ask {escape(contact)}.</p>" if contact else "",
    }
    for name in PAGES:
        text = (PACKAGE / "study" / "pages" / name).read_text(encoding="utf-8")
        for key, value in words.items():
            text = text.replace(f"{{{{{key}}}}}", value) if name == "index.html" else text
        write_text(public / name, text)


def summary(design: Design, study_dir: Path) -> str:
    """Return what was built, for the command line: studies, pairs, checks, and everything that was left out."""
    lines = [f"{study_dir}: '{design.ours}' against"]
    for study in design.studies:
        shown = len(study.comparisons())
        lines.append(f"  '{study.baseline}': {shown} pairs, {len(study.pairs) - shown} attention checks")
        if shown < 5:
            lines.append("    few pairs: what is found will hold for these prompts, and may not for others")
    lines += ["left out:", *(f"  {line}" for line in design.skipped)] if design.skipped else []
    lines.append(
        f"a participant who fails more than {design.may_fail} of the checks will be left out; seed {design.seed}\n"
        f"{study_dir}/design.json tells which clip is whose: keep it to yourself\n"
        f"next: latentman study serve {study_dir}"
    )
    return "\n".join(lines)
