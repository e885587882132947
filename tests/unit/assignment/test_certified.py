"""The compiled solver: large and awkward inputs, threads, and an installation without it."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import hatch_build
from latentman.assignment import certified, solvers
from latentman.assignment.certified import NATIVE, is_compiled, solve_certified
from latentman.assignment.solvers import match
from latentman.errors import MissingExtraError

needs_library = pytest.mark.skipif(not is_compiled(), reason="the certified solver is not compiled")


def sheet(rng, n):
    """Pixels of a part: a bent sheet in [U, V, E], rounded as charts are."""
    uv = rng.uniform(0, 255, (n, 2))
    return np.column_stack([np.round(uv), np.abs(uv - 128).sum(axis=1) / 4])


@needs_library
@pytest.mark.parametrize(("n", "m"), [(700, 700), (700, 760), (900, 600)])
def test_sheets_of_points_are_matched_at_the_least_cost_with_proof(n, m):
    rng = np.random.default_rng(n + m)
    x = sheet(rng, n) + np.array([3.2, -1.7, 0.4])
    y = sheet(rng, m)
    found = match(x, y, "certified", certify=True)
    assert found.cost == pytest.approx(match(x, y, "scipy").cost, rel=1e-12)
    assert abs(found.gap) <= 1e-9 * (1 + found.cost)


@needs_library
@pytest.mark.parametrize("name", ["all equal", "two places", "far away", "one column spared"])
def test_awkward_inputs_terminate_with_proof(name):
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 100, (500, 3)), rng.uniform(0, 100, (800, 3))
    if name == "all equal":
        x[:], y[:] = 1.0, 2.0
    elif name == "two places":
        x, y = np.round(x / 100) * [1, 0, 0], np.round(y / 100) * [1, 0, 0]
    elif name == "far away":
        x = x / 100 + 1e5
    else:
        y = y[:501]
    found = match(x, y, "certified", certify=True)
    assert abs(found.gap) <= 1e-9 * (1 + found.cost)


@needs_library
def test_many_threads_give_the_same_result_as_one():
    rng = np.random.default_rng(2)
    problems = [(sheet(rng, 300), sheet(rng, 320)) for _ in range(12)]
    alone = [solve_certified(x, y)[0] for x, y in problems]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda xy: solve_certified(*xy)[0], problems * 3))
    for expected, got in zip(alone * 3, together, strict=True):
        np.testing.assert_array_equal(expected, got)


@pytest.fixture
def native(tmp_path, monkeypatch):
    """A copy of the sources that replaces the package's own."""
    folder = tmp_path / "native"
    shutil.copytree(NATIVE, folder, ignore=shutil.ignore_patterns("*.lib", "*.new"))
    monkeypatch.setattr(certified, "NATIVE", folder)
    monkeypatch.setattr(certified, "LIBRARY", folder / "certified.lib")
    certified._load.cache_clear()
    yield folder
    certified._load.cache_clear()


def test_without_the_library_certified_explains_how_to_get_it_and_auto_still_works(native):
    x = np.random.default_rng(3).uniform(0, 9, (800, 3))
    with pytest.raises(MissingExtraError, match=r"not compiled.*C\+\+ compiler.*solver=auto"):
        match(x, x, "certified")
    assert match(x, x, "auto", certify=True).solver == "scipy"


def test_without_the_library_auto_warns_once_of_large_parts(native, caplog, monkeypatch):
    solvers._warn_of_scipy.cache_clear()
    monkeypatch.setattr(solvers, "SLOW_POINTS", 20)
    x = np.random.default_rng(4).uniform(0, 9, (21, 3))
    for _ in range(3):
        match(x, x, "auto")
    assert len(caplog.records) == 1
    assert "install a C++ compiler" in caplog.text


def test_a_damaged_library_is_not_used(native):
    (native / "certified.lib").write_bytes(b"no library")
    with pytest.raises(MissingExtraError, match="cannot be loaded"):
        match(np.zeros((2, 3)), np.zeros((2, 3)), "certified")


@pytest.mark.slow
@pytest.mark.skipif(hatch_build.find_compiler() is None, reason="there is no C++ compiler")
def test_a_library_of_other_sources_is_not_used(native):
    assert hatch_build.compile_library(native, native / "certified.lib") is None
    assert is_compiled()
    certified._load.cache_clear()
    with (native / "tree.hpp").open("a") as file:
        file.write("// changed\n")
    with pytest.raises(MissingExtraError, match="built from sources other than"):
        match(np.zeros((2, 3)), np.zeros((2, 3)), "certified")


def test_a_failing_compiler_leaves_no_library_and_reports_why(native, monkeypatch):
    monkeypatch.setenv("CXX", "false")
    assert "false failed" in hatch_build.compile_library(native, native / "certified.lib")
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "no-such-compiler" in hatch_build.compile_library(native, native / "certified.lib")
    assert not (native / "certified.lib").exists()
