"""The table of variants as the terminal shows it: five columns, whatever was measured."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from latentman.report.tables.table import cells

COLUMNS = ("variant", "H_MSE", "change", "seconds", "n")


@dataclass(frozen=True, slots=True)
class ShortTable:
    """The rows of ``COLUMNS`` as text, and the experiment's name; empty if it is the only one."""

    name: str
    rows: tuple[tuple[str, ...], ...]


def short_table(name: str, summary: pd.DataFrame) -> ShortTable:
    """Return the five columns of a summary; a column that it lacks shows ``-``.

    Args:
        name: of the experiment.
        summary: as from ``summarise``.
    """
    headings, rows = cells(summary)
    places = [headings.index(column) if column in headings else None for column in COLUMNS]
    return ShortTable(name, tuple(tuple("-" if i is None else row[i] for i in places) for row in rows))
