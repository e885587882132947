"""Which way is up, how long a unit is, and whether left is left: what motion files do not say themselves.

The project's world: metres, Y up (HumanML3D).
"""

from __future__ import annotations

import logging

import numpy as np

from latentman.errors import DataError
from latentman.motion.skeleton import ANKLES, BONE_LENGTHS, HIPS, KNEES, NECK, TOES
from latentman.types import Array

log = logging.getLogger("latentman.motion")

TEMPLATE_LEG = float(BONE_LENGTHS[[*KNEES, *ANKLES]].sum() / 2)
"""Thigh and shin of HumanML3D's template, metres, the mean of both sides."""

UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "inches": 0.0254, "CMU units": 0.056444}
"""Metres per unit. CMU's (0.45 inch to the centimetre of its skeleton files) is that of cgspeed's BVH files."""

LEGS = (0.35, 1.4)
"""Metres between which a leg, thigh and shin, is believed: a child's to a giant's."""

_UPRIGHT = 0.5
"""Mean cosine between an axis and the line from ankles to neck above which the axis is up."""


def leg_length(joints: Array) -> float:
    """Return the length of thigh and shin of joints (T, 22, 3), the mean of both legs, the median over time."""
    bones = [(HIPS, KNEES), (KNEES, ANKLES)]
    lengths = [np.linalg.norm(joints[:, list(a)] - joints[:, list(b)], axis=-1) for a, b in bones]
    return float(np.median((lengths[0] + lengths[1]).mean(axis=1)))


def find_up(joints: Array, otherwise: str = "y") -> str:
    """Return "y" or "z", the axis along which the body stands over the clip, or ``otherwise`` if along neither."""
    body = joints[:, NECK] - joints[:, list(ANKLES)].mean(axis=1)
    body = body / np.maximum(np.linalg.norm(body, axis=-1, keepdims=True), 1e-12)
    mean = body.mean(axis=0)
    axis = max("yz", key=lambda name: mean["xyz".index(name)])
    return axis if mean["xyz".index(axis)] > _UPRIGHT else otherwise


def y_up(joints: Array, up: str) -> Array:
    """Return joints (T, J, 3) turned so that the axis ``up``, "y" or "z", is Y."""
    return joints if up == "y" else np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1)


def unit_name(leg: float) -> str:
    """Return the unit in which a leg of this length comes nearest to the template's."""
    return min(UNITS, key=lambda name: abs(np.log(leg * UNITS[name] / TEMPLATE_LEG)))


def to_metres(joints: Array, what: str, scale: float | None = None) -> Array:
    """Return joints (T, 22, 3) in metres.

    Args:
        joints: in some unit.
        what: the file, for messages.
        scale: metres per unit; None finds it out, with a warning if it is not metres already.

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


def check_sides(joints: Array, what: str) -> None:
    """Refuse joints (T, 22, 3), Y up, whose toes point backwards: left and right are then exchanged.

    Raises:
        DataError: if toes point backwards in most frames.
    """
    across = joints[:, HIPS[0]] - joints[:, HIPS[1]]
    ahead = np.cross(across, joints[:, NECK] - joints[:, 0])
    feet = (joints[:, list(TOES)] - joints[:, list(ANKLES)]).mean(axis=1)
    scale = np.linalg.norm(ahead, axis=-1) * np.linalg.norm(feet, axis=-1)
    forward = (ahead * feet).sum(axis=-1) / np.maximum(scale, 1e-12)
    if np.median(forward) < -0.3:
        raise DataError(
            f"{what}: the toes point backwards, so left and right are exchanged, or the axes are left-handed; "
            "exchange left and right in a rig file (motion.rig=FILE, --rig FILE), or export with right-handed axes"
        )
