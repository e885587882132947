"""``latentman bench solver``: figures, tables, targets, the plot and the files."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from latentman.assignment.problem import paired_cost
from latentman.bench.__main__ import main
from latentman.bench.solver.command import measure_apart, solver_command
from latentman.bench.solver.frame import read_frame
from latentman.bench.solver.maps import Problem
from latentman.bench.solver.measure import PLAIN, Figures, measure, solve
from latentman.bench.solver.plot import Line, cost_plot, write_plot
from latentman.bench.solver.results import Case, Clip, Measured, growth, largest_difference
from latentman.bench.solver.table import tables
from latentman.bench.solver.targets import targets
from latentman.errors import ConfigError, DataError

SVG = "{http://www.w3.org/2000/svg}"


def clouds(seed: int, *sizes: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, 3)), rng.normal(size=(m, 3))) for n, m in sizes]


def made_up(solver: str, size: int, flavour: str, seconds: float, **changes: object) -> Measured:
    case = Case(size, flavour, 2, size**2 / 10.0, 9, 20.0, 1e6, 0.9)
    plain: dict[str, object] = {
        "seconds": 2 * seconds, "runs": 7, "cost": 100.0, "matched": 10, "possible": 10, "gap": None,
        "certificate_seconds": None, "memory": None,
    }  # fmt: skip
    return Measured(case, solver, Figures(**(plain | changes)))  # type: ignore[arg-type]


def verdicts(measured: Sequence[Measured], clips: Sequence[Clip] = ()) -> dict[str, str]:
    return {t.text: t.line().split(":")[0].removeprefix("- ") for t in targets(measured, clips)}


def test_plain_and_ordered_scipy_find_the_same_cost() -> None:
    for x, y in clouds(3, (40, 60), (60, 40), (50, 50), (1, 7)):
        plain, ordered = solve(x, y, PLAIN), solve(x, y, "scipy")
        assert plain.cost == pytest.approx(ordered.cost, rel=1e-12)
        assert plain.cost == pytest.approx(paired_cost(x, y, plain.row, plain.col))


def test_solvers_that_take_turns_are_all_measured_and_memory_is_not() -> None:
    found = measure(clouds(0, (20, 30), (30, 20)), [PLAIN, "scipy"])
    assert list(found) == [PLAIN, "scipy"]
    for figures in found.values():
        assert (figures.matched, figures.possible) == (40, 40)
        assert figures.seconds > 0
        assert figures.runs >= 7
        assert figures.memory is None
    assert found[PLAIN].cost == pytest.approx(found["scipy"].cost)


def test_a_process_of_its_own_sees_the_matrix_in_its_memory() -> None:
    (x, y), (a, b) = clouds(1, (1500, 1600), (5, 5))
    found = measure_apart([Problem(1, x, y), Problem(2, a, b)], ["scipy"])["scipy"]
    # Two matrices of 1500 x 1600 numbers of 8 bytes: the distances, and the same with its rows in another order.
    assert found.memory is not None
    assert 15e6 < found.memory < 80e6
    assert found.gap is None


def test_gaps_are_proven_for_solvers_with_dual_values() -> None:
    pytest.importorskip("lapjv")
    found = measure(clouds(2, (20, 30), (30, 20), (25, 25)), ["lapjv"])["lapjv"]
    assert found.gap is not None
    assert abs(found.gap) < 1e-12
    assert found.certificate_seconds is not None


@pytest.mark.slow
def test_a_measurement_that_dies_is_reported() -> None:
    x = np.full((3, 3), np.nan)
    with pytest.raises(DataError, match=r"measuring scipy ended with status 1 \(.*not finite.*leave it out"):
        measure_apart([Problem(1, x, x)], ["scipy"])


def test_growth_is_the_exponent_in_pixels() -> None:
    measured = [made_up("certified", size, "clean", 1e-9 * (size**2) ** 1.5) for size in (256, 512)]
    assert growth(measured, "certified", (256, 512), "clean") == pytest.approx(1.5)
    assert growth(measured, "certified", (128, 256), "clean") is None


def test_costs_are_compared_only_where_all_pixels_are_matched() -> None:
    measured = [
        made_up(PLAIN, 64, "clean", 1), made_up("greedy", 64, "clean", 1, cost=118.0),
        made_up("mutual_nn", 64, "clean", 1, cost=50.0, matched=5),
    ]  # fmt: skip
    assert largest_difference(measured, "greedy") == pytest.approx(0.18)
    assert largest_difference(measured, "mutual_nn") is None


def test_targets_say_reached_missed_or_not_measured() -> None:
    measured = [
        made_up(PLAIN, 512, "clean", 10), made_up("scipy", 512, "clean", 9.5),
        made_up("certified", 512, "clean", 0.9, memory=90_000_000, gap=1e-12),
        made_up(PLAIN, 512, "noisy", 10), made_up("certified", 512, "noisy", 0.9, memory=110_000_000, gap=2e-9),
        made_up("certified", 256, "clean", 0.1), made_up("certified", 256, "noisy", 0.05),
        made_up("lapsolver", 256, "clean", 0.5),
        made_up("scipy", 64, "clean", 0.1), made_up("auto", 64, "clean", 0.105), made_up("auto", 64, "noisy", 0.1),
    ]  # fmt: skip
    found = verdicts(measured, [Clip("clean", "auto", 2, 1.5), Clip("noisy", "auto", 2, 2.5)])
    assert found == {
        "certified / scipy (plain), seconds at 512, clean:": "reached",
        "certified / scipy, seconds at 512, clean:": "reached",
        "certified / scipy (plain), seconds at 512, noisy:": "missed",
        "certified / scipy, seconds at 512, noisy:": "not measured",
        "certified at 512 / lapsolver at 256, seconds, clean:": "missed",
        "certified at 512 / lapsolver at 256, seconds, noisy:": "not measured",
        "certified, growth exponent in pixels from 256 to 512, clean:": "reached",
        "certified, growth exponent in pixels from 256 to 512, noisy:": "missed",
        "certified, peak memory at 512, clean, in MB:": "reached",
        "certified, peak memory at 512, noisy, in MB:": "missed",
        "auto / scipy, seconds at 64, clean:": "reached",
        "auto / scipy, seconds at 64, noisy:": "not measured",
        "auto / scipy, seconds at 128, clean:": "not measured",
        "auto / scipy, seconds at 128, noisy:": "not measured",
        "certified, largest gap / (1 + cost) of a part:": "missed",
        "clip of 8 frames at 256, clean, wall seconds:": "reached",
        "clip of 8 frames at 256, noisy, wall seconds:": "missed",
    }


def test_tables_show_seconds_a_pair_and_ratios() -> None:
    measured = [
        made_up(PLAIN, 256, "clean", 1.0), made_up("certified", 256, "clean", 0.25, memory=7_000_000, gap=3e-12),
        made_up("lapsolver", 256, "clean", 2.0), made_up("mutual_nn", 256, "clean", 0.01, matched=5),
    ]  # fmt: skip
    text = tables(measured, [])
    assert "| scipy (plain) | 1 |" in text
    assert "| certified | 0.25 (× 0.25) |" in text
    assert "| certified | × 0.12 |" in text
    assert "| certified | 7 |" in text
    assert "| certified | 100.0% | +0.0e+00 | 3.0e-12 |" in text
    assert "| mutual_nn | 50.0% | – | no proof |" in text


def test_the_plot_has_a_panel_per_flavour_and_a_straight_line_for_a_power() -> None:
    lines = [Line("a & b", ((100, 0.001), (1000, 0.1), (10000, 10.0))), Line("c", ((100, 0.001), (10000, 9.0)))]
    figure = cost_plot({"clean": lines, "noisy": lines[:1]})
    assert [axes.get_title() for axes in figure.axes] == ["clean", "noisy"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["body pixels of a frame"] * 2
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    clean = figure.axes[0]
    points = clean.transData.transform(clean.lines[0].get_xydata())
    (dx, dy), (ex, ey) = (b - a for a, b in pairwise(points))
    assert (dx, dy) == (pytest.approx(ex), pytest.approx(ey))
    assert min(dx, dy) > 0


def test_a_solver_looks_the_same_in_every_panel_and_different_from_all_others() -> None:
    lines = [Line(f"solver {i}", ((100, 0.001), (1000, 0.1))) for i in range(9)]
    figure = cost_plot({"clean": lines, "noisy": lines[::-1]})
    looks = [
        {own.get_label(): (own.get_color(), own.get_marker(), own.get_linestyle()) for own in axes.lines}
        for axes in figure.axes
    ]
    assert looks[0] == looks[1]
    assert len(set(looks[0].values())) == 9
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [own.name for own in lines]


def test_the_same_numbers_give_the_same_plot(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        write_plot(tmp_path / name, {"clean": [Line("a", ((100, 0.001), (1000, 0.1)))]})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.slow
def test_a_run_prints_tables_and_writes_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- table -->\nold\n<!-- end of table -->\nafter\n", encoding="utf-8")
    files = ["--json", str(tmp_path / "r.json"), "--plot", str(tmp_path / "p.svg"), "--markdown", str(page)]
    assert main(["solver", "--sizes", "64", "--solvers", "scipy", *files]) == 0
    out = capsys.readouterr().out
    assert "| clean 64 |" in out
    assert "| scipy | 0.00" in out
    assert "- not measured: certified / scipy (plain)" in out
    results = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    cases = [(c["case"]["flavour"], c["solver"]) for c in results["cases"]]
    assert cases == [("clean", PLAIN), ("clean", "scipy"), ("noisy", PLAIN), ("noisy", "scipy")]
    assert all(c["figures"]["seconds"] > 0 for c in results["cases"])
    costs = [c["figures"]["cost"] for c in results["cases"]]
    assert costs[0] == pytest.approx(costs[1], rel=1e-12)
    assert len(read_frame(tmp_path / "results.parquet")[0]) == len(results["cases"])
    environment = json.loads((tmp_path / "environment.json").read_text(encoding="utf-8"))
    assert environment["command"].startswith("latentman bench solver --sizes 64")
    assert ElementTree.parse(tmp_path / "p.svg").getroot().tag == f"{SVG}svg"
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- table -->\nThe problems")
    assert text.endswith("<!-- end of table -->\nafter\n")
    assert out in text
    assert "old" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "100"], "--sizes='100' is unknown: choose one of 128, 256, 512, 64"),
        (["--sizes", ""], "--sizes='' is unknown"),
        (["--solvers", "scipi"], r"--solvers='scipi' is unknown: .*did you mean 'scipy'\?"),
        (["--pairs", "0"], "--pairs 0 must be between 1 and 7"),
        (["--pairs", "8"], "--pairs 8 must be between 1 and 7"),
        (["--pairs", "x"], "latentman bench solver: argument --pairs: invalid int value"),
        (["--seed", "-1"], "--seed -1 must be 0 or more"),
        (["--plot", "nowhere/cost.svg"], "--plot nowhere/cost.svg: it must be a file in a folder that exists"),
        (["--plot", "cost.gif"], r"--plot cost\.gif: the name of the file must end in one of \.png, \.pdf, \.svg"),
        (["--json", "/"], "--json /: it must be a file in a folder that exists"),
        (["--markdown", "nowhere.md"], r"--markdown nowhere\.md: it needs the lines <!-- table -->"),
        (["--size", "64", "what"], "unrecognized arguments: what"),
    ],
)
def test_options_that_cannot_work_are_refused_before_anything_is_measured(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        solver_command(arguments)
