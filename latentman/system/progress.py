"""What the user sees during a run: bars on a terminal, a few plain lines in a log; and where messages go.

On a terminal every stage has a bar with its time left, and messages appear above the bars. Elsewhere (a file, the log
of a queue) a stage prints few lines, each readable alone. Output that cannot be written is dropped: a closed pipe never
ends a run.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import IO, Any, Protocol

import rich.progress
from rich.console import Console

LINE_EVERY_S = 5.0
"""Least seconds between two lines of one stage in a log."""

LINE_AT_LEAST_EVERY_S = 60.0
"""Seconds after which a stage prints a line in a log, even if it has advanced by less than a tenth."""

logger = logging.getLogger("latentman.system.progress")


class Advance(Protocol):
    """Reports work: ``advance(1)`` for one more unit, or ``advance(done, total)`` for the position of the stage."""

    def __call__(self, done: int = 1, total: int | None = None, /) -> None:
        """Take the report."""


class _Stream:
    """A text stream that drops what cannot be written."""

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    def fileno(self) -> int:
        if self._stream is None:
            raise OSError("there is no stream")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"


def make_console(stream: IO[str] | None = None, *, quiet: bool = False) -> Console:
    """Return a console on a stream (stderr by default) that never raises when its reader is gone."""
    target: Any = _Stream(sys.stderr if stream is None else stream)
    return Console(file=target, quiet=quiet, highlight=False, soft_wrap=not target.isatty())


class Progress(AbstractContextManager["Progress"]):
    """The display of one run; use it as a context.

    Args:
        console: where to show it; by default stderr.
        quiet: show nothing.
    """

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self.console = console or make_console(quiet=quiet)
        self._bars: rich.progress.Progress | None = None

    def __enter__(self) -> Progress:
        if self.console.is_terminal and not self.console.quiet:
            self._bars = rich.progress.Progress(
                rich.progress.TextColumn("{task.description:<15}"),
                rich.progress.BarColumn(bar_width=28),
                rich.progress.TaskProgressColumn(),
                rich.progress.TimeElapsedColumn(),
                rich.progress.TextColumn("{task.fields[left]}", style="dim"),
                console=self.console,
                refresh_per_second=8,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        """Show one stage; its block reports work by calling the yielded function."""
        meter = _Meter(name, total)
        show = self._show_line if self._bars is None else self._make_bar(name, total)
        logger.info("%s: started", name)

        def advance(done: int = 1, total: int | None = None, /) -> None:
            meter.set(done, total)
            show(meter)

        try:
            yield advance
        except BaseException:
            logger.info("%s: stopped after %s at %s", name, duration(meter.elapsed), meter.position)
            raise
        meter.finish()
        show(meter)
        logger.info("%s: done in %s", name, duration(meter.elapsed))

    def _make_bar(self, name: str, total: int) -> Any:
        bars = self._bars
        assert bars is not None
        task = bars.add_task(name, total=total, left="")

        def show(meter: _Meter) -> None:
            left = "" if meter.finished else f"{duration(meter.left)} left" if meter.left is not None else ""
            bars.update(task, completed=meter.done, total=meter.total, left=left)

        return show

    def _show_line(self, meter: _Meter) -> None:
        if meter.wants_line():
            self._print(meter.line())

    def closing(self, lines: Sequence[str]) -> None:
        """End with the most important lines: the score and where the results are."""
        if self._bars is not None:
            self._bars.stop()
        for line in lines:
            self._print(line)

    def _print(self, content: Any) -> None:
        # A path or a prompt in brackets is not markup, and a line that is cut cannot be copied.
        self.console.print(content, markup=False, soft_wrap=isinstance(content, str))


class _Meter:
    """The position of a stage, and when it was last shown."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.done, self.finished = name, total, 0, False
        self._start = self._shown_at = time.monotonic()
        self._shown_share, self._begun_at = 0.0, 0

    def set(self, done: int, total: int | None) -> None:
        """Take a report: one step, or the position."""
        if total is None:
            self.done += done
            self.total = max(self.total, self.done)
        else:
            if self.done == 0:
                self._begun_at = max(0, done - 1)  # a resumed stage starts with these done
            self.done, self.total = done, total

    def finish(self) -> None:
        self.done, self.finished = self.total, True

    @property
    def share(self) -> float:
        return self.done / self.total if self.total > 0 else 1.0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._start

    @property
    def left(self) -> float | None:
        own = self.done - self._begun_at
        return self.elapsed * (self.total - self.done) / own if own > 0 else None

    @property
    def position(self) -> str:
        return f"{self.done}/{self.total}"

    def wants_line(self) -> bool:
        """Return whether a log needs a line now, and count it as shown."""
        since = time.monotonic() - self._shown_at
        due = since >= LINE_AT_LEAST_EVERY_S or (since >= LINE_EVERY_S and self.share - self._shown_share >= 0.1)
        if not (due or self.finished):
            return False
        self._shown_at, self._shown_share = time.monotonic(), self.share
        return True

    def line(self) -> str:
        if self.finished:
            return f"{self.name:<15} done in {duration(self.elapsed)}"
        left = f", about {duration(self.left)} left" if self.left is not None else ""
        return f"{self.name:<15} {100 * self.share:3.0f} %  {self.position}, {duration(self.elapsed)} so far{left}"


def duration(seconds: float | None) -> str:
    """Return a duration as text: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None:
        return "?"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
