"""A small sweep and the study that is built from it, once; tests that change it get a copy of their own."""

import shutil

import pytest

from latentman.study.build import Request, build_study
from tests.unit.study.factory import BASELINES, OURS, make_sweep


@pytest.fixture(scope="session")
def sweep(tmp_path_factory):
    return make_sweep(tmp_path_factory.mktemp("sweep") / "sweep")


@pytest.fixture(scope="session")
def built(sweep, tmp_path_factory):
    """The folder of a study with two baselines, two pairs and two checks each; not to be changed."""
    folder = tmp_path_factory.mktemp("study") / "study"
    build_study(Request(sweep, folder, OURS, BASELINES, seed=5, checks=2))
    return folder


@pytest.fixture
def study(built, tmp_path):
    return shutil.copytree(built, tmp_path / "study")
