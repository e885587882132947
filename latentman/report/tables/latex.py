"""The table of variants as LaTeX for a paper: booktabs rules, the paper's columns under their own heading."""

from __future__ import annotations

import pandas as pd

from latentman.report.tables.paper import Paper
from latentman.report.tables.table import PAPER, cells, footnotes

_CHARACTERS = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "≈": r"$\approx$",
    "<": "$<$", ">": "$>$",
} | {character: f"\\{character}" for character in "&%$#_{}"}  # fmt: skip


def to_latex(summary: pd.DataFrame, paper: Paper | None = None) -> str:
    r"""Return the table as a LaTeX ``tabular``; it needs ``\usepackage{booktabs}``.

    A baseline has extra space above its row.
    """
    headings, rows = cells(summary, paper)
    count = len(headings)
    theirs = sum(heading.startswith(PAPER) for heading in headings)
    lines = [r"% \usepackage{booktabs}", rf"\begin{{tabular}}{{l{'r' * (count - 1)}}}", r"\toprule"]
    if theirs:
        ours = count - 1 - theirs
        lines += [
            rf" & \multicolumn{{{ours}}}{{c}}{{ours}} & \multicolumn{{{theirs}}}{{c}}{{paper}} \\",
            rf"\cmidrule(lr){{2-{1 + ours}}} \cmidrule(lr){{{2 + ours}-{count}}}",
        ]
    lines += [_line([heading.removeprefix(PAPER) for heading in headings]), r"\midrule"]
    for number, (row, is_baseline) in enumerate(zip(rows, summary["is_baseline"], strict=True)):
        lines += [r"\addlinespace"] if is_baseline and number else []
        lines.append(_line(row))
    lines.append(r"\bottomrule")
    notes = " ".join(_escaped(note) for note in footnotes(summary, paper))
    lines += [r"\end{tabular}", "", rf"\par\smallskip\noindent{{\footnotesize {notes}\par}}"]
    return "\n".join(lines) + "\n"


def _line(row: list[str]) -> str:
    return " & ".join(_number(_escaped(cell)) for cell in row) + r" \\"


def _number(cell: str) -> str:
    """Set signs in math mode, outside of which LaTeX prints a minus as a hyphen."""
    return "--" if cell == "-" else " ".join(_sign(word) for word in cell.split(" "))


def _sign(word: str) -> str:
    stars = {"*": "$^{*}$", "**": "$^{**}$"}
    bracket, rest = (word[0], word[1:]) if word.startswith("[") else ("", word)
    if len(rest) > 1 and rest[0] in "+-" and rest[1].isdigit():
        return f"{bracket}${rest[0]}${rest[1:]}"
    return stars.get(word, word)


def _escaped(text: str) -> str:
    return "".join(_CHARACTERS.get(character, character) for character in text)
