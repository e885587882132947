"""What the notebooks draw holds what it was given, also at the edges."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from analysis.drawing import _apart, draw_changes, draw_heat, draw_paired, draw_ratios, draw_scaling
from latentman.report.plots.canvas import style


def texts(figure) -> list[str]:
    figure.draw_without_rendering()
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.fixture(autouse=True)
def in_style():
    with style():
        yield


def test_a_heat_map_writes_every_number_and_a_dash_for_what_is_missing() -> None:
    table = pd.DataFrame([[1.0, np.nan], [-2.0, 3.0]], index=["a", "b"], columns=["x y=1 z=2", "w"])
    starred = pd.DataFrame([[True, True], [False, False]])
    found = texts(draw_heat(table, "title", "{:+.0f}", middle=0.0, starred=starred))
    assert found == ["+1 *", "– *", "-2", "+3"]


@pytest.mark.parametrize("values", [[[np.nan]], [[5.0]], [[0.0, 0.0]]])
def test_a_heat_map_needs_no_range(values: list) -> None:
    for middle in (None, 0.0):
        assert len(texts(draw_heat(pd.DataFrame(values), "title", middle=middle))) == len(values[0])


def test_a_line_per_prompt_and_their_mean() -> None:
    (axes,) = draw_paired(pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 2.0]}), "H_MSE").axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[1, 2], [3, 2], [2, 2]]


def test_changes_are_filled_where_the_interval_leaves_zero_out() -> None:
    table = pd.DataFrame({"percent": [-5.0, 1.0, -9.0], "low": [-9.0, -1.0, np.nan], "high": [-1.0, 3.0, np.nan]})
    (axes,) = draw_changes(table, ["a", "b", "c"], "change").axes
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"]
    assert [face == "white" for face in faces] == [False, True, True]
    assert texts(axes.figure) == ["-5.0 %", "+1.0 %", "-9.0 %"]


def test_ratios_show_each_run_and_each_mean() -> None:
    ratios = pd.DataFrame({"variant": ["a", "a", "b"], "x": [0.4, 0.6, 2.0], "y": [1.0, 1.2, 9.0]})
    axes = draw_ratios(ratios, "x", "y", ("x", "y")).axes[0]
    assert axes.get_ylim()[1] > 9
    assert [0.5, 1.1] in [[line.get_xdata()[0], line.get_ydata()[0]] for line in axes.lines]


def test_all_ends_of_lines_lie_within_the_panels_and_names_apart() -> None:
    panels = {
        "clean": {"slow": [(100, 0.1), (1000, 10.0)], "absent": [], "fast": [(100, 0.1), (1000, 9.9)]},
        "noisy": {"slow": [(100, 0.1), (1000, 500.0)]},
    }
    figure = draw_scaling(panels, ("pixels", "seconds"))
    assert [axes.get_title() for axes in figure.axes] == ["clean", "noisy"]
    assert all(axes.get_ylim()[1] > 500 for axes in figure.axes)
    assert texts(figure) == ["fast", "slow", "slow"]


def test_heights_are_moved_apart_and_stay_below_the_top() -> None:
    moved = _apart([0.2, 0.21, 0.98, 0.99, 1.0], 0.06)
    assert all(b - a >= 0.06 - 1e-9 for a, b in pairwise(moved))
    assert moved[-1] <= 1
    assert moved[0] == 0.2
