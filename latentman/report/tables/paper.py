"""The paper's numbers, which tables show next to ours: one CSV file per experiment.

Columns: ``variant`` (as our tables name it; ``*`` for a note on the whole table), ``human_mse``, ``change``,
``seconds``, ``memory``, ``preference``, ``note``. Cells are shown verbatim. ``n/a``: the paper has a value that could
not be read off. An empty cell: the paper has no value.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from latentman.errors import RecordError
from latentman.files.opening import missing_as
from latentman.files.table_file import read_csv_rows

FOLDER = Path(__file__).with_name("paper")
"""The files that ship inside the package, named after the experiments."""

HEADINGS = {
    "human_mse": "H_MSE",
    "change": "change",
    "seconds": "seconds",
    "memory": "peak memory",
    "preference": "preferred by users",
}
"""The columns that hold values, and their headings in tables."""

NOTES = "*"


@dataclass(frozen=True, slots=True)
class Paper:
    """Values by column and variant, and the notes; columns without any value are left out."""

    columns: dict[str, dict[frozenset[str], str]]
    notes: tuple[str, ...]

    def cell(self, column: str, variant: str) -> str:
        """Return a value as text, for any order of the parts of the variant's name; ``-`` if there is none."""
        return self.columns[column].get(frozenset(variant.split()), "") or "-"


def paper_of(name: str, root: Path | None = None) -> Paper | None:
    """Return the paper's numbers for an experiment: ``paper.csv`` in its folder, else the shipped file, else None.

    Raises:
        RecordError: if the file is damaged.
    """
    places = [] if root is None else [root / "paper.csv"]
    if "/" not in name:
        places.append(FOLDER / f"{name}.csv")
    return next((read_paper(place) for place in places if place.is_file()), None)


def read_paper(path: Path) -> Paper:
    """Return the numbers in a file.

    Raises:
        RecordError: if it cannot be read, has an unknown or repeated column or variant, or a row of the wrong length.
    """
    with missing_as(path, error=RecordError):
        lines = read_csv_rows(path, error=RecordError)
    heading, rows = (lines[0], [line for line in lines[1:] if line]) if lines else ([], [])
    allowed = ("variant", *HEADINGS, "note")
    if "variant" not in heading or any(name not in allowed for name in heading) or len(set(heading)) < len(heading):
        raise RecordError(
            f"{path}: the first line is {','.join(heading) or 'empty'}; "
            f"it must name variant and any of {', '.join(allowed[1:])}, each once"
        )
    for number, row in enumerate(rows, 2):
        if len(row) != len(heading):
            raise RecordError(f"{path}, row {number}: {len(row)} cells, but the first line has {len(heading)}")
    records = [dict(zip(heading, (cell.strip() for cell in row), strict=True)) for row in rows]
    variants = [frozenset(record["variant"].split()) for record in records if record["variant"] != NOTES]
    if len(set(variants)) < len(variants):
        raise RecordError(f"{path} names a variant twice; keep one row per variant")
    columns = {
        column: {frozenset(record["variant"].split()): record[column] for record in records if record.get(column)}
        for column in HEADINGS
    }
    return Paper({column: values for column, values in columns.items() if values}, _notes(records))


def _notes(records: list[dict[str, str]]) -> tuple[str, ...]:
    """Return each note once, with the variants that it applies to."""
    variants: dict[str, list[str]] = {}
    for record in records:
        if record.get("note"):
            variants.setdefault(record["note"], []).append(record["variant"])
    return tuple(note if NOTES in names else f"{note} ({', '.join(names)})" for note, names in variants.items())
