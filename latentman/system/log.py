"""Where the messages of a run go: the console, and the log in its folder."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from latentman.errors import RecordError


class _ConsoleHandler(logging.Handler):
    """Shows each warning once, above the bars, and keeps a list of them."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self.console = console
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self.seen:
            self.seen.append(message)
            label = "warning" if record.levelno < logging.ERROR else "error"
            self.console.print(f"{label}: {message}", style="yellow", markup=False, soft_wrap=True)


@contextmanager
def configure_logging(log_file: Path | None, console: Console) -> Iterator[list[str]]:
    """Send messages to a run's log and its warnings to the console, while the block runs.

    The log gets everything from latentman and the warnings of other libraries, Python's included. The console shows
    each warning of latentman once.

    Args:
        log_file: appended to; None keeps no log.
        console: the console of the run's :class:`Progress`, so that the bars stay below the messages.

    Yields:
        The distinct warnings so far, in order; the list grows while the block runs.

    Raises:
        RecordError: if the log cannot be written.
    """
    ours, root = logging.getLogger("latentman"), logging.getLogger()
    shown = _ConsoleHandler(console)
    handlers: list[tuple[logging.Logger, logging.Handler]] = [(ours, shown)]
    if log_file is not None:
        handlers.append((root, _file_handler(log_file)))
    level = ours.level
    ours.setLevel(logging.DEBUG)
    logging.captureWarnings(True)
    for owner, handler in handlers:
        owner.addHandler(handler)
    try:
        yield shown.seen
    finally:
        logging.captureWarnings(False)
        ours.setLevel(level)
        for owner, handler in handlers:
            owner.removeHandler(handler)
            handler.close()


class _LogFile(logging.FileHandler):
    """A log file whose write errors do not end the run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Drop the line."""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


def _file_handler(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path, encoding="utf-8")
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror}; choose another run_dir") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    return handler
