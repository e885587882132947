"""The lengths of bones: constant, as in the rest pose, and alike on both sides."""

from __future__ import annotations

import numpy as np

from latentman.motion.humanml3d import MIRROR
from latentman.motion.plausible.finding import RIG, Finding, where
from latentman.motion.recorded.rigs import JOINT_NAMES
from latentman.motion.skeleton import PARENTS, Floats

BONE_RANGE = 1.3
"""Ratio of a bone's largest to its smallest length over the clip (5th to 95th percentile), or of its length to rest."""

ASYMMETRY = 1.4
"""Ratio of a bone's length to the one on the other side; recorded clips reach 1.07."""

_ADVICE = "bones keep their length: check the order of the joints, the rig (motion.rig) and the position channels"


def lengths_of(joints: Floats) -> Floats:
    """Return the lengths (..., 21) of the bones of joints (..., 22, 3)."""
    lengths: Floats = np.linalg.norm(joints[..., 1:, :] - joints[..., list(PARENTS[1:]), :], axis=-1)
    return lengths


def constant(joints: Floats) -> Finding | None:
    """Look for bones whose length changes over the clip."""
    lengths = lengths_of(joints)
    low, middle, high = np.percentile(lengths, [5, 50, 95], axis=0)
    ratio = high / np.maximum(low, 1e-9)
    bone = int(np.argmax(ratio))
    if ratio[bone] <= BONE_RANGE:
        return None
    what = f"the bone to {JOINT_NAMES[bone + 1]} is from {low[bone]:.2f} to {high[bone]:.2f} m long"
    share = np.maximum(lengths[:, bone], 1e-9) / max(float(middle[bone]), 1e-9)
    return Finding(what, where(np.abs(np.log(share)) > np.log(BONE_RANGE) / 2), _ADVICE)


def as_at_rest(joints: Floats, rest: Floats) -> Finding | None:
    """Compare the bones with those of the rest pose (22, 3), which may have another unit."""
    share = np.median(lengths_of(joints), axis=0) / np.maximum(lengths_of(rest), 1e-9)
    share = np.maximum(share / np.median(share), 1e-9)
    ratio = np.maximum(share, 1 / share)
    bone = int(np.argmax(ratio))
    if ratio[bone] <= BONE_RANGE:
        return None
    what = f"the bone to {JOINT_NAMES[bone + 1]} is {share[bone]:.2f} times as long as in the rest pose"
    return Finding(what, (), _ADVICE)


def symmetric(joints: Floats) -> Finding | None:
    """Compare the bones of the left and of the right side."""
    lengths = np.concatenate([[1.0], np.median(lengths_of(joints), axis=0)])
    ratio = lengths / np.maximum(lengths[list(MIRROR)], 1e-9)
    joint = int(np.argmax(ratio))
    if ratio[joint] <= ASYMMETRY:
        return None
    other = MIRROR[joint]
    longer, shorter = (f"{JOINT_NAMES[each]} is {lengths[each]:.2f} m" for each in (joint, other))
    what = f"the bone to {longer} long, and the one to {shorter}"
    return Finding(what, (), f"one side is wrong: {RIG}")
