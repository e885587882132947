"""A thread that makes the calls of one tracker, so that a call that hangs can be left behind."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class _Outcome:
    done: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: BaseException | None = None


class Worker:
    """One thread. All calls are made in it, one after the other, as libraries with connections to databases need it.

    It is a daemon: a call that never returns does not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], _Outcome] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def do(self, call: Callable[[], T], patience_s: float) -> T:
        """Make a call in the thread and return what it returns.

        Args:
            call: takes no arguments.
            patience_s: seconds to wait for it. After a TimeoutError the thread is lost to it: make no further calls.

        Raises:
            TimeoutError: if the call has not returned by then.
            BaseException: what the call raises.
        """
        outcome = _Outcome()
        self._calls.put((call, outcome))
        if not outcome.done.wait(patience_s):
            raise TimeoutError(f"no answer in {patience_s:.0f} seconds")
        if outcome.error is not None:
            raise outcome.error
        value: T = outcome.value
        return value

    def end(self) -> None:
        """Let the thread end after the calls that it was given."""
        self._calls.put(None)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            call, outcome = item
            try:
                outcome.value = call()
            except BaseException as error:  # raised again where the call was asked for
                outcome.error = error
            outcome.done.set()
