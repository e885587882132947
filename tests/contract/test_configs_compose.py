"""Every file in ``conf/`` composes, and what it composes to passes every check of the schema."""

from pathlib import Path

import pytest
import yaml

from latentman.composition import check_command, compose
from latentman.run_help import defaults, groups

CONF = Path(__file__).resolve().parents[2] / "conf"
OPTIONS = [(group, choice) for group, choices in groups(CONF).items() if group != "exp" for choice in choices]
EXPERIMENTS = groups(CONF)["exp"]


def test_the_default_composes() -> None:
    assert compose([]).setup.name == "mini"


@pytest.mark.parametrize(("group", "choice"), OPTIONS)
def test_option_composes(group: str, choice: str) -> None:
    config = compose([f"{group}={choice}"])
    chosen = getattr(config, group, None)
    named = yaml.safe_load((CONF / group / f"{choice}.yaml").read_text(encoding="utf-8")) or {}
    if "name" in named:
        assert chosen is not None
        assert chosen.name == named["name"]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_job_of_an_experiment_composes(experiment: str) -> None:
    check_command([f"+exp={experiment}"])


@pytest.mark.parametrize("method", groups(CONF)["method"])
def test_the_command_line_wins_over_the_method(method: str) -> None:
    config = compose([f"method={method}", "sla=none", "pwg=none", "sampler=per_frame"])
    assert (config.sla.enabled, config.pwg.enabled, config.sampler.name) == (False, False, "per_frame")


@pytest.mark.parametrize("method", groups(CONF)["method"])
def test_every_method_runs_with_the_fewest_steps(method: str) -> None:
    assert compose([f"method={method}", "num_inference_steps=4"]).num_steps == 4


def test_method_comes_after_every_group_that_it_overrides() -> None:
    order = list(defaults(CONF))
    assert order[-1] == "method"


def test_experiments_stay_out_of_the_defaults_list() -> None:
    assert "exp" not in defaults(CONF)
