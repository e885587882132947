"""The twist of a bone about its own axis: measuring it, choosing it from votes, and preventing jumps.

Twenty-two points do not determine a twist, so it is an estimate, which may flip when a limb passes through the straight
position. Turning a bone's global rotation about the bone moves none of the 22 joints.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from latentman.body.skeleton import CHILDREN, NUM_BODY_JOINTS, PARENTS
from latentman.motion.rotations import from_axis_angle, swing, unit
from latentman.types import Array

TWISTING = tuple(j for j in range(1, NUM_BODY_JOINTS) if len(CHILDREN[j]) == 1)
"""Joints that carry exactly one bone, which can therefore twist."""

LARGEST_STEP = np.deg2rad(40.0)
"""Radians by which a twist may change from one frame to the next."""

_SMOOTHNESS = 0.3
_PRIOR = 0.02
_ROUNDS = 12
_SLACK = 0.98


def twist_angles(rotations: Array, offsets: Array) -> Array:
    """Measure the twist of every bone.

    The rotation of a joint in its parent's frame is split as L = S R: R turns about the bone that the joint carries, by
    the twist, and S is the smallest rotation that then points the bone in its direction.

    Args:
        rotations: (T, 24, 3, 3) global.
        offsets: (24, 3) T-pose bones, each in the frame of the joint that carries it.

    Returns:
        (T, 24) radians, continuous in time; 0 for joints that do not carry exactly one bone.
    """
    twist = np.zeros(rotations.shape[:2])
    for joint in TWISTING:
        local = rotations[:, PARENTS[joint]].swapaxes(-1, -2) @ rotations[:, joint]
        quaternion = Rotation.from_matrix(local).as_quat()
        along = quaternion[:, :3] @ unit(offsets[CHILDREN[joint][0]])
        twist[:, joint] = np.unwrap(2 * np.arctan2(along, quaternion[:, 3]))
    return twist


def largest_twist_step(rotations: Array, offsets: Array) -> float:
    """Return the largest change of any bone's twist from one frame to the next, in degrees."""
    steps = np.abs(np.diff(twist_angles(rotations, offsets), axis=0))
    return float(np.rad2deg(steps.max(initial=0.0)))


def smooth_twist(votes: Array) -> Array:
    """Return angles (T,) from complex votes (T,), whose modulus is their confidence (0 for none).

    Solves min_y sum_t |v_t|^2 |y_t - v_t/|v_t||^2 + 0.3 |y_t+1 - y_t|^2 + 0.02 |y_t - 1|^2 and takes arg y. Without it,
    an arm that passes through the straight position flips about its axis from one frame to the next. If arg y still
    changes by more than :data:`LARGEST_STEP`, the system is solved again for the angles themselves, with stiffer links.
    """
    trust = np.abs(votes) ** 2
    links = np.full(len(votes) - 1, _SMOOTHNESS)
    mean = _solve_chain(trust + _PRIOR, links, votes * np.abs(votes) + _PRIOR)
    angles = np.unwrap(np.angle(mean))
    if (np.abs(np.diff(angles)) <= LARGEST_STEP).all():
        return angles
    nearest = angles + np.angle(votes * np.exp(-1j * angles))
    return limit_steps(nearest, trust + _PRIOR, links)


def limit_steps(angles: Array, trust: Array, links: Array | None = None) -> Array:
    """Return angles (T,) near the given ones, weighted by ``trust`` (T,), with steps of at most LARGEST_STEP.

    Minimises sum_t trust_t (y_t - angle_t)^2 + link_t (y_t+1 - y_t)^2, where the links over which y changes too fast
    are made stiffer in each round. Violations that remain after the last round are removed by the mean of the tightest
    bounds from above and below, which satisfies the limit and does not change angles that already satisfied it.
    """
    links = np.full(len(angles) - 1, 0.0) if links is None else links.copy()
    smoothed = angles
    for _ in range(_ROUNDS):
        smoothed = _solve_chain(trust, links, trust * angles)
        excess = np.abs(np.diff(smoothed)) / (_SLACK * LARGEST_STEP)
        if (excess <= 1 / _SLACK).all():
            return smoothed
        stiff = np.maximum(links, 0.1 * np.minimum(trust[1:], trust[:-1]))
        links = np.where(excess > 1, stiff * excess**2, links)
    return (_tightest(smoothed) - _tightest(-smoothed)) / 2


def limit_twist(rotations: Array, offsets: Array) -> Array:
    """Return global rotations (T, 24, 3, 3) with the same bones, whose twists never change faster than the limit."""
    if largest_twist_step(rotations, offsets) <= np.rad2deg(LARGEST_STEP):
        return rotations
    limited = rotations.copy()
    for joint in TWISTING:
        bone = offsets[CHILDREN[joint][0]]
        parent = limited[:, PARENTS[joint]]
        aimed = swing(parent @ bone, rotations[:, joint] @ bone) @ parent
        turned = Rotation.from_matrix(aimed.swapaxes(-1, -2) @ rotations[:, joint]).as_rotvec()
        twist = limit_steps(np.unwrap(turned @ unit(bone)), np.ones(len(turned)))
        limited[:, joint] = aimed @ from_axis_angle(twist[:, None] * unit(bone))
    return limited


def _tightest(angles: Array) -> Array:
    """Return min_s (angles_s + LARGEST_STEP |t - s|) for every t."""
    ramp = LARGEST_STEP * np.arange(len(angles))
    before = np.minimum.accumulate(angles - ramp) + ramp
    after = np.minimum.accumulate((angles + ramp)[::-1])[::-1] - ramp
    return np.minimum(before, after)


def _solve_chain(weights: Array, links: Array, wanted: Array) -> Array:
    """Solve (diag(weights) + sum_t link_t (e_t+1 - e_t)(e_t+1 - e_t)^T) y = wanted."""
    bands = np.zeros((2, len(weights)))
    bands[0, 1:] = -links
    bands[1] = weights
    bands[1, :-1] += links
    bands[1, 1:] += links
    if len(weights) == 1:  # LAPACK's tridiagonal solver does not accept a system of one row
        return wanted / bands[1]
    return solveh_banded(bands, wanted)
