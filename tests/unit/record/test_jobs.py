"""The state of a sweep's jobs follows from their folders and locks."""

import json
import struct

import pytest

from latentman.errors import RecordError
from latentman.record.jobs import seconds_left, summary, sweep_jobs
from latentman.system.locks import locked
from tests.factories.record import JOBS, finished_stages, write_status, write_sweep


@pytest.fixture
def sweep(tmp_path):
    return write_sweep(tmp_path)


def test_a_job_that_never_started_is_listed(sweep):
    assert [(job.number, job.folder, job.state) for job in sweep_jobs(sweep)] == [
        (number, name, "waiting") for number, name in enumerate(JOBS)
    ]


def test_a_done_job_has_its_seconds_and_its_score(sweep):
    write_status(sweep / JOBS[0], state="done", stages=finished_stages(motion=1.0, denoise=4.5))
    (sweep / JOBS[0] / "metrics.json").write_text('{"human_mse": 12.5}')
    job = sweep_jobs(sweep)[0]
    assert (job.state, job.seconds, job.human_mse, job.prompts_done, job.prompts) == ("done", 5.5, 12.5, 1, 1)


def test_a_stage_that_another_run_computed_counts_the_time_to_fetch_it(sweep):
    shared = {"body": {"state": "done", "seconds": 60.0, "shared": True, "seconds_fetching": 0.5}}
    write_status(sweep / JOBS[0], state="done", stages=finished_stages(denoise=4.0) | shared)
    assert sweep_jobs(sweep)[0].seconds == 4.5


def test_a_job_recorded_as_running_has_died_unless_its_folder_is_locked(sweep):
    write_status(sweep / JOBS[0], state="running", resumed="2026-01-01T00:00:00+00:00")
    assert sweep_jobs(sweep)[0].state == "died"
    with locked(sweep / JOBS[0]):
        job = sweep_jobs(sweep)[0]
    assert job.state == "running"
    assert job.seconds > 0


def test_a_job_of_several_prompts_reports_how_many_are_done_and_the_step_of_the_next(sweep):
    folder = sweep / JOBS[0]
    write_status(folder, kind="job", state="running", num_prompts=3)
    write_status(folder / "00-a", state="done", stages=finished_stages(denoise=2.0))
    write_status(folder / "01-b", state="running", stage="denoise", num_steps=12)
    header = json.dumps({"__metadata__": {"step": "7"}}).encode()
    (folder / "01-b" / "latents").mkdir()
    (folder / "01-b" / "latents" / "state.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with locked(folder):
        job = sweep_jobs(sweep)[0]
    assert (job.prompts_done, job.prompts, job.stage) == (1, 3, "denoise 7/12")
    (folder / "01-b" / "latents" / "state.safetensors").write_bytes(b"half")
    assert sweep_jobs(sweep)[0].stage == "denoise"


def test_a_failed_job_has_the_first_line_of_its_error_and_a_damaged_one_is_counted(sweep):
    write_status(sweep / JOBS[1], state="failed", error={"class": "DataError", "message": "a hand is missing\nmore"})
    (sweep / JOBS[2]).mkdir()
    (sweep / JOBS[2] / "status.json").write_text("{")
    jobs = sweep_jobs(sweep)
    assert (jobs[1].state, jobs[1].error) == ("failed", "DataError: a hand is missing")
    assert jobs[2].state == "damaged"
    assert summary(jobs) == "3 jobs: 1 failed, 1 damaged, 1 waiting"


def test_folders_without_a_plan_and_single_runs_are_listed_too(tmp_path):
    write_status(tmp_path / "old" / "00_a", state="done")
    assert [job.folder for job in sweep_jobs(tmp_path / "old")] == ["00_a"]
    assert [job.state for job in sweep_jobs(tmp_path / "old" / "00_a")] == ["done"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("absent", "is not a folder"), ("file", "is not a folder"), ("empty", "no sweep in")],
)
def test_a_folder_without_a_sweep_is_refused(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=message):
        sweep_jobs(tmp_path / name)


def test_the_time_left_is_the_median_cost_of_a_prompt_spread_over_the_running_jobs(sweep):
    assert seconds_left(sweep_jobs(sweep)) is None
    write_status(sweep / JOBS[0], state="done", stages=finished_stages(denoise=10.0))
    write_status(sweep / JOBS[1], state="running")
    with locked(sweep / JOBS[1]):
        assert seconds_left(sweep_jobs(sweep)) == 20.0
    assert seconds_left(sweep_jobs(sweep)) == 10.0  # the second job has died, the third has not started
