"""A setup is resolved, read and checked once, and what is loaded is what was checked."""

import json

import pytest
import torch

from latentman.errors import WeightsError
from latentman.networks.load import load_networks
from latentman.networks.resolved import check_setup, resolve_setup
from tests.factories.tiny_model import ONE_CONTROLNET, tiny_setup


def test_a_setup_is_resolved_read_and_checked_once(copied):
    """Changes after the check are not seen by a second check, the digests or the loader."""
    setup = tiny_setup(copied)
    found = check_setup(setup, ONE_CONTROLNET)
    digests = found.digests
    config = copied / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prediction_type": "v_prediction"}))
    found.check()
    assert found.digests is digests
    assert load_networks(found, torch.device("cpu")).scheduler.config.prediction_type == "epsilon"
    with pytest.raises(WeightsError, match="predicts v_prediction"):
        check_setup(setup, ONE_CONTROLNET)


def test_a_setup_that_was_not_checked_is_checked_by_the_loader(copied):
    found = resolve_setup(tiny_setup(copied), ONE_CONTROLNET)
    (copied / "vae" / "config.json").write_text("{not json")
    with pytest.raises(WeightsError, match=r"cannot read .*vae/config\.json: "):
        load_networks(found, torch.device("cpu"))
