"""Answers as CSV, to bring together what several servers of one study collected."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

from latentman.errors import DataError, RecordError
from latentman.study.answers import COLUMNS, Answer
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
    """Write answers as CSV, a row each.

    Raises:
        RecordError: if it cannot be written.
    """
    write_csv(path, ((design.code, *astuple(answer)) for answer in answers), HEADINGS)


def import_answers(path: Path, design: Design) -> list[Answer]:
    """Read answers that ``export_answers`` wrote, and check every field against the design.

    Raises:
        RecordError: if the file cannot be read.
        DataError: if it is no such file, belongs to another study, or a row does not fit the design.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise RecordError(f"cannot read --answers {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"--answers {path} is no CSV file: {error}") from error
    answers = []
    for line, row in enumerate(rows, start=2):
        missing = [name for name in HEADINGS if row.get(name) is None]
        if missing:
            raise DataError(
                f"--answers {path}, line {line} lacks {', '.join(missing)}: give an answers.csv that "
                "latentman study analyse wrote"
            )
        if row["design"] != design.code:
            raise DataError(
                f"--answers {path}, line {line} belongs to another study ({row['design']}, not {design.code}): "
                "servers that work together need copies of one study folder"
            )
        try:
            answers.append(_answer(row, design))
        except ValueError as error:
            raise DataError(f"--answers {path}, line {line}: {error}") from error
    return answers


def _answer(row: dict[str, str], design: Design) -> Answer:
    study = design.study(row["study"])
    pair = study.pair(row["pair"]) if study is not None else None
    if study is None or pair is None:
        raise ValueError(f"study {row['study']} with pair {row['pair']} is not in this design")
    if {row["left_clip"], row["right_clip"]} != set(pair.clips()):
        raise ValueError(f"{row['left_clip']} and {row['right_clip']} are not the clips of pair {row['pair']}")
    if row["choice"] not in ("left", "right"):
        raise ValueError(f"choice '{row['choice']}' is neither left nor right")
    if not CODE.fullmatch(row["participant"]):
        raise ValueError(f"participant '{row['participant']}' is no code")
    seconds = float(row["seconds"])
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"seconds {row['seconds']} is out of range")
    return Answer(
        study.code,
        row["participant"],
        pair.code,
        int(row["position"]),
        row["left_clip"],
        row["right_clip"],
        row["choice"],
        seconds,
        int(row["plays"]),
        int(row["changes"]),
    )


def merge(sources: Iterable[tuple[str, Sequence[Answer]]]) -> list[Answer]:
    """Bring together answers from several places; what is in two of them counts once.

    Raises:
        DataError: if two places tell different answers of one participant to one pair.
    """
    merged: dict[tuple[str, str], tuple[str, Answer]] = {}
    for name, answers in sources:
        for answer in answers:
            key = (answer.participant, answer.pair)
            place, known = merged.setdefault(key, (name, answer))
            if known != answer:
                raise DataError(
                    f"{place} and {name} tell different answers of participant {answer.participant} to pair "
                    f"{answer.pair}: one of them is older; leave it out"
                )
    return [answer for _, answer in merged.values()]
