"""logger: its choices from the command line, and that they change no result."""

import pytest

from latentman.config.logger import BACKENDS
from latentman.engine.compose import compose
from latentman.engine.job import folder_name
from latentman.errors import ConfigError
from latentman.record.run_folder import identity
from latentman.tracking.public_config import public_config


@pytest.mark.slow
def test_every_backend_has_a_choice_of_its_own():
    for name in BACKENDS:
        logger = compose([f"logger={name}"]).logger
        assert (logger.name, logger.mirrors) == (name, [name])
    assert compose([]).logger.mirrors == []


def test_several_at_once():
    assert compose(["logger.backends=[wandb_offline,tensorboard]"]).logger.mirrors == ["wandb_offline", "tensorboard"]
    assert compose(["logger.backends=[local,trackio]"]).logger.mirrors == ["trackio"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("logger.backends=[tensorbord]", "choose one of .*did you mean 'tensorboard'"),
        ("logger=mlflow", "choose one of .*tensorboard.*trackio.*wandb"),
        ("logger.backends=[wandb,wandb_offline]", "one backend"),
        ("logger.backends=[trackio,trackio]", "twice"),
        ("logger.max_videos=-1", "logger.max_videos=-1 must be 0 or more"),
        ("logger.init_timeout=0", "logger.init_timeout=0.0 must be above 0"),
        ("logger.project=' '", "logger.project is empty"),
        ("logger.projct=x", "did you mean"),
    ],
)
def test_invalid_settings_are_refused_at_composition(override, message):
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        compose([override])


def test_the_logger_is_not_part_of_a_runs_identity():
    before = {"seed": 1, "logger": {"name": "local"}}
    after = {"seed": 1, "logger": {"name": "wandb", "backends": ["wandb"], "project": "x"}}
    assert identity(before) == identity(after) == {"seed": 1}


def test_the_logger_is_not_part_of_a_jobs_name():
    assert folder_name(1, ["sla=none", "logger=wandb", "logger.backends=[trackio]"]) == "01_sla-none"


def test_paths_and_secrets_stay_on_the_machine():
    plain = {
        "seed": 1, "prompt": "/ a walk", "run_dir": "/home/me/out", "paths": {"runs": "runs"},
        "logger": {"entity": "me"},
        "setup": {"model": "/data/private/sd15", "hub": "org/model", "api_key": "abc", "hf_token": "abc"},
        "motion": {"file": "~/my clips/walk.bvh", "text": "~ slowly"},
        "nets": [{"model": "../nets/depth"}, "C:\\x\\y.bin"],
    }  # fmt: skip
    assert public_config(plain) == {
        "seed": 1, "prompt": "/ a walk", "setup": {"model": "sd15", "hub": "org/model"},
        "motion": {"file": "walk.bvh", "text": "~ slowly"}, "nets": [{"model": "depth"}, "y.bin"],
    }  # fmt: skip
