"""What a drawn picture is: what was decided about it before, and what came out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from torch import Tensor

HELD_OUT_SHARE = 10
"""One combination of character, main colour and place in so many is never drawn for training."""


@dataclass(frozen=True)
class ScenePlan:
    """All that is decided about a picture before it is drawn.

    ``colour`` and ``second_colour`` are None where the character has colours of its own. ``caption`` is the plain
    sentence; ``text`` is what the text encoder learns, with quality words, or with words for a flaw where ``flaw``
    names one. Everything else about the picture follows from ``seed``.
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

    ``images`` (N, 3, H, W) uint8; ``depth`` (N, H, W) uint8, what a depth ControlNet is given: near is bright, the
    background 0; ``mask`` (N, H, W) bool, where the figure is. The labels are (N,) int64: indices into the names of
    the characters, colours and places, -1 for a colour that the character has not.
    """

    plans: tuple[ScenePlan, ...]
    images: Tensor
    depth: Tensor
    mask: Tensor
    character: Tensor
    colour: Tensor
    place: Tensor


def is_held_out(character: str, colour: str | None, place: str) -> bool:
    """Return whether this combination is kept for the test, whatever the seed."""
    name = f"{character}/{colour}/{place}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:4], "big") % HELD_OUT_SHARE == 0
