"""All plots of one experiment as PNG and PDF; a kind of plot for which its runs have no data is left out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from latentman.report.plots.bars import draw_bars
from latentman.report.plots.canvas import save, style
from latentman.report.plots.curves import draw_curves
from latentman.report.plots.heatmap import draw_heatmap
from latentman.report.plots.pareto import draw_pareto
from latentman.report.plots.search import draw_search
from latentman.report.tables.front import Trials
from latentman.report.tables.table import summarise
from latentman.report.tables.variants import of_shared_runs

SCORES = {"human_mse": "H_MSE", "human_mse_mesh": "H_MSE on the mesh"}
"""The scores that are drawn, and their names in plots."""


def write_figures(
    folder: Path, results: pd.DataFrame, pairs: pd.DataFrame, summary: pd.DataFrame, trials: Trials | None = None
) -> list[Path]:
    """Write ``<score>_<kind>.png`` and ``.pdf`` for bars, pairs, pareto and heatmap; of a search ``search_front`` only.

    Args:
        folder: the folder to write to.
        results: the experiment's runs, as from ``collect``.
        pairs: their series, as from ``collect_pairs``; series of other runs are ignored.
        summary: as from ``summarise``.
        trials: of a search, which has too many variants for the other plots.

    Returns:
        The files, in a fixed order. Lines and points of different variants are means over the prompts and seeds that
        all of them have; bars have their own number of runs, and paired changes next to them.

    Raises:
        RecordError: if a file cannot be written.
    """
    written = []
    shared = of_shared_runs(results)
    with style():
        if trials is not None:
            return save(draw_search(trials), folder / "search_front")
        for metric, title in SCORES.items():
            drawings = {
                "bars": draw_bars(summary, metric, title),
                "pairs": draw_curves(shared, pairs, metric, title),
                "pareto": draw_pareto(summarise(shared), metric, title),
                "heatmap": draw_heatmap(results, metric, title),
            }
            for kind, figure in drawings.items():
                if figure is not None:
                    written += save(figure, folder / f"{metric}_{kind}")
    return written
