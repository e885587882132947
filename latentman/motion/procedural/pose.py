"""Pose parameters over time, and their conversion to joints.

A pose gives the position of the pelvis, the rotations of trunk, head and arms, and the position of each foot. Trunk,
head and arms are computed by forward kinematics, the legs by two-bone inverse kinematics from hip to ankle with the
knee in front. Bone lengths are therefore constant, and knees and elbows bend the right way for all parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from latentman.motion.skeleton import (
    ANKLES,
    BONE_LENGTHS,
    COLLARS,
    ELBOWS,
    HEAD,
    HIPS,
    KNEES,
    NECK,
    PARENTS,
    PELVIS,
    SHOULDERS,
    SIDES,
    SPINE1,
    SPINE2,
    SPINE3,
    TOES,
    WRISTS,
    Floats,
    about_x,
    about_y,
    about_z,
    ahead,
    bone,
)

TOE_HEIGHT = 0.015
"""Height in metres of the toe joint of a standing foot."""

ANKLE_HEIGHT = 0.075
"""Height in metres of the ankle of a flat foot."""

STAND_HEIGHT = 0.966
"""Height in metres of the pelvis of a relaxed standing person with nearly straight knees."""

MAX_REACH = 0.995
"""Largest span of a leg as a share of its full length: a locked knee snaps."""

MIN_REACH = 0.38
"""Smallest span of a leg as a share of its full length: below it, thigh and calf would meet."""

_WILLING_ANGLE = 0.9

MAX_FOOT_ANGLE = 1.35
"""Steepest angle in radians between foot and floor: on tiptoe."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Parameters of T frames; angles in radians, lengths in metres, pairs are (left, right).

    ``pelvis`` (T, 3); ``yaw``, ``pitch``, ``roll`` (T,) turn the pelvis: towards +X, forwards, left side up; ``lean``,
    ``side``, ``twist`` (T,) bend the spine relative to the pelvis: forwards, to the right, to the left; ``look`` (T, 2)
    is the head's direction, yaw and pitch relative to the pelvis' yaw; ``toes`` (T, 2, 3) are the toe joints;
    ``foot_yaw`` (T, 2) world headings of the feet; ``heel`` (T, 2) lifts the heel about the toe; ``arms`` (T, 2, 4) are
    flexion (forward), spread (sideways), elbow bend and outward twist of the upper arm; ``shrug`` (T, 2) lifts a
    shoulder.
    """

    pelvis: Floats
    yaw: Floats
    pitch: Floats
    roll: Floats
    lean: Floats
    side: Floats
    twist: Floats
    look: Floats
    toes: Floats
    foot_yaw: Floats
    heel: Floats
    arms: Floats
    shrug: Floats


def pose_joints(pose: Pose) -> Floats:
    """Return the joints (T, 22, 3) of a pose in metres."""
    root = about_y(pose.yaw) @ about_x(pose.pitch) @ about_z(pose.roll)
    joints = np.zeros((len(pose.yaw), len(PARENTS), 3))
    pelvis = pose.pelvis.copy()
    hips = np.stack([bone(hip, root) for hip in HIPS], axis=1)
    pelvis[:, 1] -= _drop_to_reach(pelvis[:, None] + hips, pose)
    joints[:, PELVIS] = pelvis
    for index in range(2):
        _place_leg(joints, index, pelvis + hips[:, index], pose)
    chest = _place_spine(joints, root, pose)
    for index in range(2):
        _place_arm(joints, index, chest, pose)
    return joints


def _foot_angle(index: int) -> float:
    """Return the angle between the floor and the line from toe to ankle of a flat foot."""
    return float(np.arcsin((ANKLE_HEIGHT - TOE_HEIGHT) / BONE_LENGTHS[TOES[index]]))


def _ankle(index: int, pose: Pose, angle: Floats) -> Floats:
    """Return the ankle (T, 3) of a foot at ``angle`` to the floor, turning about its toe."""
    length = BONE_LENGTHS[TOES[index]]
    back = -ahead(pose.foot_yaw[:, index]) * (length * np.cos(angle))[:, None]
    ankle: Floats = pose.toes[:, index] + back
    ankle[:, 1] += length * np.sin(angle)
    return ankle


def _leg_length(index: int) -> float:
    return float(BONE_LENGTHS[KNEES[index]] + BONE_LENGTHS[ANKLES[index]])


def _drop_to_reach(hips: Floats, pose: Pose) -> Floats:
    """Return how far (T,) the pelvis must sink to bring both feet into reach, smooth over time; 0 where they are."""
    drop = np.zeros(len(hips))
    for index in range(2):
        offset = hips[:, index] - _ankle(index, pose, _willing_angle(hips[:, index], index, pose))
        across = np.hypot(offset[:, 0], offset[:, 2])
        reach = MAX_REACH * _leg_length(index)
        upright = np.sqrt(np.maximum(reach**2 - across**2, 0.05))
        drop = np.maximum(drop, offset[:, 1] - upright)
    if not (drop > 0).any():
        return np.maximum(drop, 0.0)
    # The moving average of a moving maximum over the same window is smooth and never below the required value.
    smooth: Floats = uniform_filter1d(maximum_filter1d(np.maximum(drop, 0.0), 7), 7)
    return smooth


def _nearest_angle(hip: Floats, index: int, pose: Pose) -> Floats:
    """Return the foot angle (T,) at which the ankle is nearest to the hip."""
    to_hip = hip - pose.toes[:, index]
    back = -np.sum(to_hip * ahead(pose.foot_yaw[:, index]), axis=-1)
    return np.clip(np.arctan2(to_hip[:, 1], back), 0.0, MAX_FOOT_ANGLE)


def _willing_angle(hip: Floats, index: int, pose: Pose) -> Floats:
    """Return the largest foot angle (T,) before the pelvis has to sink: only a trailing foot lifts its heel."""
    asked = np.clip(pose.heel[:, index] + _foot_angle(index), 0.0, MAX_FOOT_ANGLE)
    behind = np.sum((hip - pose.toes[:, index]) * ahead(pose.foot_yaw[:, index]), axis=-1)
    part = np.clip(behind / 0.2, 0.0, 1.0)
    steep = np.minimum(np.maximum(asked, _WILLING_ANGLE), _nearest_angle(hip, index, pose))
    return asked + part * part * (3.0 - 2.0 * part) * np.maximum(steep - asked, 0.0)


def _place_leg(joints: Floats, index: int, hip: Floats, pose: Pose) -> None:
    """Set hip, knee, ankle and toe of one leg; the heel rises as far as the leg needs."""
    reach = MAX_REACH * _leg_length(index)
    flat, toe_y = _foot_angle(index), pose.toes[:, index, 1]
    # The heel stays above the floor: a foot whose toe is low cannot tip backwards.
    floor = np.arcsin(np.clip((ANKLE_HEIGHT - 0.007 - toe_y) / BONE_LENGTHS[TOES[index]], -1.0, 1.0))
    low = np.clip(pose.heel[:, index] + flat, floor, MAX_FOOT_ANGLE)
    high = np.maximum(low, _nearest_angle(hip, index, pose))
    fits = np.linalg.norm(hip - _ankle(index, pose, low), axis=-1) <= reach
    lower, upper = low.copy(), np.where(fits, low, high)
    for _ in range(30):
        middle = (lower + upper) / 2
        short = np.linalg.norm(hip - _ankle(index, pose, middle), axis=-1) <= reach
        lower, upper = np.where(short, lower, middle), np.where(short, middle, upper)
    ankle = _ankle(index, pose, upper)
    left = np.stack([np.cos(pose.yaw), np.zeros_like(pose.yaw), -np.sin(pose.yaw)], axis=-1)
    turn = pose.foot_yaw[:, index]
    left += np.stack([np.cos(turn), np.zeros_like(turn), -np.sin(turn)], axis=-1)
    knee, ankle = _bend_leg(hip, ankle, left, index)
    toe = pose.toes[:, index] - _ankle(index, pose, upper) + ankle
    for joint, place in zip((HIPS, KNEES, ANKLES, TOES), (hip, knee, ankle, toe), strict=True):
        joints[:, joint[index]] = place


def _bend_leg(hip: Floats, ankle: Floats, left: Floats, index: int) -> tuple[Floats, Floats]:
    """Return knee and ankle (T, 3): the knee leaves the hip-ankle line towards the front, hinged about ``left``."""
    thigh, shin = BONE_LENGTHS[KNEES[index]], BONE_LENGTHS[ANKLES[index]]
    line = ankle - hip
    span = np.linalg.norm(line, axis=-1, keepdims=True)
    axis = line / span
    span = np.clip(span, MIN_REACH * (thigh + shin), thigh + shin)
    pole = np.cross(axis, left)
    pole /= np.linalg.norm(pole, axis=-1, keepdims=True)
    along = (thigh**2 - shin**2 + span**2) / (2 * span)
    bulge = np.sqrt(np.maximum(thigh**2 - along**2, 0.0))
    return hip + axis * along + pole * bulge, hip + axis * span


def _place_spine(joints: Floats, root: Floats, pose: Pose) -> Floats:
    """Set spine, neck and head; return the rotation (T, 3, 3) of the chest."""
    third = about_y(pose.twist / 3) @ about_x(pose.lean / 3) @ about_z(pose.side / 3)
    rotation = root
    for joint in (SPINE1, SPINE2, SPINE3):
        rotation = rotation @ third
        joints[:, joint] = joints[:, PARENTS[joint]] + bone(joint, rotation)
    joints[:, NECK] = joints[:, SPINE3] + bone(NECK, rotation)
    head = about_y(pose.yaw + pose.look[:, 0]) @ about_x(pose.look[:, 1])
    joints[:, HEAD] = joints[:, NECK] + bone(HEAD, head)
    return rotation


def _place_arm(joints: Floats, index: int, chest: Floats, pose: Pose) -> None:
    """Set collar, shoulder, elbow and wrist of one arm."""
    side = SIDES[index]
    flexion, spread, bend, twist = np.moveaxis(pose.arms[:, index], -1, 0)
    upper = about_x(-flexion) @ about_z(side * spread)
    raised = np.arccos(np.clip(upper[:, 1, 1], -1.0, 1.0))
    # A raised arm lifts its shoulder blade by roughly a fifth of the angle beyond the first 60 degrees.
    lift = pose.shrug[:, index] + 0.2 * np.maximum(raised - 1.0, 0.0)
    joints[:, COLLARS[index]] = joints[:, SPINE3] + bone(COLLARS[index], chest)
    shoulder = joints[:, COLLARS[index]] + bone(SHOULDERS[index], chest @ about_z(side * lift))
    upper = chest @ upper
    forearm = upper @ about_y(side * twist) @ about_x(-np.clip(bend, 0.0, 2.6))
    joints[:, SHOULDERS[index]] = shoulder
    joints[:, ELBOWS[index]] = shoulder + bone(ELBOWS[index], upper)
    joints[:, WRISTS[index]] = joints[:, ELBOWS[index]] + bone(WRISTS[index], forearm)
