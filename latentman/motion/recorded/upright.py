"""Which way is up in a motion file, which files do not say themselves, and by what evidence.

The project's world has Y up (HumanML3D). Files have Y up, Z up, Y down (cameras), rarely X up, and the body in them may
stand, lie, fall or stand on its hands. Three observations are weighed: along which axis the body stands over the clip;
where its rest pose stands; and which axis has the floor at 0 under the lowest joint of every frame. The rest pose alone
decides nothing, since many exporters turn the root of a Y-up skeleton in a Z-up file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latentman.config.character import AXES
from latentman.motion.recorded.units import TEMPLATE_LEG, leg_length
from latentman.motion.skeleton import ANKLES, NECK, PELVIS, SHOULDERS, SPINE1, SPINE2, SPINE3
from latentman.types import Array

_TURNS: dict[str, Callable[[Array, Array, Array], tuple[Array, Array, Array]]] = {
    "x": lambda x, y, z: (-y, x, z),
    "y": lambda x, y, z: (x, y, z),
    "z": lambda x, y, z: (x, z, -y),
    "-x": lambda x, y, z: (y, -x, z),
    "-y": lambda x, y, z: (x, -y, -z),
    "-z": lambda x, y, z: (x, -z, y),
}
_STANDS = 0.5
"""Mean cosine between an axis and the line from ankles to neck above which the body stands along the axis."""

_RESTS = 0.8
_UPRIGHT = 0.8
_MOSTLY = 0.9
_SHARE = 0.1
"""Part of the frames in which a body that falls has stood."""

_FLOOR = 0.15
"""Metres, of a body of the template's size, within which the floor counts as lying at 0."""

_STEADY = 0.12
"""Metres by which the lowest joint of a frame may vary over the clip (from the 10th to the 90th percentile)."""

_LOW = (0.03, 0.5)
"""Metres above the floor between which the torso of a lying body is."""

_STANDING = 0.75
"""Metres from the floor to the pelvis that someone who crawls does not reach."""

_TORSO = (PELVIS, SPINE1, SPINE2, SPINE3, NECK, *SHOULDERS)


@dataclass(frozen=True, slots=True)
class Up:
    """Which axis is up.

    Attributes:
        axis: the direction.
        evidence: what shows it, in words.
        doubt: what else it might be, and what to set then; None where the evidence agrees.
    """

    axis: str
    evidence: str
    doubt: str | None = None


def along(points: Array, axis: str) -> Array:
    """Return the coordinate (...) of points (..., 3) along a direction of :data:`AXES`."""
    values = points[..., "xyz".index(axis[-1])]
    return -values if axis.startswith("-") else values


def y_up(joints: Array, up: str) -> Array:
    """Return joints (..., 3) turned, not mirrored, so that the direction ``up`` of :data:`AXES` is Y."""
    if up == "y":
        return joints
    return np.stack(_TURNS[up](joints[..., 0], joints[..., 1], joints[..., 2]), axis=-1)


def find_up(joints: Array, *, rest: Array | None = None, usual: str = "y") -> Up:
    """Return which axis is up in a clip.

    Args:
        joints: (T, 22, 3) in any unit and axes.
        rest: (22, 3) the rest pose in the same axes, if the file has one.
        usual: the axis that files of this kind mostly have up.
    """
    clip = _Clip(joints, usual)
    standing = _axis_of(clip.body.mean(axis=0), _STANDS)
    resting = None if rest is None else _axis_of(_body(rest[None])[0], _RESTS)
    said = _described(clip, standing, resting)
    if standing is None:
        return _of_no_stand(clip, resting, said)
    against = _opposite(standing)
    if not clip.grounded(standing) and clip.grounded(against) and against in (resting, usual):
        return Up(against, said, f"the body is upside down; if it stands, set motion.up={standing}")
    for other in dict.fromkeys(axis for axis in (resting, usual, "y", "z") if axis is not None):
        expected = other == resting or (other == usual and resting != standing)
        if other[-1] != standing[-1] and _lies_instead(clip, standing, other, expected=expected):
            sure = other == resting and clip.falls(other)
            doubt = f"the body lies or falls; if it stands along {standing.upper()}, set motion.up={standing}"
            return Up(other, said, None if sure else doubt)
    return Up(standing, said)


def lies_over_zero(joints: Array, axis: str) -> bool:
    """Return whether a body lies low over 0 along an axis while a limb reaches below, so that 0 is the floor."""
    clip = _Clip(joints, axis)
    return clip.lies(axis) and not clip.grounded(axis)


def _lies_instead(clip: _Clip, standing: str, other: str, *, expected: bool) -> bool:
    """Return whether the body lies or falls over a floor along ``other`` rather than stands along ``standing``.

    ``expected`` says that files of this kind, or this file's rest pose, have ``other`` up.
    """
    if clip.grounded(standing):
        # Standing over a floor at 0 all the time is no accident.
        return expected and clip.upright(standing) < _MOSTLY and clip.falls(other)
    return clip.falls(other) or clip.lies(other) or (expected and clip.low(other))


def _of_no_stand(clip: _Clip, resting: str | None, said: str) -> Up:
    """Return which axis is up where the body stands along none over the clip as a whole."""
    expected = list(dict.fromkeys(axis for axis in (resting, clip.usual) if axis is not None))
    for axis in expected:
        if clip.grounded(axis) and (clip.falls(axis) or clip.lies(axis)):
            return Up(axis, said)
    fallen = [axis for axis in AXES if clip.falls(axis)]
    axis = fallen[0] if len(fallen) == 1 else expected[0]
    return Up(axis, said, "the body stands along no axis; if it comes out tilted, set motion.up")


class _Clip:
    """What is observed of a clip along each axis, in metres of a body of the template's size."""

    def __init__(self, joints: Array, usual: str) -> None:
        self.usual = usual
        self.body = _body(joints)
        self.joints = joints * (TEMPLATE_LEG / max(leg_length(joints), 1e-12))

    def upright(self, axis: str) -> float:
        """Return the part of the frames in which the body is upright along the axis."""
        return float((along(self.body, axis) > _UPRIGHT).mean())

    def grounded(self, axis: str) -> bool:
        """Return whether the lowest joint is near 0 along the axis in every frame, as over a floor."""
        lowest = along(self.joints, axis).min(axis=1)
        low, middle, high = np.percentile(lowest, [10, 50, 90])
        return bool(abs(middle) < _FLOOR and high - low < _STEADY)

    def falls(self, axis: str) -> bool:
        """Return whether the body is over a floor, and upright along the axis for a while."""
        return self.grounded(axis) and self.upright(axis) >= _SHARE

    def low(self, axis: str) -> bool:
        """Return whether the body is over a floor with its pelvis lower than someone who stands."""
        level = float(np.median(along(self.joints[:, PELVIS], axis)))
        return self.grounded(axis) and _LOW[0] < level < _STANDING

    def lies(self, axis: str) -> bool:
        """Return whether the torso stays low over 0 along the axis, while the pelvis is not exactly at 0."""
        heights = along(self.joints[:, _TORSO], axis)
        level = along(self.joints[:, PELVIS], axis)
        within = (heights > 0).all() and float(np.median(heights.max(axis=1))) < _LOW[1]
        return bool(within and float(np.median(level)) > _LOW[0] and float(np.ptp(level)) < _STEADY)


def _body(joints: Array) -> Array:
    """Return the unit vectors (T, 3) from between the ankles to the neck."""
    body = joints[:, NECK] - joints[:, list(ANKLES)].mean(axis=1)
    unit: Array = body / np.maximum(np.linalg.norm(body, axis=-1, keepdims=True), 1e-12)
    return unit


def _axis_of(direction: Array, least: float) -> str | None:
    """Return the axis whose cosine with a direction (3,) is above ``least``, if there is one."""
    axis = max(("y", "z", "x", "-y", "-z", "-x"), key=lambda name: float(along(direction, name)))
    return axis if along(direction, axis) > least else None


def _opposite(axis: str) -> str:
    return axis[1:] if axis.startswith("-") else f"-{axis}"


def _described(clip: _Clip, standing: str | None, resting: str | None) -> str:
    """Return the evidence in words."""
    parts = ["the body stands along no axis"]
    if standing is not None:
        parts = [f"the body stands along {standing.upper()} in {100 * clip.upright(standing):.0f} % of the frames"]
    floors = [axis.upper() for axis in AXES if clip.grounded(axis)]
    parts.append(f"the lowest joints are at 0 along {', '.join(floors)}" if floors else "no floor at 0")
    if resting is not None:
        parts.append(f"its rest pose stands along {resting.upper()}")
    return "; ".join(parts)
