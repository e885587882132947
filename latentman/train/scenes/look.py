"""The look of one character: plain values, drawn from a seed, that :mod:`figure` paints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from latentman.train.scenes.bodies import REGIONS
from latentman.types import Array

EVERYWHERE = REGIONS
CLOTHES = ("chest", "belly", "pelvis", "upper_arm", "forearm", "thigh", "shin")
TOP = ("chest", "belly", "upper_arm", "forearm")
LEGS = ("pelvis", "thigh", "shin")
FIXED = ("bones",)
"""Patterns with a fixed position on the body."""
BARE = ("face", "neck", "hand")


@dataclass(frozen=True)
class Layer:
    """A pattern over some regions: ``scale`` cells per metre, shifted by ``offset`` (3,) cells."""

    pattern: str
    regions: tuple[str, ...]
    colour: Array
    scale: float
    offset: Array
    amount: float


@dataclass(frozen=True)
class FaceLook:
    """The features of a face; a feature whose colour is None is absent.

    ``cover`` is ``none``, ``mask`` (a band around the visible eyes), ``hood`` (everything except a strip of skin at the
    eyes), ``slit`` (a dark slit in a helmet), ``goggles`` or ``visor``; ``nose`` is ``plain``, ``clown``, ``cat`` or
    ``none``. ``eye_radius`` is in metres.
    """

    eyes: Array
    eye_radius: float = 0.011
    whites: bool = True
    brows: Array | None = None
    mouth: Array | None = None
    mouth_width: float = 0.024
    nose: str = "plain"
    beard: Array | None = None
    cover: str = "none"
    cover_colour: Array | None = None


@dataclass(frozen=True)
class Look:
    """The painted look of one character.

    ``regions`` (12, 3) RGB of every garment region; ``layers`` are painted over them in order, ``emblems`` on the
    chest: each is a shape (``disc``, ``square``, ``diamond``, ``collar``, ``tie``, ``buttons``) and its colour.
    ``gloss`` is the strength of the highlight, ``sharpness`` its exponent, ``glow`` the emission of the eyes. With
    ``cap`` the scalp's colour extends down to the brows, like a cap or helmet.
    """

    regions: Array
    layers: tuple[Layer, ...]
    face: FaceLook
    emblems: tuple[tuple[str, Array], ...] = ()
    belt: Array | None = None
    gloss: float = 0.08
    sharpness: float = 10.0
    glow: float = 0.0
    cap: bool = False


class Tailor:
    """Builds the look of one character, with scales and offsets drawn from the seed."""

    def __init__(self, rng: np.random.Generator, skin: Array, hair: Array) -> None:
        self.rng, self.skin, self.hair = rng, skin, hair
        self._regions = np.tile(skin, (len(REGIONS), 1))
        self._layers: list[Layer] = []
        self._face = FaceLook(
            eyes=np.array([0.06, 0.04, 0.03]), brows=0.6 * hair, mouth=np.array([0.55, 0.20, 0.20]) * skin.max()
        )
        self.cover(hair, "scalp")

    def cover(self, colour: Array, *regions: str) -> None:
        """Paint regions in one colour."""
        self._regions[[REGIONS.index(name) for name in regions]] = colour

    def pattern(
        self, name: str, scale: tuple[float, float], colour: Array, regions: tuple[str, ...], amount: float
    ) -> None:
        """Add a pattern over regions, with its scale drawn from a range of cells per metre."""
        drawn, offset = self.rng.uniform(*scale), self.rng.uniform(0, 8, 3) * (name not in FIXED)
        self._layers.append(Layer(name, regions, np.clip(colour, 0, 1), float(drawn), offset, amount))

    def face(self, **features: Any) -> None:
        """Set features of the face."""
        self._face = replace(self._face, **features)

    def finish(self, **rest: Any) -> Look:
        """Return the look; ``rest`` are its emblem, belt and gloss."""
        return Look(np.clip(self._regions, 0, 1), tuple(self._layers), self._face, **rest)
