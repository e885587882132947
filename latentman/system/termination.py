"""How a run ends on a signal: as with Ctrl-C, or in a SLURM job by going back to the queue.

A job of the queue gets a signal for three reasons. When its time runs out, SLURM sends the signal that submitit asked
for, USR2. When another job preempts it, or a user cancels it, SLURM sends SIGTERM in both cases, and only the queue
knows which it was. Our handler replaces submitit's, which ignores SIGTERM, and asks the queue. A run keeps its progress
in its folder, so nothing has to be saved: it only has to be started again.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

logger = logging.getLogger("latentman")

Handler = Callable[[int, FrameType | None], Any]

QUEUE_PATIENCE_S = 20


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the run with a status that records it; requeue a SLURM job where that is right."""
    try:
        before = signal.getsignal(signal.SIGTERM)
        requeue = _requeue_of(before)
        stop: Handler = _interrupt if requeue is None else _QueuedJob(requeue)
        replaced = {signum: signal.signal(signum, stop) for signum in _signals(requeue)}
    except ValueError:  # not the main thread, which alone can handle signals
        yield
        return
    try:
        yield
    finally:
        if not (isinstance(stop, _QueuedJob) and stop.is_ending):
            for signum, handler in replaced.items():
                signal.signal(signum, handler)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _requeue_of(handler: Any) -> Handler | None:
    """Return the function with which submitit requeues its SLURM job; None outside such a job."""
    environments = sys.modules.get("submitit.core.job_environment")
    owner = getattr(handler, "__self__", None)
    if environments is None or not isinstance(owner, environments.SignalHandler) or owner.env.name() != "slurm":
        return None
    return owner.checkpoint_and_try_requeue


def _signals(requeue: Handler | None) -> set[signal.Signals]:
    """Return the signals that end a run: in a job of submitit also the signal that it asks SLURM for.

    SIGHUP comes when a terminal is closed or a connection is lost. Where it is ignored, as under ``nohup``, it stays
    ignored.
    """
    if requeue is None:
        ends = {signal.SIGTERM}
        hangup = getattr(signal, "SIGHUP", None)  # not on Windows
        if isinstance(hangup, signal.Signals) and signal.getsignal(hangup) is not signal.SIG_IGN:
            ends.add(hangup)
        return ends
    wanted = sys.modules["submitit.core.job_environment"].JobEnvironment.USR_SIG
    return {signal.SIGTERM, signal.Signals[f"SIG{wanted}"]}


class _QueuedJob:
    """The handler of a SLURM job's signals."""

    def __init__(self, requeue: Handler) -> None:
        self.requeue = requeue
        self.is_ending = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """Go back to the queue, end, or continue, depending on the state in the queue.

        Raises:
            SystemExit: after the job was requeued.
            KeyboardInterrupt: if the job was cancelled.
            RuntimeError: from submitit, if the job was requeued too often.
        """
        if self.is_ending:  # requeueing a job sends it SIGTERM once more
            return
        state = "RUNNING" if signum != signal.SIGTERM else job_state()
        if state == "":
            # Continuing is right in both cases: a cancelled job is killed soon, and SLURM requeues a preempted one.
            logger.warning("SIGTERM, and the queue does not report why: continuing until the job is killed")
            return
        self.is_ending = True
        if state != "RUNNING":
            raise KeyboardInterrupt
        logger.warning("%s: this job goes back to the queue and will continue from here", signal.Signals(signum).name)
        self.requeue(signum, frame)


def job_state() -> str:
    """Return the state of this job in the queue, such as RUNNING or COMPLETING; empty if the queue does not answer."""
    command = ["squeue", "--noheader", "--jobs", os.environ.get("SLURM_JOB_ID", ""), "--format", "%T"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=QUEUE_PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().upper()
