"""A job that is preempted, or whose time runs out, goes back to the queue and ends with the same bytes."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.slurm.conftest import INTERRUPTED, SHORT, ask, restarts, result_bytes

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1800)]


def test_a_preempted_job_goes_back_and_continues_to_the_same_bytes(send, uninterrupted: Path) -> None:
    sweep = send(*INTERRUPTED, "seed=1", "hydra.launcher.cpus_per_task=4")
    sweep.until(lambda: sweep.is_denoising(0), "a job that is denoising")
    own = sweep.queue_id()

    # SLURM sends this signal when a job's time runs out. Waiting for that takes minutes and is a separate test.
    ask("scancel", "--signal=USR2", own)
    sweep.until(lambda: restarts(own) == 1 and sweep.state(0) == "interrupted", "a job that is in the queue again")
    sweep.until(lambda: sweep.state(0) == "running", "a job that runs again")

    begun = time.monotonic()
    ask("srun", "--partition=urgent", "--cpus-per-task=4", "true")
    assert time.monotonic() - begun < 20, "the grace time of the partition was used up: the job ignored SIGTERM"
    status, said = sweep.end()
    assert status == 0, said
    assert restarts(own) == 2
    assert sweep.state(0) == "done"
    assert (sweep.job(0) / "log.txt").read_text().count("continues at step") >= 1
    assert result_bytes(sweep.job(0)) == result_bytes(uninterrupted)


@pytest.mark.slow
def test_a_job_whose_time_runs_out_goes_back_and_continues_to_the_same_bytes(
    send, run_alone: Callable[..., Path]
) -> None:
    # A minute is the shortest time limit, and SLURM checks every half minute: the signal comes after 20 to 50 s.
    long = [*SHORT, "num_inference_steps=100", "seed=1"]
    sweep = send(*long, "hydra.launcher.timeout_min=1")
    sweep.until(lambda: list(sweep.folder.glob(".submitit/[0-9]*")), "a job")
    own = str(sweep.array)
    sweep.until(lambda: restarts(own) == 1, "a job that is queued again")
    ask("scontrol", "update", f"JobId={own}", "TimeLimit=60")  # once is enough
    status, said = sweep.end()
    assert status == 0, said
    assert restarts(own) == 1
    assert sweep.state(0) == "done"
    assert "timed out" in next(sweep.folder.glob(".submitit/*/*_log.out")).read_text()
    assert result_bytes(sweep.job(0)) == result_bytes(run_alone(*long))
