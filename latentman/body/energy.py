"""The energy of a fitted clip, which ``refine`` minimises, with its gradient and Gauss-Newton matrix.

Every term is a squared residual divided by its usual size, so that the weights are scales in metres, radians and
seconds rather than bare numbers. Rotations are global: twisting a bone about itself moves no joint, and bones are
coupled only by explicit terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentman.body.block_bands import NormalEquations
from latentman.body.skeleton import CHILDREN, PARENTS
from latentman.motion.quality import FOOT_JOINTS
from latentman.motion.rotations import from_axis_angle, skew
from latentman.types import NUM_JOINTS, Array

FREE = tuple(j for j in range(NUM_JOINTS) if any(c < NUM_JOINTS for c in CHILDREN[j]))
"""The unknowns: joints whose rotation moves one of the 22. Head, feet and hands follow their parents."""

_SLOT = {joint: slot for slot, joint in enumerate(FREE)}
_ROOT = len(FREE)
_UNKNOWNS = 3 * (len(FREE) + 1)

_ROBUST = 0.1
"""Metres beyond which a joint is an outlier with decreasing influence (Geman and McClure 1987)."""

_TURN_ACCELERATION = 45.0
"""rad/s^2, of a bone. A smaller scale is smoother but dampens runs and leaps: 30 lowers a leap by 9 mm."""

_ROOT_ACCELERATION = 6.0
"""m/s^2, of the pelvis."""

_SLIDE = 0.03
"""m/s, of a standing foot."""

_SINK = 0.002
"""Metres of a foot joint below the floor."""

_FROM_FIRST = 0.5
"""Radians from the first fit: determines what no other term does, such as the twist of the neck."""

_HINGE = 0.15
"""Radians by which a knee or an elbow turns about axes other than its own."""

_OVERSTRETCH, _STRAIGHT = 0.05, 0.1
"""Sine by which a knee or an elbow bends the wrong way; up to ``_STRAIGHT`` of it is free."""

_LIMBS = ((1, 4, -1.0), (2, 5, -1.0), (16, 18, 1.0), (17, 19, 1.0))
"""Upper joint, lower joint, and the sign of Z towards which the lower bone bends in the T-pose."""

_ACCELERATION = (1.0, -2.0, 1.0)
_GENERATORS = skew(np.eye(3))


@dataclass(frozen=True, slots=True)
class Problem:
    """The inputs of a clip's energy besides the unknowns.

    ``offsets`` (24, 3) bones at betas 0, ``directions`` (24, 3, B) their change; ``joints`` (T, 22, 3) to follow, with
    an error of ``noise`` metres; ``first`` (T, 17, 3, 3) rotations of the first fit; ``standing`` (T-1, 4) which foot
    joints stand during each step in time; ``floor`` its height; ``fps``.
    """

    offsets: Array
    directions: Array
    joints: Array
    first: Array
    standing: Array
    floor: float
    fps: float
    noise: float

    def bones(self, betas: Array) -> Array:
        """Return the bones (24, 3) of a shape."""
        return self.offsets + self.directions @ betas


@dataclass(frozen=True, slots=True)
class State:
    """The unknowns: ``root`` (T, 3), ``rotations`` (T, 17, 3, 3) of the joints FREE, ``betas`` (B,)."""

    root: Array
    rotations: Array
    betas: Array


def moved(state: State, step: Array, shared: Array) -> State:
    """Return the state after a step: (T, 54) rotation vectors of the joints FREE and the root's shift, (B,) betas."""
    vectors = step.reshape(len(step), _ROOT + 1, 3)
    return State(
        state.root + vectors[:, _ROOT], from_axis_angle(vectors[:, :_ROOT]) @ state.rotations, state.betas + shared
    )


def evaluate(problem: Problem, state: State) -> tuple[float, NormalEquations]:
    """Return the energy of a state, and its normal equations, whose gradient is the gradient of the energy."""
    equations = NormalEquations(len(state.root), _UNKNOWNS, len(state.betas))
    places = _place(problem, state)
    energy = sum(
        term(problem, state, places, equations)
        for term in (_follow_joints, _keep_feet, _stay_above_floor, _bend_like_hinges)
    )
    energy += _move_smoothly(problem, state, equations) + _stay_near_first(problem, state, equations)
    equations.corner += np.eye(len(state.betas))
    equations.shared_gradient += state.betas
    return energy + 0.5 * float(state.betas @ state.betas), equations


@dataclass(frozen=True, slots=True)
class _Places:
    """Joints (T, 22, 3) and their derivatives by a frame's unknowns (T, 22, 3, 54) and by the betas (T, 22, 3, B)."""

    joints: Array
    jacobian: Array
    shared: Array


def _place(problem: Problem, state: State) -> _Places:
    """Return the joints and their derivatives."""
    frames, bones = len(state.root), problem.bones(state.betas)
    joints = np.empty((frames, NUM_JOINTS, 3))
    jacobian = np.zeros((frames, NUM_JOINTS, 3, _UNKNOWNS))
    shared = np.zeros((frames, NUM_JOINTS, 3, len(state.betas)))
    joints[:, 0] = state.root
    jacobian[:, 0, :, 3 * _ROOT :] = np.eye(3)
    for joint in range(1, NUM_JOINTS):
        parent = PARENTS[joint]
        slot = _SLOT[parent]
        rotation = state.rotations[:, slot]
        bone = rotation @ bones[joint]
        joints[:, joint] = joints[:, parent] + bone
        jacobian[:, joint] = jacobian[:, parent]
        jacobian[:, joint, :, 3 * slot : 3 * slot + 3] -= skew(bone)
        shared[:, joint] = shared[:, parent] + rotation @ problem.directions[joint]
    return _Places(joints, jacobian, shared)


def _follow_joints(problem: Problem, state: State, places: _Places, equations: NormalEquations) -> float:
    """Term: Geman-McClure of the distances: c^2 e^2 / (c^2 + e^2)."""
    away = places.joints - problem.joints
    squared = (away**2).sum(-1)
    trust = _ROBUST**2 / (_ROBUST**2 + squared)
    scale = (trust / problem.noise)[..., None]
    frames = len(away)
    equations.add(
        (scale * away).reshape(frames, -1),
        [(scale[..., None] * places.jacobian).reshape(frames, -1, _UNKNOWNS)],
        (scale[..., None] * places.shared).reshape(frames, 3 * NUM_JOINTS, -1),
    )
    return 0.5 * float((trust * squared).sum()) / problem.noise**2


def _keep_feet(problem: Problem, state: State, places: _Places, equations: NormalEquations) -> float:
    """Term: a standing foot has no speed."""
    steps = len(problem.standing)
    if not problem.standing.any():
        return 0.0
    feet = list(FOOT_JOINTS)
    scale = problem.standing[..., None] * (problem.fps / _SLIDE)
    residual = (scale * np.diff(places.joints[:, feet], axis=0)).reshape(steps, -1)
    before, after = (
        (scale[..., None] * places.jacobian[rows][:, feet]).reshape(steps, -1, _UNKNOWNS)
        for rows in (slice(None, -1), slice(1, None))
    )
    shared = (scale[..., None] * np.diff(places.shared[:, feet], axis=0)).reshape(steps, 3 * len(feet), -1)
    equations.add(residual, [-before, after], shared)
    return 0.5 * float((residual**2).sum())


def _stay_above_floor(problem: Problem, state: State, places: _Places, equations: NormalEquations) -> float:
    """Term: foot joints are not below the floor."""
    feet = list(FOOT_JOINTS)
    depth = np.maximum(0.0, problem.floor - places.joints[:, feet, 1]) / _SINK
    below = (depth > 0)[..., None] / _SINK
    equations.add(depth, [-below * places.jacobian[:, feet, 1]], -below * places.shared[:, feet, 1])
    return 0.5 * float((depth**2).sum())


def _bend_like_hinges(problem: Problem, state: State, places: _Places, equations: NormalEquations) -> float:
    """Term: knees and elbows turn about one axis, in one direction."""
    frames, energy = len(state.root), 0.0
    bones = problem.offsets
    for upper, lower, sign in _LIMBS:
        above, below = (bones[CHILDREN[joint][0]] for joint in (upper, lower))
        bend = np.array([0.0, 0.0, sign])
        axis = np.cross(above, bend)
        axis /= np.linalg.norm(axis)
        first, second = 3 * _SLOT[upper], 3 * _SLOT[lower]
        up, low = state.rotations[:, _SLOT[upper]], state.rotations[:, _SLOT[lower]]
        residual, jacobian = np.zeros((frames, 4)), np.zeros((frames, 4, _UNKNOWNS))
        residual[:, :3] = (up @ axis - low @ axis) / _HINGE
        jacobian[:, :3, first : first + 3] = -skew(up @ axis) / _HINGE
        jacobian[:, :3, second : second + 3] = skew(low @ axis) / _HINGE
        forward, bone = up @ bend, low @ (below / np.linalg.norm(below))
        wrong = -(forward * bone).sum(-1) - _STRAIGHT
        active = (wrong > 0)[:, None] / _OVERSTRETCH
        residual[:, 3] = np.maximum(0.0, wrong) / _OVERSTRETCH
        jacobian[:, 3, first : first + 3] = -active * np.cross(forward, bone)
        jacobian[:, 3, second : second + 3] = -active * np.cross(bone, forward)
        equations.add(residual, [jacobian])
        energy += 0.5 * float((residual**2).sum())
    return energy


def _move_smoothly(problem: Problem, state: State, equations: NormalEquations) -> float:
    """Term: second differences of rotation matrices and of the root's path."""
    frames = len(state.root)
    if frames < len(_ACCELERATION):
        return 0.0
    turn, shift = problem.fps**2 / _TURN_ACCELERATION, problem.fps**2 / _ROOT_ACCELERATION
    jacobian = np.zeros((frames, _ROOT + 1, 9, 3))
    jacobian[:, :_ROOT] = turn * _turned(state.rotations)
    jacobian[:, _ROOT, :3] = shift * np.eye(3)
    values = np.zeros((frames, _ROOT + 1, 9))
    values[:, :_ROOT] = turn * state.rotations.reshape(frames, _ROOT, 9)
    values[:, _ROOT, :3] = shift * state.root
    residual = np.diff(values, n=2, axis=0)
    equations.add_by_vector(residual, jacobian, _ACCELERATION)
    return 0.5 * float((residual**2).sum())


def _stay_near_first(problem: Problem, state: State, equations: NormalEquations) -> float:
    """Term: rotations stay near the first fit where no other term decides."""
    frames = len(state.root)
    residual = np.zeros((frames, _ROOT + 1, 9))
    residual[:, :_ROOT] = (state.rotations - problem.first).reshape(frames, _ROOT, 9) / _FROM_FIRST
    jacobian = np.zeros((frames, _ROOT + 1, 9, 3))
    jacobian[:, :_ROOT] = _turned(state.rotations) / _FROM_FIRST
    equations.add_by_vector(residual, jacobian, (1.0,))
    return 0.5 * float((residual**2).sum())


def _turned(rotations: Array) -> Array:
    """Return the derivative (T, K, 9, 3) of rotation matrices (T, K, 3, 3) by a turn about each world axis."""
    return np.einsum("mij,tkjl->tkilm", _GENERATORS, rotations).reshape(*rotations.shape[:2], 9, 3)
