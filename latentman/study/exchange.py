"""Answers as CSV, which brings together what several servers of one study collected."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

from latentman.errors import DataError, RecordError
from latentman.files.opening import missing_as, read_text
from latentman.study.answer import COLUMNS, OLD_COLUMNS, Answer, checked_answer
from latentman.study.design import CODE, Design
from latentman.system.paths import write_text

HEADINGS = ("design", *COLUMNS)


def write_csv(path: Path, rows: Iterable[Sequence[object]], headings: Sequence[str]) -> None:
    """Write a table as CSV.

    Raises:
        RecordError: if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def export_answers(path: Path, design: Design, answers: Iterable[Answer]) -> None:
    """Write answers as CSV, one row for each.

    Raises:
        RecordError: if it cannot be written.
    """
    write_csv(path, ((design.code, *astuple(answer)) for answer in answers), HEADINGS)


def import_answers(path: Path, design: Design) -> tuple[list[Answer], list[str]]:
    """Read answers that ``export_answers`` wrote, and check every field against the design.

    Each line stands for itself: a damaged one, even with an open quotation mark, takes no other line with it.

    Returns:
        The answers that fit, and for each line that does not, where it is and why, in words.

    Raises:
        RecordError: if the file cannot be read.
        DataError: if it is not such a file, or a line belongs to another study.
    """
    advice = "--answers takes an answers.csv that latentman study analyse wrote"
    with missing_as(path, error=RecordError, advice=advice):
        text = read_text(path, error=RecordError, advice=advice, lenient=True).removeprefix("\ufeff")
    lines = [line.rstrip("\r\n") for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)]
    lines = lines[:-1] if lines and not lines[-1] else lines
    headings = [OLD_COLUMNS.get(name, name) for name in _cells(lines[0]) or []] if lines else []
    missing = [name for name in HEADINGS if name not in headings]
    if missing:
        raise DataError(
            f"--answers {path} lacks the columns {', '.join(missing)}: give an answers.csv that "
            "latentman study analyse wrote"
        )
    answers, damaged = [], []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            answers.append(_answer(line, headings, design))
        except ValueError as error:
            damaged.append(f"--answers {path}, line {number}: {error}")
        except _ForeignRow as error:
            raise DataError(
                f"--answers {path}, line {number} belongs to another study ({error}, not {design.code}): "
                "servers that work together need copies of one study folder"
            ) from error
    return answers, damaged


class _ForeignRow(Exception):  # noqa: N818 - never leaves this module
    """A row of another study, named by its code."""


def _answer(line: str, headings: Sequence[str], design: Design) -> Answer:
    cells = _cells(line)
    if cells is None or len(cells) != len(headings):
        raise ValueError(f"it does not have {len(headings)} columns")
    row = dict(zip(headings, cells, strict=True))
    if row["design"] != design.code:
        if CODE.fullmatch(row["design"]):
            raise _ForeignRow(row["design"])
        raise ValueError(f"design {row['design'][:40]!a} is not a code")
    return checked_answer(row, design)


def _cells(line: str) -> list[str] | None:
    """Return the cells of one line; None if it is not CSV."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None


def merge(sources: Iterable[tuple[str, Sequence[Answer]]]) -> list[Answer]:
    """Bring together answers from several places; an answer that is in two of them counts once.

    Raises:
        DataError: if two places have different answers of one participant to one pair.
    """
    merged: dict[tuple[str, str], tuple[str, Answer]] = {}
    for name, answers in sources:
        for answer in answers:
            key = (answer.participant, answer.pair)
            place, known = merged.setdefault(key, (name, answer))
            if known != answer:
                raise DataError(
                    f"{place} and {name} have different answers of participant {answer.participant} to pair "
                    f"{answer.pair}: one of them is older; leave it out"
                )
    return [answer for _, answer in merged.values()]
