"""``latentman run``: checks the whole command before any model loads, then launches it.

Hydra composes the configuration and carries out the jobs (``dispatch.py``). Added here are free text that arrives as
typed (``overrides.py``), the check of every job of a sweep before the first one starts (``compose.py``), and messages
that say what to do next.
"""

from __future__ import annotations

import contextlib
import importlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.cli import COMMANDS
from latentman.engine.help import run_help
from latentman.engine.overrides import SHOW_ONLY, Arguments, split_arguments
from latentman.errors import ConfigError, LatentManError, RecordError
from latentman.system.paths import config_dir, user_path

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn

    from latentman.engine.compose import Command
    from latentman.engine.loader import Tree
    from latentman.engine.sweep import Failure, Sweep
    from latentman.record.jobs import JobState

NOT_DONE = 1
"""Exit status of a sweep some of whose jobs are not done, none of them by an error in this process."""


def main(argv: list[str]) -> int:
    """Carry out ``latentman run`` with these arguments and return the exit status.

    Raises:
        LatentManError: for every mistake that the user can fix, in the command line, the configuration or the run.
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
    try:
        return _launch(arguments)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(str(interrupt) or _how_to_continue(arguments.overrides, None)) from None


def _launch(arguments: Arguments) -> int:
    """Check the command, carry it out, and return the exit status."""
    from latentman.engine.compose import check_command
    from latentman.engine.explain import explained
    from latentman.engine.loader import Tree

    flags = arguments.flags
    tree = Tree(flags.get("--config-dir"), flags.get("--config-path"), flags.get("--config-name") or "config")
    with explained():
        if SHOW_ONLY & flags.keys():
            from latentman.engine.show import show

            return show(arguments, tree)
        overrides = _with_mode(arguments)
        command = check_command(overrides, tree)
        if not command.is_sweep:
            from latentman.engine.dispatch import run_one

            run_one(overrides, tree)
            return 0
        if command.jobs or command.search is not None:
            return _launch_sweep(command, arguments, tree)
        return _launch_sweeper(command, arguments, tree)


def _launch_sweep(command: Command, typed: Arguments, tree: Tree) -> int:
    """Run the jobs of a sweep that are left to do, or a search, and end with the table of all jobs.

    Raises:
        LatentManError: the first error with which a job ended in this process.
    """
    from latentman.engine.dispatch import launch, search
    from latentman.engine.sweep import announce, in_folder, launched, left_to_do, prepare

    if command.search is not None:
        from latentman.engine.optuna_study import check_optuna

        check_optuna()
    sweep = prepare(command, ["-m"] * ("--multirun" in typed.flags) + typed.overrides)
    with launched(sweep):
        left = left_to_do(sweep, tree)
        announce(sweep, left)
        failures: list[Failure] = []
        overrides = in_folder(_with_mode(typed), sweep.folder)
        try:
            if command.search is not None:
                _gather(search(overrides, command.search, sweep, tree), failures)
            elif left:
                _gather(launch(overrides, [sweep.overrides(job) for job in left], tree), failures)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_how_to_continue(typed.overrides, sweep.folder)) from None
        finally:
            try:
                _report(sweep.folder)
            finally:
                sweep = sweep if command.search is None else sweep.reread()
                states = _show_jobs(sweep, failures)
    if failures:  # a defect of ours before a mistake that the user can fix
        failure, overrides = min(failures, key=lambda failure: isinstance(failure[0], LatentManError))
        job = sweep.plan.find(overrides)
        number = "?" if job is None else str(job.number)
        own = [override for override in overrides if not override.startswith("sweep_dir=")]
        failure.add_note(f"in job {number} of the sweep: {' '.join(own)}")
        raise failure
    return 0 if sweep.is_done(states) else NOT_DONE


def _gather(results: Iterator[JobReturn], failures: list[Failure]) -> None:
    """Wait for the results of jobs and gather the errors with which some of them end.

    Raises:
        RecordError: if the launcher itself fails, as when a process of its jobs is killed.
    """
    from latentman.engine.dispatch import failure

    with _launcher_errors():
        for result in results:
            error = failure(result)
            if error is not None:
                failures.append((error, list(result.overrides or [])))


def _launch_sweeper(command: Command, typed: Arguments, tree: Tree) -> int:
    """Let another sweeper than Hydra's basic one choose the jobs; without a plan there is no table of jobs."""
    from latentman.engine.dispatch import sweep
    from latentman.engine.job import unused
    from latentman.engine.sweep import in_folder

    folder = user_path(command.sweep_dir).absolute()
    folder = unused(folder) if command.is_new else folder
    try:
        with _launcher_errors():
            sweep(in_folder(_with_mode(typed), folder), tree)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_how_to_continue(typed.overrides, folder)) from None
    finally:
        if folder.is_dir():
            _report(folder)
    return 0


@contextlib.contextmanager
def _launcher_errors() -> Iterator[None]:
    """Turn an error of a launcher's library, as when the process of a job is killed, into a RecordError."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("joblib", "submitit"):
            raise
        raise RecordError(f"the launcher lost its jobs: {str(error).splitlines()[0]}") from error


def _report(folder: Path) -> None:
    """End a sweep with its table and gallery, also when some of its jobs failed or it was interrupted."""
    report = importlib.import_module(COMMANDS["report"][0])
    with contextlib.suppress(LatentManError):  # nothing is finished yet: the table of jobs says why
        report.main([str(folder)])
        importlib.import_module("latentman.tracking.sweep_summary").mirror_sweep(folder)


def _show_jobs(sweep: Sweep, failures: list[Failure]) -> list[JobState]:
    """Print the table of all jobs of a sweep, so that jobs that failed or never started are not overlooked."""
    from latentman.record.jobs import summary
    from latentman.report.watch import job_table

    states = sweep.states(failures)
    sys.stdout.write(f"\n{job_table(states, summary(states)).plain}\n")
    return states


def _with_mode(arguments: Arguments) -> list[str]:
    """Return the overrides with ``--run`` or ``--multirun`` given as ``hydra.mode``."""
    modes = [flag for flag in ("--run", "--multirun") if flag in arguments.flags]
    if len(modes) == 2:
        raise ConfigError("--run and --multirun exclude each other: give one of them")
    return arguments.overrides + [f"hydra.mode={flag[2:].upper()}" for flag in modes]


def _how_to_continue(overrides: list[str], sweep_dir: Path | None) -> str:
    if any(part.lstrip("+").startswith(("run_dir=", "sweep_dir=")) for part in overrides):
        return "interrupted; the same command continues where it stopped"
    if sweep_dir is not None:
        return f"interrupted; to continue, give the same command with sweep_dir={shlex.quote(str(sweep_dir))}"
    return "interrupted; to continue, give the same command with run_dir= and the folder that it wrote to"
