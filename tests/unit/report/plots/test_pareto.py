"""Seconds against a score, with the front."""

from latentman.report.collect import collect
from latentman.report.plots.canvas import colour
from latentman.report.plots.pareto import draw_pareto
from latentman.report.tables.table import summarise
from tests.factories.report import make_run


def test_the_pareto_plot_marks_the_front(tmp_path):
    for number, (name, score, seconds) in enumerate([("quick", 9.0, 1.0), ("good", 5.0, 3.0), ("bad", 8.0, 4.0)]):
        make_run(tmp_path / str(number), swept={"variant": name}, human_mse=score, metrics={"seconds_total": seconds})
    (axes,) = draw_pareto(summarise(collect(tmp_path)), "human_mse", "H_MSE").axes
    labels = [drawn.get_label() for drawn in axes.lines]
    assert labels == ["front", "quick (on the front)", "good (on the front)", "bad"]
    assert axes.lines[0].get_xydata().tolist() == [[1.0, 9.0], [3.0, 5.0]]


def test_a_variant_keeps_its_colour_where_an_earlier_one_has_no_score(tmp_path):
    for number, (name, score) in enumerate([("none", None), ("quick", 9.0), ("good", 5.0)]):
        make_run(tmp_path / str(number), swept={"variant": name}, human_mse=score)
    figure = draw_pareto(summarise(collect(tmp_path)), "human_mse", "H_MSE")
    assert [drawn.get_color() for drawn in figure.axes[0].lines[1:]] == [colour(1), colour(2)]
    assert figure.get_suptitle() == "H_MSE against the seconds of a run, mean over n = 1 run of each variant"
