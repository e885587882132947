"""Characters in metal and hard shells."""

from __future__ import annotations

import numpy as np

from latentman.train.scenes.look import EVERYWHERE, TOP, Look, Tailor
from latentman.types import Array

_DARK = np.array([0.04, 0.04, 0.05])


def robot(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a shell with dark joints, seams between its plates, and lights in the second colour."""
    tailor.cover(main, *EVERYWHERE)
    tailor.cover(0.4 * main, "neck", "hand", "foot")
    tailor.pattern("plates", (7, 13), 0.3 * main, EVERYWHERE, 0.10)
    tailor.pattern("dots", (13, 18), second, (*TOP, "thigh", "shin"), 0.24)
    tailor.face(eyes=second, eye_radius=0.018, whites=False, brows=None, mouth=0.25 * main, nose="none")
    return tailor.finish(emblems=(("disc", second),), gloss=0.45, sharpness=22.0, glow=0.5)


def astronaut(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a white suit with grey folds; gloves, boots and the badge in the main colour, a dark visor."""
    white = np.full(3, 0.92)
    tailor.cover(white, *EVERYWHERE)
    tailor.cover(main, "hand", "foot")
    tailor.pattern("rings", (14, 22), 0.72 * white, ("belly", "upper_arm", "forearm", "thigh", "shin"), 0.22)
    tailor.face(cover="visor", cover_colour=np.array([0.10, 0.08, 0.05]) + 0.08 * second, brows=None, mouth=None)
    return tailor.finish(emblems=(("square", main),), gloss=0.15, belt=0.6 * white)


def knight(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return silver armour with rows of scales, a tunic striped in both colours, a helmet with a slit."""
    steel = np.array([0.70, 0.72, 0.77]) * tailor.rng.uniform(0.92, 1.05)
    tailor.cover(steel, *EVERYWHERE)
    tailor.cover(main, "chest", "belly", "pelvis")
    limbs = ("upper_arm", "forearm", "thigh", "shin", "face", "scalp", "neck")
    tailor.pattern("scales", (14, 22), 0.55 * steel, limbs, 0.25)
    tailor.pattern("stripes", (4, 6), second, ("chest", "belly", "pelvis"), 0.42)
    tailor.face(cover="slit", cover_colour=_DARK, brows=None, mouth=None, nose="none")
    return tailor.finish(belt=np.array([0.35, 0.20, 0.10]), gloss=0.5, sharpness=18.0)


def stormtrooper(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return white plates over black, with a black band for the eyes."""
    white = np.full(3, 0.93)
    tailor.cover(white, *EVERYWHERE)
    tailor.cover(_DARK, "neck", "belly")
    seams = ("chest", "pelvis", "upper_arm", "forearm", "thigh", "shin", "hand")
    tailor.pattern("plates", (6, 9), _DARK, seams, 0.12)
    tailor.face(cover="goggles", cover_colour=_DARK, brows=None, mouth=np.full(3, 0.3), mouth_width=0.03, nose="none")
    return tailor.finish(belt=white, gloss=0.4, sharpness=25.0)
