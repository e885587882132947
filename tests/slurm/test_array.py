"""A sweep as a job array: every job runs, a few at a time, and a job that fails does not stop the others."""

import sys
from pathlib import Path

import pytest

from tests.slurm.conftest import SHORT, accounting, ask

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]


@pytest.fixture
def sweep(send, tmp_path: Path):
    """A sweep of five jobs, two at a time and each with a GPU; the folder of the second contains a foreign file."""
    (tmp_path / "sweep" / ".submitit").mkdir(parents=True)
    taken = tmp_path / "sweep" / "01_setup-mini_fast_seed-1"
    taken.mkdir()
    (taken / "mine.txt").write_text("not of a run")
    sweep = send(*SHORT, "num_inference_steps=4", "device=cpu", "seed=0,1,2,3,4", "hydra.launcher.gpus_per_node=1")
    assert sweep.job(1) == taken
    return sweep


def test_a_failing_job_does_not_affect_the_others_and_sets_the_exit_status(sweep) -> None:
    status, said = sweep.end()
    assert status != 0, said
    assert "mine.txt" in said
    assert "01_setup-mini_fast_seed-1" in said
    assert "Traceback" not in said
    good = [0, 2, 3, 4]
    assert [sweep.state(number) for number in good] == ["done"] * 4, said
    for number in good:
        assert len(list((sweep.job(number) / "frames").iterdir())) == 2
    assert [path.name for path in sweep.job(1).iterdir() if path.name != ".lock"] == ["mine.txt"]
    assert (sweep.folder / "results.parquet").is_file()

    rows = accounting(sweep.array, "JobID,State,Start,End,AllocTRES")
    assert len(rows) == 5
    # The queue reports the failed job as COMPLETED too, since its process ended normally.
    assert {row[1] for row in rows} == {"COMPLETED"}
    assert all("gres/gpu=1" in row[4] for row in rows), rows
    moments = sorted([(row[2], 1) for row in rows] + [(row[3], -1) for row in rows], key=lambda m: (m[0], m[1]))
    running = [sum(change for _, change in moments[: place + 1]) for place in range(len(moments))]
    assert max(running) == 2, rows


def test_a_job_sees_only_the_gpus_that_it_requested() -> None:
    show = "import os; print(os.environ.get('CUDA_VISIBLE_DEVICES'))"
    assert ask("srun", "--gres=gpu:1", sys.executable, "-c", show) in ("0", "1")
    assert ask("srun", "--gres=gpu:2", sys.executable, "-c", show) == "0,1"
    assert ask("srun", sys.executable, "-c", show) == "None"


def test_jobs_that_the_cluster_refuses_are_reported_in_one_line(send) -> None:
    status, said = send(*SHORT, "seed=0", "hydra.launcher.partition=nowhere").end()
    assert status == 2
    assert "refused the jobs" in said
    assert "invalid partition" in said
    assert "Traceback" not in said
