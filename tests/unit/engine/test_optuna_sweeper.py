"""Our sweeper: trials are planned before they are launched, and a search continues where it stopped."""

import pytest
from hydra.core.utils import JobStatus

from latentman.errors import RecordError

pytest.importorskip("optuna")

from tests.factories.search import DELTA, Formula, carry_out, deltas

TRIALS = "hydra.sweeper.num_trials={}".format


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return what a search of six trials tries when nothing stops it."""
    formula = Formula()
    _, plan = carry_out(formula, TRIALS(6), folder=tmp_path_factory.mktemp("whole"))
    return deltas(plan)


def test_every_trial_is_in_the_plan_before_it_is_launched(whole, tmp_path):
    formula = Formula()
    results, plan = carry_out(formula, TRIALS(6))
    assert formula.planned == [True] * 6
    assert [job.folder for job in plan.jobs] == formula.ran
    assert all(result.status == JobStatus.COMPLETED for result in results)
    assert [job.folder[:13] for job in plan.jobs] == [f"0{number}_pwg.delta-" for number in range(6)]
    assert plan.objectives == {
        "human_mse": "minimize", "figure_contrast": "maximize", "seconds_denoise": "minimize",
    }  # fmt: skip
    assert deltas(plan) == whole
    assert len(set(whole)) == 6


def test_a_search_that_is_killed_continues_with_the_same_command_and_the_same_trials(whole):
    killed = Formula(interrupted=[2])
    with pytest.raises(KeyboardInterrupt):
        carry_out(killed, TRIALS(6))
    again = Formula()
    _, plan = carry_out(again, TRIALS(6))
    assert again.ran[0] == killed.ran[2]
    assert len(again.ran) == 4
    assert deltas(plan) == whole


def test_a_search_that_is_done_runs_nothing_again_and_can_be_extended(whole, capsys):
    carry_out(Formula(), TRIALS(4))
    idle = Formula()
    carry_out(idle, TRIALS(4))
    assert idle.ran == []
    more = Formula()
    _, plan = carry_out(more, TRIALS(6))
    assert len(more.ran) == 2
    assert deltas(plan) == whole
    assert "4 trials are done; 2 new ones to run" in capsys.readouterr().err


def test_a_trial_that_fails_does_not_stop_the_others_and_is_tried_again():
    first = Formula(broken=[1])
    results, _ = carry_out(first, TRIALS(3))
    assert [result.status for result in results] == [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.COMPLETED]
    second = Formula()
    _, plan = carry_out(second, TRIALS(3))
    assert second.ran == [first.ran[1]]
    assert len(plan.jobs) == 3


def test_a_trial_without_a_score_is_left_out_and_not_tried_again(capsys):
    carry_out(Formula(nothing=[0]), TRIALS(2))
    assert "job 0 has no human_mse: it is left out of the search" in capsys.readouterr().err
    idle = Formula()
    carry_out(idle, TRIALS(2))
    assert idle.ran == []


def test_trials_are_launched_in_batches():
    formula = Formula()
    results, plan = carry_out(formula, TRIALS(5), "hydra.sweeper.max_batch_size=2")
    assert [result.hydra_cfg.hydra.job.num for result in results] == [0, 1, 2, 3, 4]
    assert len(plan.jobs) == 5


def test_values_that_were_tried_before_are_one_job():
    _, plan = carry_out(Formula(), TRIALS(6), space=["pwg.window=choice([0.2,0.7],[0.3,0.6])"])
    assert sorted(job.overrides[0] for job in plan.jobs) == ["pwg.window=[0.2,0.7]", "pwg.window=[0.3,0.6]"]


def test_the_folder_of_another_search_is_refused():
    carry_out(Formula(), TRIALS(1))
    with pytest.raises(RecordError, match="holds another search"):
        carry_out(Formula(), TRIALS(1), space=[DELTA.replace("0.001", "0.002")])
    with pytest.raises(RecordError, match="holds another search"):
        carry_out(Formula(), TRIALS(1), "hydra.sweeper.objectives.seconds_denoise=null")
