"""Options of other packages: found by entry points, never in the way of a run that does not use them."""

import importlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from latentman.assignment.solvers import SOLVERS, Solver
from latentman.config.sampling import SamplerConfig
from latentman.diffusion.anchors import ANCHORS
from latentman.errors import ConfigError
from latentman.metrics.compute import METRICS
from latentman.motion.build import SOURCES
from latentman.system import plugins
from latentman.system.plugins import GROUPS
from latentman.tracking.multi import TRACKERS
from tests.factories.plugins import write_distribution

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a distribution of one module for one test."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def add(name: str, entry_points: str, code: str = "") -> None:
        write_distribution(site, name, entry_points, code)
        importlib.invalidate_caches()
        plugins._plugins.cache_clear()

    yield add
    plugins._plugins.cache_clear()
    for options in (SOLVERS, METRICS, SOURCES, TRACKERS, ANCHORS):
        options._adapted.clear()
    for module in set(sys.modules) - before:
        del sys.modules[module]


def test_every_group_has_its_options() -> None:
    assert {options.group for options in (SOLVERS, METRICS, SOURCES, TRACKERS, ANCHORS)} == set(GROUPS)


def test_a_plugin_is_an_option_next_to_the_built_in_ones(install: Install) -> None:
    install("extra", "[latentman.solvers]\nmine = extra:solve\n", "def solve(x, y):\n    return 7\n")
    assert {"mine", "scipy"} <= set(SOLVERS)
    assert len(SOLVERS) == len(list(SOLVERS))
    solver = SOLVERS["mine"]
    assert isinstance(solver, Solver)
    assert not solver.exact
    assert solver.solve(None, None) == 7


def test_a_rule_of_attention_passes_the_schema(install: Install) -> None:
    install("extra", "[latentman.anchors]\nmine = extra:read\n", "def read(seen):\n    return [seen.own, seen.first]\n")
    assert SamplerConfig(name="x", anchor="mine").anchor == "mine"
    with pytest.raises(ConfigError, match=r"sampler.anchor='mien' is unknown.* did you mean 'mine'"):
        SamplerConfig(name="x", anchor="mien")


def test_a_plugin_that_cannot_be_imported_is_named_in_one_warning_and_skipped(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("extra", "[latentman.solvers]\nmine = extra:solve\n", "import no_such_package\n")
    with caplog.at_level(logging.WARNING, "latentman.plugins"):
        SOLVERS.check("scipy")
        SOLVERS.check("greedy")
    assert [record.getMessage() for record in caplog.records] == [
        "the plugin extra 1.0 (extra:solve) is skipped as solver=mine: which cannot be imported "
        "(ModuleNotFoundError: No module named 'no_such_package')"
    ]
    with pytest.raises(ConfigError, match=r"solver=mine belongs to the plugin extra 1.0 .*no_such_package"):
        SOLVERS.check("mine")


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "def broken(:", "solve = None  # not a function"])
def test_whatever_a_plugin_raises_stops_only_who_chooses_it(install: Install, code: str) -> None:
    install("extra", "[latentman.solvers]\nmine = extra:solve\n", code)
    SOLVERS.check("scipy")
    with pytest.raises(ConfigError, match=r"solver=mine belongs to the plugin extra 1.0"):
        SOLVERS.check("mine")


def test_two_plugins_of_one_name_are_refused_when_it_is_chosen(install: Install) -> None:
    for name in ("one", "two"):
        install(name, f"[latentman.metrics]\nshine = {name}:x\n", "x = 1\n")
    METRICS.check("flicker")
    with pytest.raises(ConfigError, match=r"one 1.0 .*two 1.0 .*same name: uninstall one"):
        METRICS.check("shine")


def test_a_built_in_option_is_never_replaced(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    install("extra", "[latentman.solvers]\nscipy = extra:solve\n", "def solve(x, y):\n    return 7\n")
    with caplog.at_level(logging.WARNING, "latentman.plugins"):
        assert SOLVERS["scipy"] is SOLVERS.built_in["scipy"]
        SOLVERS.check("scipy")
    assert "latentman has an option of that name" in caplog.text
    assert SOLVERS.identity("scipy") is None


def test_an_object_of_the_wrong_kind_is_refused_with_the_kind_it_should_be(install: Install) -> None:
    install("extra", "[latentman.metrics]\nshine = extra:x\n", "x = 'text'\n")
    with pytest.raises(ConfigError, match=r"does not fit the entry point group latentman.metrics: it is str, not"):
        METRICS.check("shine")


def test_the_identity_of_a_plugin_follows_its_files(install: Install, tmp_path: Path) -> None:
    install("extra", "[latentman.solvers]\nmine = extra:solve\n", "def solve(x, y):\n    return 7\n")
    before = SOLVERS.identity("mine")
    assert before is not None
    assert before[0] == "extra 1.0 (extra:solve)"
    (tmp_path / "site" / "extra.py").write_text("def solve(x, y):\n    return 8\n")
    plugins._plugins.cache_clear()
    after = SOLVERS.identity("mine")
    assert after is not None
    assert after[0] == before[0]
    assert after[1] != before[1]
