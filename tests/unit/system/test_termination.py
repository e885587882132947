"""What a run does when it is asked to end, alone and in a SLURM job; the queue is programs that answer like SLURM's."""

import os
import signal
import threading
from pathlib import Path

import pytest

from latentman.system.termination import terminable


@pytest.fixture(autouse=True)
def _handlers_as_before():
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGUSR2, signal.SIGCONT)}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.fixture
def queued_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Be a job of submitit in a queue that calls it as asked; return the file that lists what it was asked to do."""
    environments = pytest.importorskip("submitit.slurm.slurm")
    core = pytest.importorskip("submitit.core.utils")

    class Work:
        def __call__(self) -> None: ...

        def checkpoint(self) -> object:
            return core.DelayedSubmission(self)

    asked = tmp_path / "asked.txt"
    asked.touch()

    def start(state: str) -> Path:
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "squeue").write_text(f"#!/bin/sh\necho {state}\n" if state else "#!/bin/sh\nexit 1\n")
        (programs / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {asked}\n')
        for program in programs.iterdir():
            program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("SLURM_JOB_ID", "7")
        monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
        delayed = core.DelayedSubmission(Work())
        delayed.set_timeout(60, 3)
        paths = core.JobPaths(tmp_path, job_id="7", task_id=0)
        environments.SlurmJobEnvironment()._handle_signals(paths, delayed)
        return asked

    return start


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_a_lost_terminal_ends_a_run_as_ctrl_c_does_but_not_under_nohup() -> None:
    before = signal.getsignal(signal.SIGHUP)
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with pytest.raises(KeyboardInterrupt), terminable():
            signal.raise_signal(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with terminable():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_sigterm_ends_a_run_as_ctrl_c_does_and_its_handler_goes_with_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminable():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_leaves_the_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with terminable():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR2])
def test_a_job_that_still_runs_goes_back_to_the_queue_once(queued_job, signum: signal.Signals) -> None:
    asked = queued_job("RUNNING")
    with pytest.raises(SystemExit), terminable():
        signal.raise_signal(signum)
    signal.raise_signal(signal.SIGTERM)  # which putting it back brings with it
    assert asked.read_text() == "requeue 7\n"


def test_a_cancelled_job_ends_and_stays_out_of_the_queue(queued_job) -> None:
    asked = queued_job("COMPLETING")
    with pytest.raises(KeyboardInterrupt), terminable():
        signal.raise_signal(signal.SIGTERM)
    assert asked.read_text() == ""


def test_a_job_goes_on_when_the_queue_does_not_answer(queued_job) -> None:
    asked = queued_job("")
    with terminable():
        signal.raise_signal(signal.SIGTERM)
    assert asked.read_text() == ""


def test_the_handlers_of_a_job_that_ends_by_itself_are_put_back(queued_job) -> None:
    queued_job("RUNNING")
    before = [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGUSR2)]
    with terminable():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGUSR2)] == before


def test_a_job_that_was_queued_too_often_fails_with_submitits_reason(queued_job, tmp_path: Path) -> None:
    asked = queued_job("RUNNING")
    delayed = signal.getsignal(signal.SIGUSR2).__self__._delayed
    delayed.set_timeout(1, 0)  # a job of a minute has always timed out, and none is left
    with pytest.raises(RuntimeError, match="timed-out too many times"), terminable():
        signal.raise_signal(signal.SIGUSR2)
    assert asked.read_text() == ""
