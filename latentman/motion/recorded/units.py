"""How long a unit of a motion file is, which files do not say themselves: the length of the legs shows it."""

from __future__ import annotations

import logging

import numpy as np

from latentman.errors import DataError
from latentman.motion.skeleton import ANKLES, BONE_LENGTHS, HIPS, KNEES
from latentman.types import Array

log = logging.getLogger("latentman.motion")

TEMPLATE_LEG = float(BONE_LENGTHS[[*KNEES, *ANKLES]].sum() / 2)
"""Thigh and shin of HumanML3D's template, metres, the mean of both sides."""

UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "inches": 0.0254, "CMU units": 0.056444}
"""Metres per unit. CMU's (0.45 inch to the centimetre of its skeleton files) is the one of cgspeed's BVH files."""

LEGS = (0.35, 1.4)
"""Metres between which the length of a leg, thigh and shin, is accepted: a child's to a giant's."""


def leg_length(joints: Array) -> float:
    """Return the length of thigh and shin of joints (T, 22, 3), the mean of both legs, the median over time."""
    bones = [(HIPS, KNEES), (KNEES, ANKLES)]
    lengths = [np.linalg.norm(joints[:, list(a)] - joints[:, list(b)], axis=-1) for a, b in bones]
    return float(np.median((lengths[0] + lengths[1]).mean(axis=1)))


def unit_name(leg: float) -> str:
    """Return the unit in which a leg of this length comes nearest to the template's."""
    return min(UNITS, key=lambda name: abs(np.log(leg * UNITS[name] / TEMPLATE_LEG)))


def to_metres(joints: Array, what: str, scale: float | None = None) -> Array:
    """Return joints (T, 22, 3) in metres.

    Args:
        joints: in some unit.
        what: the file, for messages.
        scale: metres per unit; None finds it, with a warning if it is not metres already.

    Raises:
        DataError: if legs are then not 0.35 to 1.4 m long, or no known unit makes them so.
    """
    leg = leg_length(joints)
    if not leg > 0:
        raise DataError(f"{what}: the legs have no length; check which joints are mapped, or their order")
    unit = unit_name(leg)
    factor = UNITS[unit] if scale is None else scale
    if not LEGS[0] <= leg * factor <= LEGS[1]:
        if scale is not None:
            raise DataError(
                f"{what}: with scale {scale:g} a leg is {leg * scale:.3g} m long; give metres per unit, here about "
                f"{TEMPLATE_LEG / leg:.3g}, or leave scale out"
            )
        raise DataError(
            f"{what}: a leg is {leg:.3g} units long, which fits none of {', '.join(UNITS)}; scale the joints to metres"
        )
    if scale is None and factor != 1.0:
        log.warning("%s: legs of %.3g units: taken to be %s", what, leg, unit)
    return joints * factor
