"""How one character looks: plain values, drawn from a seed, that :mod:`figure` paints."""

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
"""Patterns that have their place on the body."""
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
    """The features of a face; a colour that is None is not there.

    ``cover`` is ``none``, ``mask`` (a band about the eyes, which stay seen), ``hood`` (all but a strip of skin at the
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
    """One character as it is painted.

    ``regions`` (12, 3) RGB of every garment region; ``layers`` lie over them in order, ``emblems`` on the chest: each
    a shape (``disc``, ``square``, ``diamond``, ``collar``, ``tie``, ``buttons``) and its colour. ``gloss`` is the
    strength of the highlight, ``sharpness`` its exponent, ``glow`` what eyes shine by themselves. With ``cap`` the
    scalp's colour reaches down to the brows, as a cap or helmet does.
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
    """Dresses one character: collects what its look is made of, with a seed's own scales and offsets."""

    def __init__(self, rng: np.random.Generator, skin: Array, hair: Array) -> None:
        self.rng, self.skin, self.hair = rng, skin, hair
        self._regions = np.tile(skin, (len(REGIONS), 1))
        self._layers: list[Layer] = []
        self._face = FaceLook(
            eyes=np.array([0.06, 0.04, 0.03]), brows=0.6 * hair, mouth=np.array([0.55, 0.20, 0.20]) * skin.max()
        )
        self.cover(hair, "scalp")

    def cover(self, colour: Array, *regions: str) -> None:
        """Give regions one colour."""
        self._regions[[REGIONS.index(name) for name in regions]] = colour

    def pattern(
        self, name: str, scale: tuple[float, float], colour: Array, regions: tuple[str, ...], amount: float
    ) -> None:
        """Lay a pattern over regions, its scale drawn from a range of cells per metre."""
        drawn, offset = self.rng.uniform(*scale), self.rng.uniform(0, 8, 3) * (name not in FIXED)
        self._layers.append(Layer(name, regions, np.clip(colour, 0, 1), float(drawn), offset, amount))

    def face(self, **features: Any) -> None:
        """Change features of the face."""
        self._face = replace(self._face, **features)

    def finish(self, **rest: Any) -> Look:
        """Return the look; ``rest`` are its emblem, belt and gloss."""
        return Look(np.clip(self._regions, 0, 1), tuple(self._layers), self._face, **rest)
