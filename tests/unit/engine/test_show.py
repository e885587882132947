"""The flags that print something and run nothing."""

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from latentman.engine.loader import OWN_TREE
from latentman.engine.overrides import split_arguments
from latentman.engine.show import show


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = show(split_arguments(list(words)), OWN_TREE)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_configuration_of_a_job_is_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = shown(capsys, "--cfg", "job", "seed=7", "sla=none")
    config = OmegaConf.create(out)
    assert status == 0
    assert (config.seed, config.sla.enabled) == (7, False)
    assert "hydra" not in config
    assert "${paths.runs}" in out


def test_references_are_filled_in_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = shown(capsys, "--cfg", "job", "--resolve")
    assert "${" not in out


def test_one_part_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = shown(capsys, "--cfg", "job", "--package", "sla", "sla=none")
    assert out.startswith("# @package sla")
    assert OmegaConf.create(out).enabled is False


def test_a_part_that_does_not_exist_ends_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = shown(capsys, "--cfg", "job", "--package", "absent")
    assert status == 1
    assert "'absent' not found" in err


def test_hydras_state_is_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    before = HydraConfig.instance().cfg
    shown(capsys, "--cfg", "all")
    assert HydraConfig.instance().cfg is before
