"""The front of a search is compared with its definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentman.report.collect import collect
from latentman.report.tables.front import front, front_cells, front_markdown, trials_of
from tests.factories.report import make_search

OBJECTIVES = {"human_mse": "minimize", "figure_contrast": "maximize"}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_the_front_consists_of_the_points_that_no_other_point_beats(points):
    def beats(a, b):
        return all(x <= y for x, y in zip(a, b, strict=True)) and a != b

    expected = [not any(beats(other, point) for other in points) for point in points]
    assert front(np.array(points, float)).tolist() == expected


def test_more_is_better_where_the_objective_is_maximized(tmp_path):
    make_search(tmp_path, [(10.0, 30.0), (12.0, 35.0), (12.0, 20.0), (9.0, 10.0)])
    trials = trials_of(collect(tmp_path), OBJECTIVES)
    assert trials.best.tolist() == [True, True, False, True]
    headings, rows = front_cells(trials)
    assert headings == ["job", "settings", "H_MSE (minimize)", "figure contrast (maximize)"]
    assert [row[0] for row in rows] == ["03", "00", "01"]
    assert rows[0][1:] == ["pwg.delta=0.03", "9", "10"]
    assert "The 3 of 4 trials that no other trial beats" in front_markdown(trials)


def test_a_trial_counts_with_the_mean_of_its_prompts_and_only_if_all_are_done(tmp_path):
    make_search(tmp_path, [(10.0, 30.0), (12.0, 35.0)], prompts=2)
    assert trials_of(collect(tmp_path), OBJECTIVES).values[0].tolist() == [10.5, 30.0]
    status = tmp_path / "01_pwg.delta-0.01" / "01-prompt" / "status.json"
    status.write_text(status.read_text().replace('"done"', '"failed"', 1))
    assert trials_of(collect(tmp_path), OBJECTIVES).jobs == ("00",)


def test_without_a_finished_trial_there_is_no_front(tmp_path):
    make_search(tmp_path, [(10.0, 30.0)], state="failed")
    assert trials_of(collect(tmp_path), OBJECTIVES) is None
    assert front_markdown(None) == ""
