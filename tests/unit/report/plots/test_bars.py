"""Bars end at the means, and intervals are drawn only where there are enough prompts."""

import pytest
from matplotlib.colors import to_hex

from latentman.report.collect import collect
from latentman.report.plots.bars import draw_bars
from latentman.report.plots.canvas import colour
from latentman.report.tables.table import summarise
from tests.factories.report import SIX_PROMPTS, make_run, make_sweep


def test_bars_end_at_the_means_and_their_intervals_contain_them(tmp_path):
    summary = summarise(collect(make_sweep(tmp_path, SIX_PROMPTS)))
    means, changes = draw_bars(summary, "human_mse", "H_MSE").axes
    assert [bar.get_width() for bar in means.patches] == pytest.approx([22.5, 12.5])
    assert [text.get_text() for text in means.get_yticklabels()] == ["sla=none", "sla=full"]
    assert "95 % interval" in means.get_xlabel()
    assert (summary["human_mse_low"] < summary["human_mse_mean"]).all()
    assert (summary["human_mse_high"] > summary["human_mse_mean"]).all()
    dots = [drawn for drawn in changes.lines if drawn.get_marker() == "o"]
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([100 * (12.5 / 22.5 - 1)])


def test_bars_of_few_prompts_have_no_interval_and_a_failed_variant_is_labelled(tmp_path):
    make_sweep(tmp_path, {("none", "none"): {"a": 10.0}})
    make_run(tmp_path / "9", name="ablation", swept={"sla": "x", "pwg": "none"}, state="failed")
    (axes,) = draw_bars(summarise(collect(tmp_path)), "human_mse", "H_MSE").axes
    assert "interval" not in axes.get_xlabel()
    assert "no finished run" in [text.get_text() for text in axes.texts]


def test_a_bar_says_how_many_runs_it_stands_for_and_has_the_colour_of_its_variant(tmp_path):
    summary = summarise(collect(make_sweep(tmp_path, SIX_PROMPTS)))
    figure = draw_bars(summary, "human_mse", "H_MSE")
    means, changes = figure.axes
    assert figure.get_suptitle() == "H_MSE of each variant, mean over its n runs"
    assert [text.get_text() for text in means.texts] == ["22.5  n=6", "12.5  n=6"]
    assert [to_hex(bar.get_facecolor()).upper() for bar in means.patches] == [colour(0), colour(1)]
    assert [drawn.get_color() for drawn in changes.lines if drawn.get_marker() == "o"] == [colour(1)]
