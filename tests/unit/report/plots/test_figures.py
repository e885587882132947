"""The plots for papers: what they show is in the data, and the same data give the same bytes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentman.report.collect import PAIR_COLUMNS, collect, collect_pairs
from latentman.report.plots.bars import draw_bars
from latentman.report.plots.canvas import ONE_COLUMN, colour, line, marker, new_figure, save, style
from latentman.report.plots.curves import MOST_LINES, draw_curves, pair_means
from latentman.report.plots.figures import write_figures
from latentman.report.plots.heatmap import draw_heatmap, ordered, score_grid
from latentman.report.plots.pareto import draw_pareto, front
from latentman.report.tables.table import summarise
from tests.factories.report import make_run, make_sweep

SCORES = {
    ("none", "none"): {name: 20.0 + number for number, name in enumerate("abcdef")},
    ("full", "none"): {name: 10.0 + number for number, name in enumerate("abcdef")},
}


def make_windows(root, windows=("[0.0,0.4]", "[0.0,0.2]"), deltas=("0.1", "0.05", "1e-3")):
    for number, (window, delta) in enumerate((w, d) for w in windows for d in deltas):
        for index in range(2):
            make_run(
                root / f"{number}{index}", name="windows", prompt=str(index), baseline={},
                swept={"sla.window": window, "pwg.delta": delta}, human_mse=10.0 * number + index,
            )  # fmt: skip
    return collect(root)


def test_every_kind_of_plot_is_written_twice_and_again_in_the_same_bytes(tmp_path):
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


def test_a_plot_is_as_wide_as_it_was_made_whatever_the_users_settings(tmp_path):
    import matplotlib

    with matplotlib.rc_context({"savefig.dpi": 30, "savefig.bbox": "tight", "font.size": 40}), style():
        figure = new_figure(ONE_COLUMN, 2)
        figure.subplots().plot([0, 1])
        save(figure, tmp_path / "x")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (round(ONE_COLUMN * 200), 400)


def test_bars_end_at_the_means_and_their_intervals_hold_them(tmp_path):
    summary = summarise(collect(make_sweep(tmp_path, SCORES)))
    means, changes = draw_bars(summary, "human_mse", "H_MSE").axes
    assert [bar.get_width() for bar in means.patches] == pytest.approx([22.5, 12.5])
    assert [text.get_text() for text in means.get_yticklabels()] == ["sla=none", "sla=full"]
    assert "95 % interval" in means.get_xlabel()
    assert (summary["human_mse_low"] < summary["human_mse_mean"]).all()
    assert (summary["human_mse_high"] > summary["human_mse_mean"]).all()
    dots = [drawn for drawn in changes.lines if drawn.get_marker() == "o"]
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([100 * (12.5 / 22.5 - 1)])


def test_bars_of_few_prompts_claim_no_interval_and_a_failed_variant_says_so(tmp_path):
    make_sweep(tmp_path, {("none", "none"): {"a": 10.0}})
    make_run(tmp_path / "9", name="ablation", swept={"sla": "x", "pwg": "none"}, state="failed")
    (axes,) = draw_bars(summarise(collect(tmp_path)), "human_mse", "H_MSE").axes
    assert "interval" not in axes.get_xlabel()
    assert "no finished run" in [text.get_text() for text in axes.texts]


def test_nothing_finished_is_nothing_drawn(tmp_path):
    make_run(tmp_path / "0", state="failed")
    results = collect(tmp_path)
    assert write_figures(tmp_path / "plots", results, collect_pairs(tmp_path, results), summarise(results)) == []


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


def test_more_lines_than_can_be_told_apart_are_not_drawn():
    count = MOST_LINES + 1
    results = pd.DataFrame({"folder": list(map(str, range(count))), "name": "x", "num_frames": 3, "state": "done"})
    results["swept.delta"] = results["folder"]
    pairs = pd.DataFrame(
        [(str(k), "human_mse", index, 1.0) for k in range(count) for index in range(2)], columns=list(PAIR_COLUMNS)
    )
    assert draw_curves(results, pairs, "human_mse", "H_MSE") is None
    assert draw_curves(results[1:], pairs, "human_mse", "H_MSE") is not None


def test_no_two_of_the_first_variants_look_alike():
    looks = [(colour(index), marker(index)) for index in range(49)]
    assert len(set(looks)) == 49
    lines = [(colour(index), line(index)) for index in range(MOST_LINES)]
    assert len(set(lines)) == MOST_LINES


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_no_other_point_beats(points):
    def beats(a, b):
        return a[0] <= b[0] and a[1] <= b[1] and a != b

    expected = [not any(beats(other, point) for other in points) for point in points]
    assert front(np.array(points, float)).tolist() == expected


def test_the_pareto_plot_marks_the_front(tmp_path):
    for number, (name, score, seconds) in enumerate([("quick", 9.0, 1.0), ("good", 5.0, 3.0), ("bad", 8.0, 4.0)]):
        make_run(tmp_path / str(number), swept={"variant": name}, human_mse=score, metrics={"seconds_total": seconds})
    (axes,) = draw_pareto(summarise(collect(tmp_path)), "human_mse", "H_MSE").axes
    labels = [drawn.get_label() for drawn in axes.lines]
    assert labels == ["front", "quick (on the front)", "good (on the front)", "bad"]
    assert axes.lines[0].get_xydata().tolist() == [[1.0, 9.0], [3.0, 5.0]]


def test_a_heat_map_has_its_settings_in_ascending_order(tmp_path):
    grid = score_grid(make_windows(tmp_path), "human_mse")
    assert list(grid.index) == ["[0.0,0.2]", "[0.0,0.4]"]
    assert list(grid.columns) == ["1e-3", "0.05", "0.1"]
    assert grid.to_numpy().tolist() == [[50.5, 40.5, 30.5], [20.5, 10.5, 0.5]]


def test_a_run_that_is_missing_is_a_gap_in_the_heat_map(tmp_path):
    results = make_windows(tmp_path)
    results.loc[results["folder"].isin(["00", "01"]), "state"] = "failed"
    assert np.isnan(score_grid(results, "human_mse").loc["[0.0,0.4]", "0.1"])
    axes = draw_heatmap(results, "human_mse", "H_MSE").axes[0]
    assert [text.get_text() for text in axes.texts].count("-") == 1


def test_words_and_other_numbers_of_settings_have_no_heat_map(tmp_path):
    assert score_grid(collect(make_sweep(tmp_path / "words", SCORES)), "human_mse") is None
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
