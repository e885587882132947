"""A heat map has sorted settings, and gaps where no run finished."""

import numpy as np
import pytest

from latentman.report.collect import collect
from latentman.report.plots.heatmap import draw_heatmap, ordered, score_grid
from tests.factories.report import SIX_PROMPTS, make_sweep, make_windows


def test_a_heat_map_has_its_settings_in_ascending_order(tmp_path):
    grid = score_grid(make_windows(tmp_path), "human_mse")
    assert list(grid.index) == ["[0.0,0.2]", "[0.0,0.4]"]
    assert list(grid.columns) == ["1e-3", "0.05", "0.1"]
    assert grid.to_numpy().tolist() == [[50.5, 40.5, 30.5], [20.5, 10.5, 0.5]]


def test_a_run_that_is_missing_is_a_gap_in_the_heat_map(tmp_path):
    results = make_windows(tmp_path)
    results.loc[results["folder"].isin(["00", "01"]), "state"] = "failed"
    assert np.isnan(score_grid(results, "human_mse").loc["[0.0,0.4]", "0.1"])
    figure = draw_heatmap(results, "human_mse", "H_MSE")
    axes = figure.axes[0]
    assert figure.get_suptitle() == "H_MSE over two settings,\nmean over n = 2 runs"
    assert [text.get_text() for text in axes.texts].count("-") == 1


def test_words_or_another_number_of_settings_give_no_heat_map(tmp_path):
    assert score_grid(collect(make_sweep(tmp_path / "words", SIX_PROMPTS)), "human_mse") is None
    assert score_grid(make_windows(tmp_path / "one", windows=("[0.0,0.4]",)), "human_mse") is None


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("0.05", (0.05,)), ("-1e-3", (-0.001,)), ("[0.0,0.4]", (0.0, 0.4)), ("[0, 1)", (0.0, 1.0)), ("full", None),
        ("12a", None), ("[0,1,2]", None), (None, None), ("", None),
    ],
)  # fmt: skip
def test_numbers_and_windows_can_be_sorted(value, numbers):
    assert ordered(value) == numbers
