"""What ``latentman report`` prints: a table of five columns, the failed runs, remarks, and the main files."""

from __future__ import annotations

import sys

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from latentman.report.build import Report
from latentman.report.tables.short import COLUMNS, ShortTable

WIDTH_OF_A_FILE = 240
"""Columns for output that is not a terminal, so that nothing there is wrapped."""


def print_report(report: Report, console: Console | None = None) -> None:
    """Print a report.

    Args:
        report: as from ``write_report``.
        console: stdout by default. In a narrow terminal cells are wrapped; paths and errors never are.
    """
    if console is None:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=WIDTH_OF_A_FILE, file=sys.stdout)
    for table in report.short:
        console.print(rich_table(table))
    if report.failures:
        _line(console, f"{len(report.failures)} failed:", "bold red")
    for line in report.failures:
        _line(console, line, "red")
    for line in report.remarks:
        _line(console, line, "yellow")
    for path in report.main_files:
        _line(console, str(path))


def rich_table(table: ShortTable) -> Table:
    """Return the table of one experiment for a terminal."""
    shown = Table(box=SIMPLE_HEAD, title=table.name or None, title_justify="left", pad_edge=False, show_edge=False)
    for column in COLUMNS:
        shown.add_column(column, justify="left" if column == COLUMNS[0] else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown


def _line(console: Console, text: str, style: str = "") -> None:
    """Print a line as it is: a path or an error in brackets is not markup, and a path that is cut cannot be copied."""
    console.print(Text(text, style=style), soft_wrap=True)
