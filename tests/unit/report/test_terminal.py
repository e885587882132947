"""The terminal shows a table of five columns and three paths, at every width, with and without colours."""

import io

import pytest
from rich.console import Console

from latentman.report.build import write_report
from latentman.report.terminal import print_report
from tests.factories.quick import slow_except
from tests.factories.report import make_run, make_sweep

SCORES = {("none", "none"): {"a": 10.0, "b": 20.0}, ("full", "full"): {"a": 5.0, "b": 7.0}}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = make_sweep(tmp_path_factory.mktemp("sweep"), SCORES, num_frames=2)
    error = {"class": "WeightsError", "message": "no weights in [bold]x[/bold] " + "long " * 30}
    make_run(root / "02_odd", swept={"sla": "odd", "pwg": "none"}, name="ablation", state="failed", error=error)
    return write_report(root)


def printed(report, width, **options):
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=width, highlight=False, **options))
    return stream.getvalue()


@pytest.mark.parametrize("width", slow_except([40, 80, 200], 40))
def test_paths_and_errors_are_whole_at_every_width(report, width):
    text = printed(report, width)
    for path in report.main_files:
        assert f"{path}\n" in text
    assert "no weights in [bold]x[/bold] long" in text
    table = text[: text.index("1 failed:")].splitlines()
    assert max(map(len, table)) <= width
    assert "variant" in table[0]


def test_every_cell_is_there_in_40_columns(report):
    table = printed(report, 40).split("1 failed:")[0]
    letters = "".join(table.split())
    for piece in ("sla=f", "-60.", "change", "seconds"):
        assert piece in table or piece in letters


def test_no_color_is_respected(report, monkeypatch):
    assert "\x1b[31m" in printed(report, 80, force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in printed(report, 80, force_terminal=True)


@pytest.mark.slow
def test_several_experiments_are_named(tmp_path):
    make_sweep(tmp_path / "a", SCORES)
    make_run(tmp_path / "b", name="other", human_mse=7.0)
    text = printed(write_report(tmp_path, gallery=False), 100)
    assert text.index("ablation") < text.index("sla=full") < text.index("other")
    assert [line for line in text.splitlines() if line.endswith("report.html")] == []
