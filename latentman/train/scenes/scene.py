"""A drawn picture: its plan and its result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from torch import Tensor

HELD_OUT_SHARE = 10
"""One in this many combinations of character, main colour and place is never drawn for training."""


@dataclass(frozen=True)
class ScenePlan:
    """Everything that is decided about a picture before drawing.

    ``colour`` and ``second_colour`` are None if the character has fixed colours. ``caption`` is the plain sentence;
    ``text`` is the training text, with quality words, or with words for a flaw if ``flaw`` is set. Everything else
    about the picture follows from ``seed``.
    """

    character: str
    colour: str | None
    second_colour: str | None
    place: str
    caption: str
    text: str
    flaw: str | None
    seed: int


@dataclass(frozen=True)
class Scenes:
    """N drawn pictures.

    ``images`` (N, 3, H, W) uint8; ``depth`` (N, H, W) uint8, the input of a depth ControlNet: near is bright, the
    background 0; ``mask`` (N, H, W) bool, True on the figure. The labels are (N,) int64: indices into the names of the
    characters, colours and places, -1 for a colour that the character does not have.
    """

    plans: tuple[ScenePlan, ...]
    images: Tensor
    depth: Tensor
    mask: Tensor
    character: Tensor
    colour: Tensor
    place: Tensor


def is_held_out(character: str, colour: str | None, place: str) -> bool:
    """Return whether this combination is held out for the test, for any seed."""
    name = f"{character}/{colour}/{place}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:4], "big") % HELD_OUT_SHARE == 0
