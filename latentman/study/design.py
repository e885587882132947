"""The design of a study: which clips make a pair, which of them is whose, and when a participant is left out.

It lies in ``design.json`` beside the folder that is served, never in it. Whoever reads it is no longer blind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.system.paths import write_json

DESIGN_FILE = "design.json"
PUBLIC = "public"
"""The one folder of a study whose files are served."""
CLIPS = "clips"
VERSION = 1

CODE = re.compile(r"[0-9a-f]{8,32}")
"""What codes of studies, pairs, clips and participants look like; they mean nothing."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clips that are shown side by side.

    ``expected`` is ours, or in an attention check the intact clip; ``other`` is the baseline's, or the damaged one.
    """

    code: str
    is_check: bool
    expected: str
    other: str
    prompt: str
    seed: int | None

    def clips(self) -> tuple[str, str]:
        """Return the codes of both clips."""
        return self.expected, self.other


@dataclass(frozen=True, slots=True)
class Study:
    """Ours against one baseline."""

    code: str
    baseline: str
    pairs: tuple[Pair, ...]

    def pair(self, code: str) -> Pair | None:
        """Return the pair with a code, if it is one of this study's."""
        return next((pair for pair in self.pairs if pair.code == code), None)

    def comparisons(self) -> tuple[Pair, ...]:
        """Return the pairs that are no attention checks."""
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

    def study(self, code: str) -> Study | None:
        """Return the study with a code, if there is one."""
        return next((study for study in self.studies if study.code == code), None)

    def clips(self) -> list[str]:
        """Return the codes of all clips."""
        return [clip for study in self.studies for pair in study.pairs for clip in pair.clips()]


def write_design(study_dir: Path, design: Design) -> None:
    """Write ``design.json``.

    Raises:
        RecordError: if it cannot be written.
    """
    write_json(study_dir / DESIGN_FILE, {"version": VERSION, **asdict(design)})


def read_design(study_dir: Path) -> Design:
    """Read ``design.json`` and check it.

    Raises:
        RecordError: if there is none, or it is damaged or of another version.
    """
    path = study_dir / DESIGN_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(
            f"cannot read {path}: {error.strerror}; give the folder that latentman study build wrote"
        ) from error
    except ValueError as error:
        raise RecordError(f"{path} is damaged ({error}); build the study again into a new folder") from error
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise RecordError(
            f"{path} has version {version!r}, this latentman reads version {VERSION}: "
            "use the latentman that built the study, or build it again into a new folder"
        )
    try:
        design = _design(data)
        _check(design)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path} is damaged ({error!r}); build the study again into a new folder") from error
    return design


def _design(data: Mapping[str, Any]) -> Design:
    studies = tuple(
        Study(entry["code"], entry["baseline"], tuple(Pair(**pair) for pair in entry["pairs"]))
        for entry in data["studies"]
    )
    fields = {key: value for key, value in data.items() if key not in ("version", "studies", "skipped")}
    return Design(studies=studies, skipped=tuple(data["skipped"]), **fields)


def _check(design: Design) -> None:
    pairs = [pair for study in design.studies for pair in study.pairs]
    groups = [[study.code for study in design.studies], [pair.code for pair in pairs], design.clips()]
    for codes in groups:
        if len(set(codes)) != len(codes) or not all(isinstance(code, str) and CODE.fullmatch(code) for code in codes):
            raise ValueError("a code is no code, or is there twice")
    if not design.studies or not all(study.comparisons() for study in design.studies):
        raise ValueError("a study has no pairs")
    if not CODE.fullmatch(design.code) or not isinstance(design.may_fail, int):
        raise ValueError("code or may_fail")
