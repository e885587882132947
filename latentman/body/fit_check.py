"""After the fit: whether the body follows the motion, and whether it shows what the motion itself did not."""

from __future__ import annotations

import numpy as np

from latentman.body.skeleton import JOINT_NAMES, PARENTS
from latentman.motion.plausible.examine import check_all
from latentman.motion.plausible.finding import RIG, Finding, angle, finding
from latentman.motion.rotations import unit
from latentman.types import NUM_JOINTS, Array, Motion

ASTRAY = 45.0
"""Degrees between a bone of the body and that of the motion. Clips and the procedural source reach 4, and noise of 5 mm
in every joint, which the fit is there to remove, 23."""


def examine_fit(joints: Array, motion: Motion) -> tuple[Finding, ...]:
    """Return what is implausible in a fitted body, apart from what was so in the motion already.

    Args:
        joints: (T, J, 3) metres, the body's; the first 22 are compared.
        motion: that the body was fitted to.
    """
    fitted, wanted = joints[:, :NUM_JOINTS], motion.joints
    before, after = (check_all(each, motion.fps, each) for each in (wanted, fitted))
    astray = _astray(fitted, wanted)
    new = (found for name, found in after.items() if before[name] is None)
    return tuple(found for found in (astray, *new) if found is not None)


def _astray(fitted: Array, wanted: Array) -> Finding | None:
    """Look for bones of the body that point elsewhere than the motion's, since its joints move as rigid pieces."""
    parents = list(PARENTS[1:NUM_JOINTS])
    degrees = angle(*(unit(joints[:, 1:] - joints[:, parents]) for joints in (fitted, wanted)))
    bone = int(np.argmax(degrees.max(axis=0)))
    what = (
        f"the body cannot follow the motion: its bone to {JOINT_NAMES[bone + 1]} points up to "
        f"{degrees[:, bone].max():.0f} degrees elsewhere"
    )
    return finding(what, degrees[:, bone] > ASTRAY, f"the joints around it are wrong: {RIG}")
