"""Whether left is left: left-handed axes, exchanged sides, and mirror images that are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentman.motion.humanml3d import MIRROR
from latentman.motion.rotations import unit
from latentman.motion.skeleton import ANKLES, HIPS, KNEES, NECK, PELVIS, TOES
from latentman.types import Array

_BACKWARDS = -0.3
"""Cosine between the feet and ahead below which the toes point backwards."""

_BENT = np.cos(np.deg2rad(20.0))
"""Cosine between thigh and shin above which a knee is too straight to show its side."""

_ENOUGH = 5
"""Bent knees over all frames that are needed to say something about them."""

_FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Sides:
    """Cosines with the direction that is ahead of hips and spine, medians over the clip.

    Attributes:
        toes: of the toes as seen from the ankles.
        knees: of bent knees as seen from the line between hip and ankle; NaN where too few are bent.
    """

    toes: float
    knees: float

    @property
    def exchanged(self) -> bool:
        """Whether left and right are exchanged: the toes point backwards, and no bent knee speaks against it."""
        return self.toes < _BACKWARDS and not self.knees > 0

    @property
    def feet_disagree(self) -> bool:
        """Whether the toes point backwards on legs whose knees bend forwards."""
        return self.toes < _BACKWARDS and self.knees > 0


def observe(joints: Array) -> Sides:
    """Return what feet and knees of joints (T, 22, 3), in any unit and axes, show of left and right."""
    ahead = unit(np.cross(joints[:, HIPS[0]] - joints[:, HIPS[1]], joints[:, NECK] - joints[:, PELVIS]))
    feet = unit((joints[:, list(TOES)] - joints[:, list(ANKLES)]).mean(axis=1))
    thigh = unit(joints[:, list(KNEES)] - joints[:, list(HIPS)])
    shin = unit(joints[:, list(ANKLES)] - joints[:, list(KNEES)])
    cosines = (unit(thigh - shin) * ahead[:, None]).sum(axis=-1)[(thigh * shin).sum(axis=-1) < _BENT]
    toes = float(np.median((ahead * feet).sum(axis=-1)))
    return Sides(toes, float(np.median(cosines)) if len(cosines) >= _ENOUGH else float("nan"))


def mirrored(points: Array, how: str) -> Array:
    """Return joints (..., 22, 3), Y up, after one of ``motion.mirror``'s choices except "auto"."""
    if how in ("sides", "image"):
        points = points[..., list(MIRROR), :]
    return points * _FLIP if how in ("axes", "image") else points
