"""How a run ends when it is told to: as Ctrl-C ends it, or in a SLURM job by going back to the queue.

A job of the queue is told to end for three reasons. Its time runs out: SLURM sends the signal that submitit asked for,
USR2. Another job takes its place, or somebody cancels it: SLURM sends SIGTERM for both, and only the queue knows which.
Ours stands before submitit's handlers, which ignore SIGTERM, and asks. A run keeps its progress in its folder, so that
nothing is left to save: it only has to be started again.
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
    """Let SIGTERM end the run with a status that says so, and let a SLURM job go back to the queue where it should."""
    try:
        before = signal.getsignal(signal.SIGTERM)
        requeue = _requeue_of(before)
        stop: Handler = _interrupt if requeue is None else _QueuedJob(requeue)
        replaced = {signum: signal.signal(signum, stop) for signum in _signals(requeue)}
    except ValueError:  # not the main thread: the signals are somebody else's
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
    """Return what submitit does to put its SLURM job back into the queue; None outside such a job."""
    environments = sys.modules.get("submitit.core.job_environment")
    owner = getattr(handler, "__self__", None)
    if environments is None or not isinstance(owner, environments.SignalHandler) or owner.env.name() != "slurm":
        return None
    return owner.checkpoint_and_try_requeue


def _signals(requeue: Handler | None) -> set[signal.Signals]:
    """Return the signals that end a run: in a job of submitit also the one that it asks SLURM for."""
    if requeue is None:
        return {signal.SIGTERM}
    wanted = sys.modules["submitit.core.job_environment"].JobEnvironment.USR_SIG
    return {signal.SIGTERM, signal.Signals[f"SIG{wanted}"]}


class _QueuedJob:
    """The handler of a SLURM job's signals."""

    def __init__(self, requeue: Handler) -> None:
        self.requeue = requeue
        self.is_ending = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """Go back to the queue, end, or go on, as the queue says.

        Raises:
            SystemExit: after going back to the queue.
            KeyboardInterrupt: if somebody cancelled the job.
            RuntimeError: submitit's, if the job was queued again too often.
        """
        if self.is_ending:  # putting a job back into the queue sends it SIGTERM once more
            return
        state = "RUNNING" if signum != signal.SIGTERM else job_state()
        if state == "":
            # Going on is right either way: a cancelled job is killed soon, and a preempted one is queued by SLURM.
            logger.warning("SIGTERM, and the queue does not say why: going on until the end comes")
            return
        self.is_ending = True
        if state != "RUNNING":
            raise KeyboardInterrupt
        logger.warning("%s: this job goes back to the queue, and continues from here", signal.Signals(signum).name)
        self.requeue(signum, frame)


def job_state() -> str:
    """Return what the queue says of this job, such as RUNNING or COMPLETING; empty if it does not answer."""
    command = ["squeue", "--noheader", "--jobs", os.environ.get("SLURM_JOB_ID", ""), "--format", "%T"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=QUEUE_PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().upper()
