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

from latentman.cli import COMMANDS
from latentman.cluster import cluster_jobs_told
from latentman.errors import ConfigError, LatentManError
from latentman.overrides import Arguments, split_arguments
from latentman.paths import config_dir
from latentman.run_help import run_help

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
            _launch(arguments)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(str(interrupt) or _how_to_continue(arguments.overrides, [])) from None
    return 0


def _launch(arguments: Arguments) -> None:
    """Check the command, then let Hydra carry it out."""
    from latentman.composition import check_command, explained

    shows_only = bool(SHOW_ONLY & arguments.flags.keys())
    if not shows_only:
        arguments = _with_mode(arguments)
    with explained():
        if not shows_only and not OWN_TREE & arguments.flags.keys():
            check_command(arguments.overrides, arguments.flags.get("--config-dir"))
        from latentman.run import main as hydra_main

        with _argv(arguments.argv()), cluster_jobs_told(), _plain_job_errors():
            try:
                hydra_main()
            except KeyboardInterrupt:
                raise KeyboardInterrupt(_how_to_continue(arguments.overrides, _sweeps())) from None
            finally:
                _report_sweeps()


def _sweeps() -> list[Path]:
    """Return the folders of the sweeps of which this process has run jobs; the list is the runner's own."""
    runner = sys.modules.get("latentman.runner")
    return getattr(runner, "finished_sweeps", [])


def _report_sweeps() -> None:
    """End a sweep with its table and gallery, also when some of its jobs failed or it was interrupted."""
    folders = _sweeps()
    if not folders:
        return
    report = importlib.import_module(COMMANDS["report"][0])
    while folders:
        with contextlib.suppress(LatentManError):  # nothing is finished yet: the error of the run itself says why
            report.main([str(folders.pop(0))])


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
def _plain_job_errors() -> Iterator[None]:
    """Keep Hydra from writing the overrides of a failed job on stderr; a sweep's error gets them as a note."""
    from hydra.core.utils import JobReturn
    from hydra.types import RunMode

    original = JobReturn.return_value

    def plain(result: JobReturn) -> object:
        error = result._return_value
        if not isinstance(error, LatentManError):
            assert original.fget is not None
            return original.fget(result)
        if result.hydra_cfg is not None and result.hydra_cfg.hydra.mode == RunMode.MULTIRUN:
            error.add_note(f"in job {result.hydra_cfg.hydra.job.num} of the sweep: {' '.join(result.overrides or [])}")
        raise error

    JobReturn.return_value = property(plain, original.fset)
    try:
        yield
    finally:
        JobReturn.return_value = original


def _how_to_continue(overrides: list[str], sweeps: list[Path]) -> str:
    if any(part.lstrip("+").startswith(("run_dir=", "sweep_dir=")) for part in overrides):
        return "interrupted; the same command continues where it stopped"
    if sweeps:
        return f"interrupted; to continue, give the same command with sweep_dir={shlex.quote(str(sweeps[-1]))}"
    return "interrupted; to continue, give the same command with run_dir= and the folder that it wrote to"
