"""The plot of a search shows every trial, and numbers those of the front by their jobs."""

import numpy as np
import pytest

from latentman.report.plots.search import draw_search
from latentman.report.tables.front import Trials

VALUES = np.array([[1.0, 5.0, 3.0], [2.0, 4.0, 3.0], [3.0, 6.0, 4.0]])
NAMES = ("human_mse", "figure_contrast", "seconds_denoise")


def trials(columns, direction="minimize"):
    objectives = dict.fromkeys(NAMES[:columns], direction)
    return Trials(("00", "01", "02"), ("a", "b", "c"), objectives, VALUES[:, :columns])


@pytest.mark.parametrize(("columns", "panels"), [(1, 1), (2, 1), (3, 3)])
def test_there_is_a_panel_for_each_pair_of_objectives(columns, panels):
    assert len(draw_search(trials(columns)).axes) == panels


def test_the_front_is_filled_and_numbered_by_job():
    figure = draw_search(trials(2))
    (axes,) = figure.axes
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[3.0, 6.0]], [[1.0, 5.0], [2.0, 4.0]]]
    assert [text.get_text() for text in axes.texts] == ["00", "01"]
    assert figure.get_suptitle() == "3 trials, 2 on the front, numbered by job"


def test_the_axes_say_what_is_better():
    (axes,) = draw_search(trials(2, "maximize")).axes
    assert axes.get_xlabel() == "H_MSE, mean\n(higher is better)"
    assert axes.get_ylabel() == "figure contrast, mean\n(higher is better)"
