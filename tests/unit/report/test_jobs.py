"""The state of a sweep's jobs is what their folders and locks say, and the table shows all of it."""

import io
import json
import struct
import threading
import time

import pytest
from rich.console import Console

from latentman.errors import RecordError
from latentman.record.sweep_plan import PlannedJob, SweepPlan, write_plan
from latentman.report.jobs import seconds_left, summary, sweep_jobs
from latentman.report.watch import has_ended, job_table, watch
from latentman.system.locks import locked

NAMES = ["00_sla-none", "01_sla-full", "02_sla-half"]


@pytest.fixture
def sweep(tmp_path):
    write_plan(tmp_path, SweepPlan("n", "c", None, "", tuple(PlannedJob(i, name, ()) for i, name in enumerate(NAMES))))
    return tmp_path


def status(folder, **fields):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.json").write_text(json.dumps({"stages": {}, "kind": "run", **fields}))


def stages(**seconds):
    return {name: {"state": "done", "hash": "", "seconds": cost} for name, cost in seconds.items()}


def test_a_job_that_never_started_is_listed(sweep):
    assert [(job.number, job.folder, job.state) for job in sweep_jobs(sweep)] == [
        (number, name, "waiting") for number, name in enumerate(NAMES)
    ]


def test_a_done_job_has_its_seconds_and_its_score(sweep):
    status(sweep / NAMES[0], state="done", stages=stages(motion=1.0, denoise=4.5))
    (sweep / NAMES[0] / "metrics.json").write_text('{"human_mse": 12.5}')
    job = sweep_jobs(sweep)[0]
    assert (job.state, job.seconds, job.human_mse, job.prompts_done, job.prompts) == ("done", 5.5, 12.5, 1, 1)


def test_what_another_run_made_counts_as_the_time_to_fetch_it(sweep):
    shared = {"body": {"state": "done", "seconds": 60.0, "shared": True, "seconds_fetching": 0.5}}
    status(sweep / NAMES[0], state="done", stages=stages(denoise=4.0) | shared)
    assert sweep_jobs(sweep)[0].seconds == 4.5


def test_running_is_believed_only_of_a_job_that_is_held(sweep):
    status(sweep / NAMES[0], state="running", resumed="2026-01-01T00:00:00+00:00")
    assert sweep_jobs(sweep)[0].state == "died"
    with locked(sweep / NAMES[0]):
        job = sweep_jobs(sweep)[0]
    assert job.state == "running"
    assert job.seconds > 0


def test_a_set_of_prompts_shows_how_many_are_done_and_where_the_next_is(sweep):
    folder = sweep / NAMES[0]
    status(folder, kind="job", state="running", num_prompts=3)
    status(folder / "00-a", state="done", stages=stages(denoise=2.0))
    status(folder / "01-b", state="running", stage="denoise", num_steps=12)
    header = json.dumps({"__metadata__": {"step": "7"}}).encode()
    (folder / "01-b" / "latents").mkdir()
    (folder / "01-b" / "latents" / "state.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with locked(folder):
        job = sweep_jobs(sweep)[0]
    assert (job.prompts_done, job.prompts, job.stage) == (1, 3, "denoise 7/12")
    (folder / "01-b" / "latents" / "state.safetensors").write_bytes(b"half")
    assert sweep_jobs(sweep)[0].stage == "denoise"


def test_a_failed_job_has_the_first_line_of_its_error(sweep):
    status(sweep / NAMES[1], state="failed", error={"class": "DataError", "message": "a hand is missing\nmore"})
    (sweep / NAMES[2]).mkdir()
    (sweep / NAMES[2] / "status.json").write_text("{")
    jobs = sweep_jobs(sweep)
    assert (jobs[1].state, jobs[1].error) == ("failed", "DataError: a hand is missing")
    assert jobs[2].state == "damaged"
    table = job_table(jobs, summary(jobs)).plain
    assert "DataError: a hand is missing" in table
    assert table.splitlines()[-1] == "3 jobs: 1 failed, 1 damaged, 1 waiting"


def test_folders_without_a_plan_and_single_runs_are_shown_too(tmp_path):
    status(tmp_path / "old" / "00_a", state="done")
    assert [job.folder for job in sweep_jobs(tmp_path / "old")] == ["00_a"]
    assert [job.state for job in sweep_jobs(tmp_path / "old" / "00_a")] == ["done"]


@pytest.mark.parametrize("name", ["absent", "empty", "file"])
def test_a_folder_without_a_sweep_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"no folder|no sweep in"):
        watch(tmp_path / name)


def test_the_time_left_is_that_of_usual_prompts_on_as_many_jobs_as_run(sweep):
    assert seconds_left(sweep_jobs(sweep)) is None
    status(sweep / NAMES[0], state="done", stages=stages(denoise=10.0))
    status(sweep / NAMES[1], state="running")
    with locked(sweep / NAMES[1]):
        assert seconds_left(sweep_jobs(sweep)) == 20.0
    assert seconds_left(sweep_jobs(sweep)) == 10.0  # the second has died, the third is still to come


def test_watching_ends_when_nothing_runs_and_nobody_will_start_the_rest(sweep):
    status(sweep / NAMES[0], state="done")
    with locked(sweep):
        assert not has_ended(sweep, sweep_jobs(sweep))
    assert has_ended(sweep, sweep_jobs(sweep))
    with locked(sweep / NAMES[0]):
        status(sweep / NAMES[0], state="running")
        assert not has_ended(sweep, sweep_jobs(sweep))


def test_without_a_terminal_the_table_is_printed_once(sweep):
    text = io.StringIO()
    assert watch(sweep, console=Console(file=text, width=40)) == 0
    assert text.getvalue().count("00_sla-none") == 1
    assert f"sweep_dir={sweep}" in text.getvalue().replace("\n", "")


def test_on_a_terminal_it_stays_until_the_last_job_ends(sweep):
    def run():
        time.sleep(0.3)
        for name in NAMES:
            status(sweep / name, state="done")

    text = io.StringIO()
    with locked(sweep):
        thread = threading.Thread(target=run)
        thread.start()
        assert watch(sweep, every_s=0.1, console=Console(file=text, force_terminal=True, width=120, height=30)) == 0
        thread.join()
    assert "3 jobs: 3 waiting" in text.getvalue()
    assert "3 jobs: 3 done" in text.getvalue()


def test_a_sweep_that_ends_with_a_job_undone_says_so_by_its_status(sweep):
    status(sweep / NAMES[0], state="running")
    assert watch(sweep, console=Console(file=io.StringIO(), force_terminal=True)) == 1
    assert watch(sweep, once=True, console=Console(file=io.StringIO(), force_terminal=True)) == 0


def test_where_there_is_no_room_jobs_that_run_or_failed_stay_in_sight(tmp_path):
    jobs = tuple(PlannedJob(number, f"{number:02d}", ()) for number in range(40))
    write_plan(tmp_path, SweepPlan("n", "c", None, "", jobs))
    status(tmp_path / "30", state="failed", error="boom")
    lines = job_table(sweep_jobs(tmp_path), "the end", height=12).plain.splitlines()
    assert len(lines) <= 12
    assert any("boom" in line for line in lines)
    assert lines[-1] == "the end"
    assert "more lines" in lines[-2]
