"""The table of jobs shows every job, live on a terminal and once elsewhere."""

import io
import threading
import time

import pytest
from rich.console import Console

from latentman.errors import RecordError
from latentman.record.jobs import summary, sweep_jobs
from latentman.report.watch import has_ended, job_table, watch
from latentman.system.locks import locked
from tests.factories.record import JOBS, write_status, write_sweep


@pytest.fixture
def sweep(tmp_path):
    return write_sweep(tmp_path)


def test_the_table_shows_the_error_of_a_failed_job_and_ends_with_the_summary(sweep):
    write_status(sweep / JOBS[1], state="failed", error={"class": "DataError", "message": "a hand is missing\nmore"})
    jobs = sweep_jobs(sweep)
    table = job_table(jobs, summary(jobs)).plain
    assert "DataError: a hand is missing" in table
    assert table.splitlines()[-1] == "3 jobs: 1 failed, 2 waiting"


@pytest.mark.parametrize("name", ["absent", "empty", "file"])
def test_a_folder_without_a_sweep_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"is not a folder|no sweep in"):
        watch(tmp_path / name)


def test_watching_ends_when_no_job_runs_and_no_command_will_start_the_rest(sweep):
    write_status(sweep / JOBS[0], state="done")
    with locked(sweep):
        assert not has_ended(sweep, sweep_jobs(sweep))
    assert has_ended(sweep, sweep_jobs(sweep))
    with locked(sweep / JOBS[0]):
        write_status(sweep / JOBS[0], state="running")
        assert not has_ended(sweep, sweep_jobs(sweep))


def test_without_a_terminal_the_table_is_printed_once(sweep):
    text = io.StringIO()
    assert watch(sweep, console=Console(file=text, width=40)) == 0
    assert text.getvalue().count("00_sla-none") == 1
    assert f"sweep_dir={sweep}" in text.getvalue().replace("\n", "")


def test_on_a_terminal_the_table_is_updated_until_the_last_job_ends(sweep):
    def run():
        time.sleep(0.3)
        for name in JOBS:
            write_status(sweep / name, state="done")

    text = io.StringIO()
    with locked(sweep):
        thread = threading.Thread(target=run)
        thread.start()
        assert watch(sweep, every_s=0.1, console=Console(file=text, force_terminal=True, width=120, height=30)) == 0
        thread.join()
    assert "3 jobs: 3 waiting" in text.getvalue()
    assert "3 jobs: 3 done" in text.getvalue()


def test_the_exit_status_is_one_if_a_job_is_undone_in_the_end(sweep):
    write_status(sweep / JOBS[0], state="running")
    assert watch(sweep, console=Console(file=io.StringIO(), force_terminal=True)) == 1
    assert watch(sweep, once=True, console=Console(file=io.StringIO(), force_terminal=True)) == 0


def test_on_a_small_screen_running_and_failed_jobs_stay_visible(tmp_path):
    write_sweep(tmp_path, [f"{number:02d}" for number in range(40)])
    write_status(tmp_path / "30", state="failed", error="boom")
    lines = job_table(sweep_jobs(tmp_path), "the end", height=12).plain.splitlines()
    assert len(lines) <= 12
    assert any("boom" in line for line in lines)
    assert lines[-1] == "the end"
    assert "more lines" in lines[-2]
