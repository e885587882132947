"""The report of a folder: every file of it, and the text that the command line prints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from latentman.paths import write_atomic, write_text
from latentman.report.collect import collect
from latentman.report.plots import variant_bars
from latentman.report.table import UNFINISHED, summarise, to_latex, to_markdown


@dataclass(frozen=True, slots=True)
class Report:
    """What was written, and the table and the failed runs as text."""

    files: tuple[Path, ...]
    table: str
    failures: tuple[str, ...]

    def text(self) -> str:
        """Return what a terminal shows."""
        failed = [f"{len(self.failures)} without a result:", *self.failures, ""] if self.failures else []
        return "\n".join([self.table, *failed, *(str(path) for path in self.files)])


def write_report(root: Path, *, gallery: bool = True) -> Report:
    """Write the results, the table, the plot, the gallery and the strips of a run, job or sweep into its folder.

    Written anew from the runs each time; nothing is added up.

    Raises:
        RecordError: if there are no runs below ``root``, or a file cannot be written.
    """
    results = collect(root)
    summary = summarise(results)
    table = to_markdown(summary)
    names = ["results.parquet", "results.csv", "table.md", "table.csv", "table.tex", "human_mse.svg"]
    write_atomic(root / names[0], lambda path: results.to_parquet(path, index=False))
    write_text(root / names[1], results.to_csv(index=False))
    write_text(root / names[2], table)
    write_text(root / names[3], summary.to_csv(index=False))
    write_text(root / names[4], to_latex(summary))
    write_text(root / names[5], variant_bars(summary))
    if summary["human_mse_mesh_mean"].notna().any():
        names.append("human_mse_mesh.svg")
        write_text(root / names[-1], variant_bars(summary, "human_mse_mesh", "H_MSE on the mesh"))
    if gallery:
        from latentman.report.gallery import write_gallery
        from latentman.report.strip import write_strips

        write_gallery(root)
        names.append("gallery.html")
        names += [str(path.relative_to(root)) for path in write_strips(root, results)]
    return Report(tuple(root / name for name in names), table, _failures(results))


def _failures(results: pd.DataFrame) -> tuple[str, ...]:
    runs = results[results["state"].isin(UNFINISHED)]
    return tuple(
        f"  {run.folder}: {run.state}" + (f": {run.error}" if isinstance(run.error, str) else "")
        for run in runs.itertuples()
    )
