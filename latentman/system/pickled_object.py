"""A stand-in for an object in a pickle: its constructor's arguments and its state, with nothing called."""

from __future__ import annotations

from typing import Any, ClassVar


class Record:
    """What stands for a pickled object: the arguments that it was made from, and the state that it was given."""

    __slots__ = ("args", "state")
    kind: ClassVar[str] = ""
    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> Record:
        """Remember the arguments; protocol 2 makes objects so, without calling ``__init__``."""
        record = object.__new__(cls)
        record.args, record.state = args, None
        return record

    def __setstate__(self, state: Any) -> None:
        self.state = state
