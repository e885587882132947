"""All plots of one experiment as PNG and PDF, of whichever kinds its runs give something to draw."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from latentman.report.plots.bars import draw_bars
from latentman.report.plots.canvas import save, style
from latentman.report.plots.curves import draw_curves
from latentman.report.plots.heatmap import draw_heatmap
from latentman.report.plots.pareto import draw_pareto

SCORES = {"human_mse": "H_MSE", "human_mse_mesh": "H_MSE on the mesh"}
"""The scores that are drawn, and what plots call them."""


def write_figures(folder: Path, results: pd.DataFrame, pairs: pd.DataFrame, summary: pd.DataFrame) -> list[Path]:
    """Write ``<score>_<kind>.png`` and ``.pdf`` for bars, pairs, pareto and heatmap.

    Args:
        folder: where to.
        results: the experiment's runs, as from ``collect``.
        pairs: their series, as from ``collect_pairs``; those of other runs are passed over.
        summary: as from ``summarise``.

    Returns:
        The files, in a fixed order.

    Raises:
        RecordError: if a file cannot be written.
    """
    written = []
    with style():
        for metric, title in SCORES.items():
            drawings = {
                "bars": draw_bars(summary, metric, title),
                "pairs": draw_curves(results, pairs, metric, title),
                "pareto": draw_pareto(summary, metric, title),
                "heatmap": draw_heatmap(results, metric, title),
            }
            for kind, figure in drawings.items():
                if figure is not None:
                    written += save(figure, folder / f"{metric}_{kind}")
    return written
