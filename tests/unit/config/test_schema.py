"""A run folder of an older version, whose configuration lacks keys that came later, is still its own run's."""

import copy

import pytest
from omegaconf import OmegaConf

from latentman.config import with_defaults
from latentman.engine.loader import composer
from latentman.errors import RecordError
from latentman.record.run_folder import claim, identity


@pytest.fixture(scope="module")
def plain():
    with composer() as loader:
        from hydra.types import RunMode

        composed = loader.load_configuration("config", [], run_mode=RunMode.RUN)
        return {key: value for key, value in OmegaConf.to_container(composed, resolve=True).items() if key != "hydra"}


def without(plain, group, key):
    older = copy.deepcopy(plain)
    del older[group][key]
    return older


def test_a_complete_configuration_stays_as_it_is(plain):
    assert with_defaults(plain) == plain


def test_a_key_that_came_later_gets_its_default(plain):
    assert with_defaults(without(plain, "camera", "shift"))["camera"] == plain["camera"]


def test_the_folder_of_an_older_version_is_continued(plain, tmp_path):
    claim(tmp_path, without(plain, "camera", "shift"), overwrite=False)
    record = claim(tmp_path, plain, overwrite=False)
    assert record.status["identity"] == identity(plain)


def test_the_folder_is_refused_when_the_new_key_has_another_value(plain, tmp_path):
    claim(tmp_path, without(plain, "camera", "shift"), overwrite=False)
    shifted = copy.deepcopy(plain)
    shifted["camera"]["shift"] = 10.0
    with pytest.raises(RecordError, match=r"camera\.shift is 0\.0 there and 10\.0 here"):
        claim(tmp_path, shifted, overwrite=False)
