"""One answer of a participant, and the check of every field of an answer that was stored somewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from latentman.study.design import CODE, Design, Study
from latentman.system.whole_number import whole_number

MAX_SECONDS = 86_400
MAX_PLAYS = 100_000
MAX_CHANGES = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice: which side of a pair, and what was shown there.

    Attributes:
        study: code of the study.
        participant: code of the participant.
        pair: code of the pair.
        position: place in the participant's order, from 0.
        left_video: code of the video on the left.
        right_video: code of the video on the right.
        choice: ``left`` or ``right``.
        seconds: from the first sight of the pair to the choice.
        plays: how often both videos ran.
        changes: how often the participant went back and chose the other video.
    """

    study: str
    participant: str
    pair: str
    position: int
    left_video: str
    right_video: str
    choice: str
    seconds: float
    plays: int
    changes: int = 0

    @property
    def chosen(self) -> str:
        """The code of the video that was chosen."""
        return self.left_video if self.choice == "left" else self.right_video


COLUMNS = tuple(field.name for field in fields(Answer))

OLD_COLUMNS = {"left_clip": "left_video", "right_clip": "right_video"}
"""Names in files of studies that were built with designs of version 1."""


def checked_answer(row: Mapping[str, object], design: Design) -> Answer:
    """Return an answer from the columns of a stored row: text from CSV, values of any type from SQLite.

    Raises:
        ValueError: naming the first column that does not fit the design or is out of range.
    """
    study = design.study(_code(row, "study"))
    pair = study.pair(_code(row, "pair")) if study is not None else None
    if study is None or pair is None:
        raise ValueError(f"study {_shown(row['study'])} with pair {_shown(row['pair'])} is not in this design")
    left, right = _code(row, "left_video"), _code(row, "right_video")
    if {left, right} != set(pair.videos()):
        raise ValueError(f"{left} and {right} are not the videos of pair {pair.code}")
    if row["choice"] not in ("left", "right"):
        raise ValueError(f"choice {_shown(row['choice'])} is neither left nor right")
    return Answer(
        study.code,
        _code(row, "participant"),
        pair.code,
        _whole(row, "position", _last_position(study)),
        left,
        right,
        str(row["choice"]),
        _seconds(row["seconds"]),
        _whole(row, "plays", MAX_PLAYS),
        _whole(row, "changes", MAX_CHANGES),
    )


def _last_position(study: Study) -> int:
    return len(study.pairs) - 1


def _code(row: Mapping[str, object], column: str) -> str:
    value = row[column]
    if not isinstance(value, str) or not CODE.fullmatch(value):
        raise ValueError(f"{column} {_shown(value)} is not a code")
    return value


def _whole(row: Mapping[str, object], column: str, largest: int) -> int:
    value = row[column]
    # A text of digits alone: int() would also take "1_0", " 1" and digits of other scripts.
    number = whole_number(value) if isinstance(value, str) else value
    if not isinstance(number, int) or not 0 <= number <= largest:
        raise ValueError(f"{column} {_shown(value)} is not a whole number from 0 to {largest}")
    return number


def _seconds(value: object) -> float:
    try:
        seconds = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"seconds {_shown(value)} is not a number from 0 to {MAX_SECONDS}")
    return seconds


def _shown(value: object) -> str:
    """Return a value in plain ASCII, shortened: it may be anything."""
    text = ascii(value[:80] if isinstance(value, str | bytes) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
