"""Curves are means over runs, one line per variant."""

import pandas as pd

from latentman.report.collect import PAIR_COLUMNS, collect, collect_pairs
from latentman.report.plots.canvas import colour
from latentman.report.plots.curves import MOST_LINES, draw_curves, pair_means
from tests.factories.report import make_run


def test_curves_are_the_means_over_runs_pair_by_pair(tmp_path):
    for number, (sla, series) in enumerate({"none": [4.0, None, 6.0], "full": [1.0, 2.0, 3.0]}.items()):
        for seed, factor in ((1, 1.0), (2, 3.0)):
            values = [None if value is None else factor * value for value in series]
            make_run(
                tmp_path / f"{number}{seed}", seed=seed, num_frames=4, swept={"sla": sla, "seed": str(seed)}, sla=sla,
                metrics={"per_pair": {"human_mse": values}},
            )  # fmt: skip
    results = collect(tmp_path)
    means = pair_means(results, collect_pairs(tmp_path, results), "human_mse")
    assert list(means.index) == [1, 2, 3]
    assert means["sla=full"].to_list() == [2.0, 4.0, 6.0]
    assert means["sla=none"].iloc[[0, 2]].to_list() == [8.0, 12.0]
    assert means["sla=none"].isna().to_list() == [False, True, False]
    (axes,) = draw_curves(results, collect_pairs(tmp_path, results), "human_mse", "H_MSE").axes
    assert [drawn.get_label() for drawn in axes.lines] == ["sla=none", "sla=full"]
    assert axes.figure.get_suptitle() == "H_MSE of each pair of frames, mean over n = 2 runs of each variant"


def test_a_variant_keeps_its_colour_where_an_earlier_one_has_no_values(tmp_path):
    for number, sla in enumerate(("none", "half", "full")):
        series = None if number == 0 else [1.0, 2.0]
        make_run(tmp_path / str(number), swept={"sla": sla}, sla=sla, metrics={"per_pair": {"human_mse": series}})
    results = collect(tmp_path)
    (axes,) = draw_curves(results, collect_pairs(tmp_path, results), "human_mse", "H_MSE").axes
    assert [(drawn.get_label(), drawn.get_color()) for drawn in axes.lines] == [
        ("sla=half", colour(1)), ("sla=full", colour(2)),
    ]  # fmt: skip


def test_more_lines_than_can_be_distinguished_are_not_drawn():
    count = MOST_LINES + 1
    results = pd.DataFrame({"folder": list(map(str, range(count))), "name": "x", "num_frames": 3, "state": "done"})
    results["swept.delta"] = results["folder"]
    pairs = pd.DataFrame(
        [(str(k), "human_mse", index, 1.0) for k in range(count) for index in range(2)], columns=list(PAIR_COLUMNS)
    )
    assert draw_curves(results, pairs, "human_mse", "H_MSE") is None
    assert draw_curves(results[1:], pairs, "human_mse", "H_MSE") is not None
