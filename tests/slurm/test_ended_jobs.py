"""Killed and cancelled jobs are reported as failed, and the same command continues them to the same bytes."""

import os
import signal
from pathlib import Path

import pytest

from tests.slurm.conftest import INTERRUPTED, accounting, ask, processes, result_bytes

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1800)]


def test_killed_and_cancelled_jobs_fail_and_are_continued(send, uninterrupted: Path) -> None:
    command = [*INTERRUPTED, "seed=1,2"]
    sweep = send(*command)
    sweep.until(lambda: sweep.is_denoising(0) and sweep.is_denoising(1), "two jobs that are denoising")
    killed = processes(sweep.queue_id(0))
    assert killed
    for process in killed:
        os.kill(process, signal.SIGKILL)
    ask("scancel", f"{sweep.array}_1")
    status, said = sweep.end()
    assert status != 0
    assert "Traceback" not in said
    assert "SLURM calls it FAILED" in said or "SLURM calls it CANCELLED" in said, said
    # The killed job could not record its end; the table recognises it because no process holds its lock.
    assert (sweep.state(0), sweep.state(1)) == ("running", "interrupted"), said
    states = {row[0].rpartition("_")[2]: row[1].split()[0] for row in accounting(sweep.array, "JobID,State")}
    assert states == {"0": "FAILED", "1": "CANCELLED"}

    status, said = send(*command).end()
    assert status == 0, said
    assert (sweep.state(0), sweep.state(1)) == ("done", "done")
    assert "continues at step" in (sweep.job(0) / "log.txt").read_text()
    assert result_bytes(sweep.job(0)) == result_bytes(uninterrupted)
