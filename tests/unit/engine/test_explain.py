"""Messages about Hydra's and OmegaConf's errors are short, and name the key."""

import pytest
from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from latentman.config import Config
from latentman.engine.explain import explain, explained
from latentman.errors import ConfigError, MissingExtraError


def wrong_value() -> OmegaConfBaseException:
    with pytest.raises(OmegaConfBaseException) as caught:
        OmegaConf.update(OmegaConf.structured(Config), "num_frames", "abc")
    return caught.value


def test_the_innermost_cause_is_explained_with_its_key_first() -> None:
    outer = ConfigCompositionException("something went wrong")
    outer.__cause__ = wrong_value()
    text = explain(outer)
    assert text == "num_frames=abc: the value must be a whole number, such as num_frames=3"
    assert "something went wrong" not in text


def test_internal_details_are_left_out() -> None:
    text = explain(wrong_value())
    assert "reference_type" not in text
    assert "object_type" not in text
    assert len(text.splitlines()) <= 3


def test_an_error_without_a_text_gives_its_kind() -> None:
    assert explain(ConfigCompositionException("")) == "ConfigCompositionException"


def test_hydras_errors_become_ours_and_others_pass() -> None:
    with pytest.raises(ConfigError, match="num_frames"), explained():
        raise wrong_value()
    with pytest.raises(ValueError, match="a defect"), explained():
        raise ValueError("a defect")


def test_a_missing_package_is_named() -> None:
    with pytest.raises(MissingExtraError, match="latentman"), explained():
        raise MissingConfigException("no", "hydra/launcher/joblib")
