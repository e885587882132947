"""``latentman run``: checks the whole command before any model loads, then hands it to Hydra.

Hydra composes and launches; what is added here is the free text that arrives as typed (``overrides.py``), messages that
say what to do next, and the check of every job of a sweep before the first one starts (``composition.py``).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.cli import COMMANDS
from latentman.engine.help import run_help
from latentman.engine.launchers import cluster_jobs_told
from latentman.engine.overrides import Arguments, split_arguments
from latentman.errors import ConfigError, LatentManError, RecordError
from latentman.system.paths import config_dir

if TYPE_CHECKING:
    from latentman.engine.compose import Command
    from latentman.engine.sweep import Failure, Sweep
    from latentman.record.jobs import JobState

NOT_DONE = 1
"""Exit status of a sweep some of whose jobs are not done, none of them by an error in this process."""

SHOW_ONLY = {"--cfg", "--info", "--hydra-help", "--shell-completion"}
"""Flags with which Hydra prints something and runs nothing."""

OWN_TREE = {"--config-path", "--config-name", "--experimental-rerun"}
"""Flags that put another configuration in the place of ours; its checks are then made by the run itself."""


def main(argv: list[str]) -> int:
    """Carry out ``latentman run`` with these arguments and return the exit status.

    Raises:
        LatentManError: for every mistake that the user can mend, in the command line, the configuration or the run.
        KeyboardInterrupt: with a message that says how to continue.
    """
    arguments = split_arguments(argv)
    if "--help" in arguments.flags:
        sys.stdout.write(run_help(Path(config_dir())))
        return 0
    if "--version" in arguments.flags:
        from latentman import __version__

        sys.stdout.write(f"latentman {__version__}\n")
        return 0
    with _hydra_passes_errors_on():
        try:
            return _launch(arguments)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(str(interrupt) or _how_to_continue(arguments.overrides, None)) from None


def _launch(arguments: Arguments) -> int:
    """Check the command, let Hydra carry it out, and return the exit status."""
    from latentman.engine.compose import check_command
    from latentman.engine.explain import explained

    with explained():
        if SHOW_ONLY & arguments.flags.keys():
            return _call_hydra(arguments)
        typed, arguments = arguments, _with_mode(arguments)
        if not OWN_TREE & arguments.flags.keys():
            command = check_command(arguments.overrides, arguments.flags.get("--config-dir"))
            if command.jobs:
                return _launch_sweep(command, typed, arguments)
        try:
            return _call_hydra(arguments)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_how_to_continue(typed.overrides, _sweeps())) from None
        finally:
            for folder in _sweeps():
                _report(folder)


def _launch_sweep(command: Command, typed: Arguments, arguments: Arguments) -> int:
    """Let Hydra run the jobs of a sweep that are left to do, and end with the table of all of them.

    Raises:
        LatentManError: the first of those with which jobs ended in this process.
    """
    from latentman.engine.compose import sweeping
    from latentman.engine.sweep import announce, launched, left_to_do, prepare

    sweep = prepare(command, ["-m"] * ("--multirun" in typed.flags) + typed.overrides)
    with launched(sweep):
        left = left_to_do(sweep, arguments.flags.get("--config-dir"))
        announce(sweep, left)
        failures: list[Failure] = []
        try:
            if left:
                with sweeping([sweep.overrides(job) for job in left]):
                    _call_hydra(Arguments(arguments.flags, sweep.in_its_folder(arguments.overrides)), failures)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_how_to_continue(typed.overrides, [sweep.folder])) from None
        except Exception as error:
            if isinstance(error, LatentManError) or not _is_of_a_launcher(error):
                raise
            raise RecordError(f"the launcher lost its jobs: {str(error).splitlines()[0]}") from error
        finally:
            try:
                _report(sweep.folder)
            finally:
                states = _show_jobs(sweep, failures)
    if failures:  # a defect of ours before a mistake that the user can mend
        failure, overrides = min(failures, key=lambda failure: isinstance(failure[0], LatentManError))
        job = sweep.plan.find(overrides)
        number = "?" if job is None else str(job.number)
        own = [override for override in overrides if not override.startswith("sweep_dir=")]
        failure.add_note(f"in job {number} of the sweep: {' '.join(own)}")
        raise failure
    return 0 if sweep.is_done(states) else NOT_DONE


def _call_hydra(arguments: Arguments, failures: list[Failure] | None = None) -> int:
    """Run ``latentman.run.main`` as Hydra does, from the command line."""
    from latentman.run import main as hydra_main

    with _argv(arguments.argv()), cluster_jobs_told(), _plain_job_errors(failures):
        hydra_main()
    return 0


def _is_of_a_launcher(error: Exception) -> bool:
    """Return whether an error comes from one of Hydra's launchers, as when a job's process is killed."""
    return type(error).__module__.partition(".")[0] in ("joblib", "submitit")


def _sweeps() -> list[Path]:
    """Return the folders of sweeps of which this process has run jobs without a plan; the list is the runner's own."""
    runner = sys.modules.get("latentman.engine.runner")
    return list(getattr(runner, "finished_sweeps", []))


def _report(folder: Path) -> None:
    """End a sweep with its table and gallery, also when some of its jobs failed or it was interrupted."""
    report = importlib.import_module(COMMANDS["report"][0])
    with contextlib.suppress(LatentManError):  # nothing is finished yet: the table of jobs says why
        report.main([str(folder)])
        importlib.import_module("latentman.tracking.sweep_summary").mirror_sweep(folder)


def _show_jobs(sweep: Sweep, failures: list[Failure]) -> list[JobState]:
    """Print the table of all jobs of a sweep, so that none that failed or never started is overlooked."""
    from latentman.record.jobs import summary
    from latentman.report.watch import job_table

    states = sweep.states(failures)
    sys.stdout.write(f"\n{job_table(states, summary(states)).plain}\n")
    return states


def _with_mode(arguments: Arguments) -> Arguments:
    """Return the arguments with ``--run`` or ``--multirun`` said as ``hydra.mode``; Hydra would warn otherwise."""
    modes = [flag for flag in ("--run", "--multirun") if flag in arguments.flags]
    if len(modes) == 2:
        raise ConfigError("--run and --multirun exclude each other: give one of them")
    flags = {flag: value for flag, value in arguments.flags.items() if flag not in modes}
    return Arguments(flags, arguments.overrides + [f"hydra.mode={flag[2:].upper()}" for flag in modes])


@contextlib.contextmanager
def _argv(arguments: list[str]) -> Iterator[None]:
    """Let Hydra find these arguments in ``sys.argv``."""
    before = sys.argv
    sys.argv = [before[0], *arguments]
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def _hydra_passes_errors_on() -> Iterator[None]:
    """Keep Hydra from printing tracebacks and exiting by itself: the errors come to us instead."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = before or "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HYDRA_FULL_ERROR"]


@contextlib.contextmanager
def _plain_job_errors(gathered: list[Failure] | None) -> Iterator[None]:
    """Keep Hydra from writing the overrides of a failed job on stderr, and from ending a sweep at its first error.

    Args:
        gathered: takes the errors of a sweep's jobs; None lets each be raised.
    """
    from hydra.core.utils import JobReturn, JobStatus

    original = JobReturn.return_value

    def plain(result: JobReturn) -> object:
        error = result._return_value
        if gathered is not None and result.status == JobStatus.FAILED:
            gathered.append((error, list(result.overrides or [])))
            return None
        if isinstance(error, LatentManError):
            raise error
        assert original.fget is not None
        return original.fget(result)

    JobReturn.return_value = property(plain, original.fset)
    try:
        yield
    finally:
        JobReturn.return_value = original


def _how_to_continue(overrides: list[str], sweeps: list[Path] | None) -> str:
    if any(part.lstrip("+").startswith(("run_dir=", "sweep_dir=")) for part in overrides):
        return "interrupted; the same command continues where it stopped"
    if sweeps:
        return f"interrupted; to continue, give the same command with sweep_dir={shlex.quote(str(sweeps[-1]))}"
    return "interrupted; to continue, give the same command with run_dir= and the folder that it wrote to"
