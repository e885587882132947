"""The look of the plots depends neither on the machine nor on its user."""

from PIL import Image

from latentman.report.plots.canvas import ONE_COLUMN, colour, line, marker, new_figure, save, style
from latentman.report.plots.curves import MOST_LINES


def test_the_width_of_a_plot_does_not_depend_on_the_users_settings(tmp_path):
    import matplotlib

    with matplotlib.rc_context({"savefig.dpi": 30, "savefig.bbox": "tight", "font.size": 40}), style():
        figure = new_figure(ONE_COLUMN, 2)
        figure.subplots().plot([0, 1])
        save(figure, tmp_path / "x")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (round(ONE_COLUMN * 200), 400)


def test_the_first_variants_all_look_different():
    looks = [(colour(index), marker(index)) for index in range(49)]
    assert len(set(looks)) == 49
    lines = [(colour(index), line(index)) for index in range(MOST_LINES)]
    assert len(set(lines)) == MOST_LINES
