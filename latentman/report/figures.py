"""All plots of one experiment as PNG and PDF."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def write_figures(folder: Path, results: pd.DataFrame, pairs: pd.DataFrame, summary: pd.DataFrame) -> list[Path]:
    """Write the plots."""
    return []
