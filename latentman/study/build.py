"""From a finished sweep to the folder of a study: videos under meaningless names, the page, and the design."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from latentman import __version__
from latentman.errors import ConfigError, DataError, RecordError
from latentman.study.design import PUBLIC, VERSION, VIDEO_FOLDERS, Design, Pair, Study, write_design
from latentman.study.files import PAGES
from latentman.study.pairing import Pairing, RunPair, pair_runs
from latentman.study.videos import VideoPair, damage, load_pair
from latentman.system.paths import PACKAGE, PARTIAL, write_text
from latentman.system.templates import environment
from latentman.types import Array
from latentman.video import write_mp4

_CRF = 17
"""H.264 quality of the participants' videos, see :func:`latentman.video.write_mp4`."""

QUESTION = "In which video do the textures of the character stay more stable and consistent?"
SECONDS_A_PAIR = 12
"""The time of a careful answer, for the estimate on the page."""

MAX_CHECKS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """The options of ``latentman study build``.

    Attributes:
        sweep_dir: the folder of a sweep.
        study_dir: a new folder.
        ours: the variant under test.
        baselines: the variants that it is compared with, each in a study of its own.
        seed: of codes, sides and orders; None draws one.
        checks: attention checks in each study.
        may_fail: a participant who fails more checks is left out of the analysis.
        contact: whom participants can ask; shown on the page.

    Raises:
        ConfigError: if a value is out of range.
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
    """Build the folder of a study, whole or not at all.

    Raises:
        ConfigError: for a variant that the sweep does not have.
        RecordError: if nothing can be paired, or the folder is not empty or cannot be written.
    """
    target = request.study_dir
    _check_target(target)
    pairings = pair_runs(request.sweep_dir, request.ours, request.baselines)
    scratch = _scratch(target)
    try:
        design = _fill(scratch, request, pairings)
        write_design(scratch, design)
        scratch.chmod(0o700)  # no other user of the machine may read the design
        scratch.replace(target)
    except OSError as error:
        raise RecordError(f"cannot write {target}: {error.strerror}; choose another --out") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return design


def _check_target(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RecordError(f"--out {target} exists and is not empty: choose a new folder; this one may hold answers")


def _scratch(target: Path) -> Path:
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=f"{PARTIAL}{target.name}-"))
    except OSError as error:
        raise RecordError(f"cannot write {target}: {error.strerror}; choose another --out") from error


def _fill(folder: Path, request: Request, pairings: Sequence[Pairing]) -> Design:
    # With a seed from the source code, a participant could work out which side is which.
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
    shown: list[tuple[RunPair, VideoPair]] = []
    skipped = []

    def add(run: RunPair, expected: Array, other: Array, fps: float, *, is_check: bool) -> None:
        pair = Pair(code(), is_check, code(), code(), run.prompt, run.seed)
        for video, frames in ((pair.expected, expected), (pair.other, other)):
            write_video(folder / PUBLIC / VIDEO_FOLDERS[VERSION] / f"{video}.mp4", frames, fps)
        pairs.append(pair)

    for run in pairing.pairs:
        try:
            videos = load_pair(run)
        except DataError as error:
            skipped.append(f"'{run.prompt}': {error}")
            continue
        shown.append((run, videos))
        add(run, videos.ours, videos.baseline, videos.fps, is_check=False)
    if not shown:
        reasons = "".join(f"\n  {line}" for line in (*pairing.skipped, *skipped))
        raise RecordError(f"no pair of '{request.ours}' and '{pairing.baseline}' can be shown:{reasons}")
    order = rng.sample(range(len(shown)), len(shown))
    for number in range(request.checks):
        run, videos = shown[order[number % len(order)]]
        intact = rng.choice((videos.ours, videos.baseline))
        add(run, intact, damage(intact, f"{rng.getrandbits(64)}"), videos.fps, is_check=True)
    return Study(code(), pairing.baseline, tuple(pairs)), skipped


def write_video(path: Path, frames: Array, fps: float) -> None:
    """Encode a video without a trace of its origin: no metadata, and the same time stamp for all."""
    write_mp4(path, frames, fps, _CRF)
    os.utime(path, (0, 0))


def _write_pages(public: Path, studies: Sequence[Study], contact: str) -> None:
    pages = PACKAGE / "study" / "pages"
    pairs = max(len(study.pairs) for study in studies)
    minutes = max(1, round(pairs * SECONDS_A_PAIR / 60))
    page = environment(pages).get_template("index.html")
    text = page.render(question=QUESTION, studies=len(studies), pairs=pairs, minutes=minutes, contact=contact)
    write_text(public / "index.html", text + "\n")
    for name in PAGES:
        if name != "index.html":
            write_text(public / name, (pages / name).read_text(encoding="utf-8"))


def summary(design: Design, study_dir: Path) -> str:
    """Return a description for the command line: studies, pairs, checks, and everything that was left out."""
    lines = [f"{study_dir}: '{design.ours}' against"]
    for study in design.studies:
        shown = len(study.comparisons())
        lines.append(f"  '{study.baseline}': {shown} pairs, {len(study.pairs) - shown} attention checks")
        if shown < 5:
            lines.append("    few pairs: the result will hold for these prompts, and may not hold for others")
    lines += ["left out:", *(f"  {line}" for line in design.skipped)] if design.skipped else []
    lines.append(
        f"a participant who fails more than {design.may_fail} of the checks will be left out; seed {design.seed}\n"
        f"{study_dir}/design.json says which video is whose: keep it to yourself\n"
        f"next: latentman study serve {study_dir}"
    )
    return "\n".join(lines)
