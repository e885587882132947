"""The report of a folder: every file of it, and the text that the command line prints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from latentman.errors import RecordError
from latentman.record.sweep_plan import SweepPlan, read_plan
from latentman.report.collect import collect, collect_pairs, foreign_folders
from latentman.report.plots.figures import write_figures
from latentman.report.results import PAIRS_FILE, RESULTS_FILE, write_pairs, write_results
from latentman.report.tables.front import Trials, front_markdown, trials_of
from latentman.report.tables.latex import to_latex
from latentman.report.tables.paper import Paper, paper_of
from latentman.report.tables.short import ShortTable, short_table
from latentman.report.tables.table import FAILED, UNFINISHED, summarise, to_markdown
from latentman.report.tables.variants import experiments
from latentman.system.paths import write_text

REPORT_FILE = "report.html"

MAIN_FILES = (REPORT_FILE, "table.md", RESULTS_FILE)
"""The files that the terminal names."""


@dataclass(frozen=True, slots=True)
class Report:
    """The written files, and as text the tables, the failed runs and remarks on the folder.

    ``short`` holds the tables as the terminal shows them.
    """

    files: tuple[Path, ...]
    table: str
    failures: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    short: tuple[ShortTable, ...] = ()

    @property
    def main_files(self) -> list[Path]:
        """Return the files of ``MAIN_FILES`` that were written."""
        return [path for name in MAIN_FILES for path in self.files if path.name == name]


@dataclass(frozen=True, slots=True)
class Section:
    """One experiment of a folder."""

    name: str
    results: pd.DataFrame
    summary: pd.DataFrame
    paper: Paper | None
    trials: Trials | None = None
    """Of a search."""


def sections_of(results: pd.DataFrame, root: Path | None = None) -> list[Section]:
    """Return the experiments among the runs, each with its table; runs of different ones are never compared.

    Args:
        results: as from ``collect`` or ``read_results``.
        root: a folder in which the user may have put a ``paper.csv``; used if there is only one experiment.

    Raises:
        RecordError: if the paper's numbers are damaged.
    """
    parts = experiments(results)
    place = root if len(parts) == 1 else None
    plan = None if root is None else _plan(root)
    objectives = {plan.name: plan.objectives} if plan is not None and plan.objectives else {}
    return [
        Section(
            name,
            runs,
            summarise(runs),
            paper_of(name, place),
            trials_of(runs, objectives[name]) if name in objectives else None,
        )
        for name, runs in parts.items()
    ]


def _plan(root: Path) -> SweepPlan | None:
    """Return the plan of a sweep's folder; a damaged one is as good as none, since the runs are listed without it."""
    try:
        return read_plan(root)
    except RecordError:
        return None


def write_report(root: Path, *, gallery: bool = True, plots: bool = True) -> Report:
    """Write the results, the tables, the plots, the gallery and the strips of a run, job or sweep into its folder.

    Every call writes all files again from the runs; nothing accumulates. If the folder holds runs of several
    experiments, each experiment has its own table and plots.

    Args:
        root: the folder.
        gallery: whether to write the gallery and the strips.
        plots: whether to draw the PNG and PDF plots.

    Raises:
        RecordError: if there are no runs below ``root``, a later version wrote one, or a file cannot be written.
    """
    results = collect(root)
    pairs = collect_pairs(root, results)
    sections = sections_of(results, root)
    table = joined_markdown(sections)
    writers = {
        RESULTS_FILE: partial(write_results, results=results),
        "results.csv": partial(write_text, text=results.to_csv(index=False)),
        PAIRS_FILE: partial(write_pairs, pairs=pairs),
        "table.md": partial(write_text, text=table),
        "table.csv": partial(write_text, text=joined_csv(sections)),
        "table.tex": partial(write_text, text="\n".join(to_latex(part.summary, part.paper) for part in sections)),
    }
    for name, write in writers.items():
        write(root / name)
    names = list(writers)
    figures: dict[str, list[Path]] = {section.name: [] for section in sections}
    if plots:
        for section in sections:
            folder = root / "plots" / ("" if len(sections) == 1 else _slug(section.name))
            figures[section.name] = write_figures(folder, section.results, pairs, section.summary, section.trials)
            names += [path.relative_to(root).as_posix() for path in figures[section.name]]
    if gallery:
        from latentman.report.pages.gallery import write_gallery
        from latentman.report.pages.report_parts import report_part
        from latentman.report.plots.strip import write_strips

        parts = [
            report_part(_alone(part.name, sections), part.summary, part.paper, figures[part.name], part.trials)
            for part in sections
        ]
        write_gallery(root, results, parts=parts)
        names += ["gallery.html", REPORT_FILE]
        names += [str(path.relative_to(root)) for path in write_strips(root, results)]
    return Report(
        tuple(root / name for name in names),
        table,
        _failures(results),
        _remarks(root, results, sections),
        tuple(short_table(_alone(part.name, sections), part.summary) for part in sections),
    )


def joined_markdown(sections: list[Section]) -> str:
    """Return the tables one below the other, each under the name of its experiment if there are several."""
    tables = [to_markdown(section.summary, section.paper) + front_markdown(section.trials) for section in sections]
    if len(sections) == 1:
        return tables[0]
    return "\n".join(f"## {section.name}\n\n{table}" for section, table in zip(sections, tables, strict=True))


def joined_csv(sections: list[Section]) -> str:
    """Return the numbers of all tables as one CSV file; the paper's values are in its ``paper_...`` columns."""
    frames = []
    for section in sections:
        frame = section.summary.copy()
        frame.insert(0, "experiment", section.name)
        for column in section.paper.columns if section.paper else ():
            cells = [section.paper.cell(column, str(name)) for name in frame["variant"]] if section.paper else []
            frame[f"paper_{column}"] = cells
        frames.append(frame)
    return pd.concat(frames, ignore_index=True).to_csv(index=False)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)


def _alone(name: str, sections: list[Section]) -> str:
    """Return the name of an experiment for headings and tables; empty if it is the only one, whose page has it."""
    return name if len(sections) > 1 else ""


def _failures(results: pd.DataFrame) -> tuple[str, ...]:
    runs = results[results["state"].isin(FAILED)]
    return tuple(
        f"  {run.folder}: {run.state}" + (f": {run.error}" if isinstance(run.error, str) else "")
        for run in runs.itertuples()
    )


def _remarks(root: Path, results: pd.DataFrame, sections: list[Section]) -> tuple[str, ...]:
    remarks = []
    interrupted = int((results["state"] == "interrupted").sum())
    if interrupted:
        remarks.append(f"{interrupted} interrupted: the same command continues where it stopped")
    others = int((~results["state"].isin(["done", *UNFINISHED])).sum())
    if others:
        remarks.append(f"{others} not finished yet: the table covers the others; report again when all have ended")
    if len(sections) > 1:
        names = ", ".join(section.name for section in sections)
        remarks.append(f"the folder holds runs of {len(sections)} experiments, each with its own table: {names}")
    for section in sections:
        asked = set(section.results["baseline"].dropna()) - {"{}"}
        if asked and not section.summary["is_baseline"].any():
            remarks.append(f"{section.name}: without a run of the baseline {sorted(asked)[0]} there is no change")
    remarks += [f"skipped, because its status.json is not latentman's: {folder}" for folder in foreign_folders(root)]
    return tuple(remarks)
