"""Joints that share a point with any of their neighbours."""

from pathlib import Path

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.motion.plausible.examine import examine
from latentman.motion.recorded.shared_points import check_limbs, set_apart
from latentman.motion.skeleton import PARENTS
from tests.factories.motion_clips import person, read_clip

TOUCHING = {
    "collars on each other": {13: 14},
    "collars on the neck": {13: 12, 14: 12},
    "collars on the chest": {13: 9, 14: 9},
    "collars on the upper spine": {13: 6, 14: 6},
    "a collar on its shoulder": {13: 16},
    "neck on the chest": {12: 9},
    "neck on the chest with the collars": {12: 9, 13: 9, 14: 9},
    "head on the neck": {15: 12},
    "lower spine on the pelvis": {3: 0},
    "spine on the pelvis": {3: 0, 6: 0},
    "chest on the neck": {9: 12},
    "spine in one point": {6: 3, 9: 3},
    "toes on the ankles": {10: 7, 11: 8},
}


@pytest.mark.parametrize("text", ["a person walks", "a person dances", "a person bows"])
@pytest.mark.parametrize("which", TOUCHING)
@pytest.mark.parametrize("gap", [0.0, 0.004])
def test_a_joint_on_any_neighbour_is_set_apart_into_a_plausible_body(tmp_path, which, text, gap, caplog):
    joints = person(text).copy()
    for joint, other in TOUCHING[which].items():
        joints[:, joint] = joints[:, other] + [0, 0, gap]
    apart, moved = set_apart(joints)
    assert moved
    bones = np.linalg.norm(apart[:, 1:] - apart[:, list(PARENTS[1:])], axis=-1)
    assert bones.min() > 0.015
    assert np.linalg.norm(apart[:, 13] - apart[:, 14], axis=-1).min() > 0.05
    assert not [f.what for f in examine(apart, 20.0) if "shoulders" in f.what or "spine" in f.what or "turns" in f.what]
    kept = [joint for joint in range(22) if joint not in {*TOUCHING[which], *TOUCHING[which].values()}]
    np.testing.assert_array_equal(apart[:, [0, 1, 2, 4, 5, 7, 8]], joints[:, [0, 1, 2, 4, 5, 7, 8]])
    assert np.abs(apart[:, kept] - person(text)[:, kept]).max() < 0.25
    np.savez(tmp_path / "clip.npz", joints=joints, fps=20)
    read_clip(tmp_path / "clip.npz")
    assert not caplog.records


def test_joints_that_are_apart_stay_to_the_byte():
    joints = person()
    apart, moved = set_apart(joints)
    assert moved == ()
    assert apart is joints


@pytest.mark.parametrize(
    ("joint", "other", "said"),
    [
        (18, 16, "left_elbow and left_shoulder are in the same place"),
        (5, 2, "right_knee and right_hip are in the same place"),
        (2, 1, "right_hip and left_hip are in the same place"),
    ],
)
def test_a_limb_without_length_is_refused(joint, other, said):
    joints = person().copy()
    joints[:, joint] = joints[:, other]
    with pytest.raises(DataError, match=rf"walk\.npz: {said}.*motion\.rig=FILE"):
        check_limbs(joints, Path("walk.npz"))
