"""Every plot of an experiment is written twice, with reproducible bytes."""

import numpy as np
import pytest
from PIL import Image

from latentman.report.collect import collect, collect_pairs
from latentman.report.plots.figures import write_figures
from latentman.report.tables.table import summarise
from tests.factories.report import make_run, make_windows


@pytest.mark.slow
def test_every_plot_is_written_as_png_and_pdf_with_reproducible_bytes(tmp_path):
    results = make_windows(tmp_path / "sweep")
    pairs, summary = collect_pairs(tmp_path / "sweep", results), summarise(results)
    first = write_figures(tmp_path / "a", results, pairs, summary)
    names = [f"human_mse_{kind}.{end}" for kind in ("bars", "pairs", "pareto", "heatmap") for end in ("png", "pdf")]
    assert [path.name for path in first] == names
    again = write_figures(tmp_path / "b", results, pairs, summary)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in first]
    for path in first:
        if path.suffix == ".pdf":
            assert path.read_bytes().startswith(b"%PDF")
            assert b"CreationDate" not in path.read_bytes()
            continue
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("L")).std() > 5
            assert "Software" not in picture.info


def test_without_a_finished_run_nothing_is_drawn(tmp_path):
    make_run(tmp_path / "0", state="failed")
    results = collect(tmp_path)
    assert write_figures(tmp_path / "plots", results, collect_pairs(tmp_path, results), summarise(results)) == []
