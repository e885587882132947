"""The design of a study: which videos make a pair, whose they are, and when a participant is left out.

It is kept in ``design.json``, next to the folder that is served and never in it. A person who has read it is no longer
blind.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from latentman.errors import RecordError
from latentman.files.json_file import read_json
from latentman.files.model_file import read_model
from latentman.files.opening import missing_as, reading
from latentman.system.paths import write_json

DESIGN_FILE = "design.json"
PUBLIC = "public"
"""The one folder of a study whose files are served."""
VERSION = 2
_AGAIN = "build the study again into a new folder"
VIDEO_FOLDERS = {1: "clips", 2: "videos"}
"""The folder of the videos inside the public folder, by the version of the design; all of these can be read."""

CODE = re.compile(r"[0-9a-f]{8,32}")
"""What the codes of studies, pairs, videos and participants look like; they carry no meaning."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two videos that are shown side by side.

    ``expected`` is ours, or the intact video of an attention check; ``other`` is the baseline's, or the damaged one.
    """

    code: str
    is_check: bool
    expected: str
    other: str
    prompt: str
    seed: int | None

    def videos(self) -> tuple[str, str]:
        """Return the codes of both videos."""
        return self.expected, self.other


@dataclass(frozen=True, slots=True)
class Study:
    """Ours against one baseline."""

    code: str
    baseline: str
    pairs: tuple[Pair, ...]

    def pair(self, code: str) -> Pair | None:
        """Return the pair with a code, or None if the study has no such pair."""
        return next((pair for pair in self.pairs if pair.code == code), None)

    def comparisons(self) -> tuple[Pair, ...]:
        """Return the pairs that are not attention checks."""
        return tuple(pair for pair in self.pairs if not pair.is_check)


@dataclass(frozen=True, slots=True)
class Design:
    """All studies of one folder: one for each baseline."""

    code: str
    seed: int
    ours: str
    may_fail: int
    studies: tuple[Study, ...]
    question: str
    source: str
    skipped: tuple[str, ...] = ()
    made_with: str = ""
    version: int = VERSION

    @property
    def videos_folder(self) -> str:
        """The name of the folder of the videos inside the public folder."""
        return VIDEO_FOLDERS[self.version]

    def study(self, code: str) -> Study | None:
        """Return the study with a code, or None if there is no such study."""
        return next((study for study in self.studies if study.code == code), None)

    def videos(self) -> list[str]:
        """Return the codes of all videos."""
        return [video for study in self.studies for pair in study.pairs for video in pair.videos()]


def write_design(study_dir: Path, design: Design) -> None:
    """Write ``design.json``.

    Raises:
        RecordError: if it cannot be written.
    """
    write_json(study_dir / DESIGN_FILE, asdict(design))


def read_design(study_dir: Path) -> Design:
    """Read ``design.json`` and check it.

    Raises:
        RecordError: if there is none, or it is damaged or of another version.
    """
    path = study_dir / DESIGN_FILE
    with missing_as(path, error=RecordError, advice="give the folder that latentman study build wrote"):
        data = read_json(path, error=RecordError, advice=_AGAIN)
    version = data.get("version") if isinstance(data, dict) else None
    if type(version) is not int or version not in VIDEO_FOLDERS:
        raise RecordError(
            f"{path} has version {version!r}, this latentman reads versions {', '.join(map(str, VIDEO_FOLDERS))}: "
            "use the latentman that built the study, or build it again into a new folder"
        )
    design = read_model(path, Design, error=RecordError, advice=_AGAIN)
    with reading(path, error=RecordError, advice=_AGAIN):
        _check(design)
    return design


def _check(design: Design) -> None:
    pairs = [pair for study in design.studies for pair in study.pairs]
    groups = [[study.code for study in design.studies], [pair.code for pair in pairs], design.videos()]
    for codes in groups:
        if len(set(codes)) != len(codes) or not all(isinstance(code, str) and CODE.fullmatch(code) for code in codes):
            raise ValueError("a code is malformed, or is there twice")
    if not design.studies or not all(study.comparisons() for study in design.studies):
        raise ValueError("a study has no pairs")
    if not CODE.fullmatch(design.code) or not isinstance(design.may_fail, int):
        raise ValueError("code or may_fail")
