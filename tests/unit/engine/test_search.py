"""What a search is asked for is checked before anything is written."""

import json

import pytest

from latentman.engine.compose import check_command
from latentman.errors import ConfigError

BASE = ["hydra/sweeper=optuna", "hydra.mode=MULTIRUN"]
DELTA = "pwg.delta=interval(0.001,0.1)"


def asked(*overrides):
    return check_command([*BASE, *overrides]).search


def test_a_search_has_no_jobs_before_it_runs():
    command = check_command(["+exp=search_pwg"])
    assert command.jobs == ()
    assert list(command.search.space.axes) == ["pwg.delta", "pwg.window"]
    assert command.search.objectives == {
        "human_mse": "minimize", "figure_contrast": "maximize", "seconds_denoise": "minimize",
    }  # fmt: skip


@pytest.mark.slow
def test_null_leaves_an_objective_out():
    search = asked(
        DELTA, "hydra.sweeper.objectives.seconds_denoise=null", "+hydra.sweeper.objectives.warp_error=minimize"
    )
    assert list(search.objectives) == ["human_mse", "figure_contrast", "warp_error"]


@pytest.mark.slow
def test_only_the_number_of_trials_and_the_batch_are_not_part_of_the_description():
    whole = asked(DELTA, "sla=none").description()
    same = asked(DELTA, "sla=none", "hydra.sweeper.num_trials=99", "hydra.sweeper.max_batch_size=4", "threads=1")
    assert same.description() == whole
    for other in ("sla=full", "hydra.sweeper.seed=1", "hydra.sweeper.sampler=random"):
        assert asked(DELTA, "sla=none", other).description() != whole
    assert json.loads(whole)["fixed"] == ["sla=none"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "has no key to search"),
        (["pwg.detla=interval(0,1)"], r"unknown key 'pwg\.detla'; did you mean 'pwg\.delta'"),
        (["sla=none,ful"], "sla=ful: unknown sla; did you mean 'full'"),
        (["pwg.delta=tag(log,interval(-1,1))"], r"pwg\.delta is searched on a log scale"),
        (["pwg.delta=interval(-1,1)"], r"pwg\.delta=-1\.0 must be 0 or more"),
        (["pwg.window=choice([0.2,0.7],[0.7,0.2])"], r"pwg\.window"),
        ([DELTA, "num_frames=range(1,100000)"], "num_frames.*more than 10000"),
        ([DELTA, "hydra.sweeper.num_trials=0"], r"hydra\.sweeper\.num_trials=0 must be a whole number from 1"),
        ([DELTA, "hydra.sweeper.num_trials=2.5"], r"num_trials=2\.5 must be a whole number"),
        ([DELTA, "hydra.sweeper.max_batch_size=null"], "max_batch_size=None must be a whole number"),
        ([DELTA, "hydra.sweeper.seed=-1"], r"hydra\.sweeper\.seed=-1"),
        ([DELTA, "hydra.sweeper.sampler=tp"], r"hydra\.sweeper\.sampler='tp' is unknown.*random, tpe"),
        ([DELTA, "hydra.sweeper.objectives.human_mse=down"], r"objectives\.human_mse='down' is unknown: choose one of"),
        ([DELTA, "+hydra.sweeper.objectives.human_mze=minimize"], "names human_mze.*did you mean 'human_mse'"),
        ([DELTA, "+hydra.sweeper.trials=3"], r"hydra\.sweeper\.trials is unknown: its keys are params"),
        ([DELTA, "hydra.sweeper.objectives=null"], r"hydra\.sweeper\.objectives is empty"),
        ([DELTA, "overwrite=true"], "overwrite=true has no meaning in a search"),
    ],
)
def test_a_bad_search_is_refused_in_words(overrides, message):
    with pytest.raises(ConfigError, match=message):
        asked(*overrides)


def test_the_sweeper_is_refused_for_a_single_run():
    with pytest.raises(ConfigError, match=r"hydra/sweeper=optuna is for sweeps.*add -m"):
        check_command(["hydra/sweeper=optuna"])


def test_an_interval_without_a_search_names_the_sweeper():
    with pytest.raises(ConfigError, match=r"pwg\.delta=interval.*is an interval.*hydra/sweeper=optuna"):
        check_command([DELTA, "hydra.mode=MULTIRUN"])
