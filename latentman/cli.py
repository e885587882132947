"""``latentman <command>``: each command is imported only when it is used, so that help answers at once."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any, NoReturn

from latentman import __version__
from latentman.errors import ConfigError, LatentManError, nearest
from latentman.system.machine_faults import machine_faults_told
from latentman.system.termination import terminable

COMMANDS = {
    "run": ("latentman.engine.launch", "make a video from a prompt, or run an experiment: latentman run --help"),
    "demo": ("latentman.engine.demo", "the baseline and LatentMan side by side: try this first"),
    "report": ("latentman.report.__main__", "tables, plots and a gallery from the folder of a sweep or a run"),
    "pictures": (
        "latentman.report.drawn_pictures",
        "write what a run drew of the body as PNG frames, for other programs",
    ),
    "score": ("latentman.score.__main__", "the metrics of finished videos, from any program"),
    "train": ("latentman.train.__main__", "train the embedded models, or your own"),
    "study": ("latentman.study.__main__", "ask people which of two videos is steadier: build, serve, analyse"),
    "bench": ("latentman.bench.__main__", "measure the quality and the speed of each part"),
    "motion": ("latentman.inspect.__main__", "show what is found in a motion file: latentman motion inspect FILE"),
    "runs": ("latentman.runs.__main__", "check runs and sweeps on disk for damage"),
    "assets": ("latentman.assets.__main__", "list what is installed and what is missing, and how to get it"),
}
"""Each command, the module whose ``main(argv)`` carries it out, and what it is for."""

USAGE_ERROR = 2
INTERRUPTED = 130


def usage() -> str:
    """Return the text of ``latentman --help``."""
    rows = "\n".join(f"  latentman {name:<8} {text}" for name, (_, text) in COMMANDS.items())
    return (
        "LatentMan: consistent animated-character videos from text, without video training.\n\n"
        f"{rows}\n\n  --version, --help\n\nEach command has its own --help. Try this first: latentman demo"
    )


def main(argv: list[str] | None = None) -> int:
    """Carry out one command and return its exit status.

    0 is success, 2 a mistake that the user can fix, 130 an interruption. Any other exception is a defect and is raised.
    """
    arguments = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):  # a terminal that does not know a character shows its number
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())  # noqa: T201
        return 0
    if arguments[0] == "--version":
        print(f"latentman {__version__}")  # noqa: T201
        return 0
    command, *rest = arguments
    if command not in COMMANDS:
        looks_like_run = command.startswith("-") or "=" in command
        hint = f"; did you mean 'latentman run {command}'?" if looks_like_run else nearest(command, COMMANDS)
        return fail(f"'{command}' is not a latentman command{hint}\ncommands: {', '.join(COMMANDS)}")
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    try:
        with machine_faults_told(f"latentman {command} stopped"):
            module = _imported(command)
            with terminable():
                status = module.main(rest)
    except LatentManError as error:
        if wants_traceback:
            traceback.print_exc()
        return fail("\n".join([str(error), *getattr(error, "__notes__", [])]))
    except KeyboardInterrupt as interrupt:
        _end_at_the_next_signal()
        return fail(str(interrupt) or "interrupted", INTERRUPTED)
    return int(status or 0)


def _imported(command: str) -> ModuleType:
    """Import the module of a command. Until then there is nothing to save, and a signal ends the process in one line.

    Libraries that are being imported may take a KeyboardInterrupt for a failed import, or print it.
    """
    if threading.current_thread() is not threading.main_thread():
        return importlib.import_module(COMMANDS[command][0])
    replaced = _handled(_end_now)
    try:
        return importlib.import_module(COMMANDS[command][0])
    finally:
        for signum, handler in replaced.items():
            signal.signal(signum, handler)


def _handled(stop: Callable[[int, FrameType | None], NoReturn]) -> dict[signal.Signals, Any]:
    """Let a function handle the signals that end a command, and return the handlers that it replaces.

    Left alone are those that are ignored, as in a background job of a shell, and those that another program handles.
    """
    kinds = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
    usual = (signal.default_int_handler, signal.SIG_DFL)
    return {signum: signal.signal(signum, stop) for signum in kinds if signal.getsignal(signum) in usual}


def _end_now(signum: int, frame: FrameType | None) -> NoReturn:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


def _end_at_the_next_signal() -> None:
    """Let a second signal end the process at once, without a traceback from whatever it is finishing."""
    if threading.current_thread() is threading.main_thread():
        _handled(lambda signum, frame: os._exit(INTERRUPTED))


def fail(message: str, status: int = USAGE_ERROR) -> int:
    """Print one message on stderr and return the exit status."""
    print(f"error: {message}" if status != INTERRUPTED else message, file=sys.stderr)  # noqa: T201
    return status


class Arguments(argparse.ArgumentParser):
    """A parser that raises ConfigError instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{self.prog}: {message}; --help lists what it takes")
