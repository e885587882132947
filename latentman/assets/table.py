"""The table of the check, followed by what to do about each missing asset."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from latentman.assets.finding import MISSING, PRESENT, Finding

WIDTH = 100
"""Columns of the table if the output is not a terminal."""

_COLUMNS = {"asset": 6, "state": None, "where": 8, "licence and source": 8, "size, hash": 4}
"""Headings, and their shares of the width; the state is never wrapped."""


def print_table(findings: list[Finding]) -> None:
    """Print the findings, and whether a run could start."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for heading, ratio in _COLUMNS.items():
        table.add_column(heading, overflow="fold", ratio=ratio, no_wrap=ratio is None)
    for finding in findings:
        style = {MISSING: "red", PRESENT: "green"}.get(finding.state, "yellow")
        where = finding.where.replace(str(Path.home()), "~")
        # As Text, since brackets in a path would be taken for markup.
        row = (
            Text(finding.asset),
            Text(finding.state, style),
            Text(where),
            Text(finding.terms),
            Text(finding.expected),
        )
        table.add_row(*row)
    console.print(table)
    missing = [finding for finding in findings if finding.state == MISSING]
    for finding in missing:
        lines = f"{finding.asset}: {finding.problem}".splitlines()
        wrapped = [_wrap(line, console.width, "  " if index else "") for index, line in enumerate(lines)]
        sys.stdout.write("\n" + "\n".join(wrapped) + "\n")
    sys.stdout.write(f"\n{len(missing)} missing\n" if missing else "\neverything that this run needs is installed\n")


def _wrap(line: str, width: int, indent: str) -> str:
    return textwrap.fill(
        line, width, initial_indent=indent, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
