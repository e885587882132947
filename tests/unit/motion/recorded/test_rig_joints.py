"""From a skeleton's joints to HumanML3D's 22: what a rig lacks, and joints that share a place."""

import numpy as np
import pytest

from latentman.body.skeleton import JOINT_NAMES as SMPL_NAMES
from latentman.motion.recorded.rig_choice import choose_rig
from latentman.motion.recorded.rig_joints import rig_joints
from latentman.motion.recorded.rigs import JOINT_NAMES, RIGS
from latentman.motion.skeleton import PARENTS
from tests.factories.rig_names import SCHEMES
from tests.factories.skeleton_clips import moved, of_bvh, person, renamed, skeleton
from tests.unit.motion.bvh_files import write_bvh

SHORTEST = 0.02


def bones(joints):
    return np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)


def across(joints, left, right):
    line = joints[:, left] - joints[:, right]
    return line / np.linalg.norm(line, axis=-1, keepdims=True)


def degrees(first, second):
    return np.degrees(np.arccos(np.clip((first * second).sum(axis=-1), -1, 1)))


def test_joints_are_named_as_those_of_the_body():
    assert SMPL_NAMES[:22] == JOINT_NAMES


@pytest.mark.parametrize("rig", ["smpl", "mixamo", "cc_base", "biovision"])
def test_a_rig_with_all_joints_gives_exactly_what_was_written(rig):
    from tests.unit.motion.recorded.test_rig_choice import OLDER

    joints = person("a person dances")
    clip = skeleton({**SCHEMES, **OLDER}[rig], joints)
    np.testing.assert_allclose(rig_joints(clip, RIGS[rig]), joints, atol=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_bone_has_a_length_whatever_a_tool_lacks(scheme):
    clip = skeleton(SCHEMES[scheme])
    assert bones(rig_joints(clip, choose_rig("auto", clip))).min() > SHORTEST


@pytest.mark.parametrize(
    ("lacking", "largest"),
    [
        (["spine1"], 0.05),
        (["spine2", "spine3"], 0.05),
        (["spine1", "spine2", "spine3"], 0.06),
        (["left_collar", "right_collar"], 0.05),
        (["head"], 0.15),
        (["neck"], 0.16),
        (["pelvis"], 0.12),
        (["left_foot", "right_foot"], 1e-6),  # what hangs below the ankle takes their place
    ],
)
def test_joints_that_a_rig_lacks_are_put_near_where_they_belong(tmp_path, lacking, largest):
    joints = person()
    clip = renamed(of_bvh(write_bvh(tmp_path / "walk.bvh", joints)), *lacking)
    filled = rig_joints(clip, choose_rig("smpl", clip))
    others = [i for i, name in enumerate(JOINT_NAMES) if name not in lacking]
    np.testing.assert_allclose(filled[:, others], joints[:, others], atol=1e-6)
    assert np.linalg.norm(filled - joints, axis=-1).max() < largest
    assert bones(filled).min() > SHORTEST


def test_toes_without_any_end_point_ahead():
    names = {joint: joint for joint in JOINT_NAMES if joint not in ("left_foot", "right_foot")}
    clip = skeleton(names, person("a person stands"))
    filled = rig_joints(clip, choose_rig("smpl", clip))
    assert ((filled[:, [10, 11]] - filled[:, [7, 8]])[..., 2] > 0.1).all()


@pytest.mark.parametrize(
    "places",
    [
        {"spine1": "pelvis"},
        {"spine1": "pelvis", "left_collar": "spine3", "right_collar": "spine3"},
        {"left_collar": "neck", "right_collar": "neck"},
        {"right_collar": "left_collar"},
        {"left_collar": "left_shoulder", "right_collar": "right_shoulder"},
        {"neck": "head"},
        {"spine2": "spine1", "spine3": "spine1"},
        {"spine3": "neck", "left_collar": "neck", "right_collar": "neck"},
    ],
)
def test_joints_in_the_same_place_count_as_lacking(places):
    joints = person("a person dances", 40)
    filled = rig_joints(moved(skeleton(joints=joints), places), RIGS["smpl"])
    assert bones(filled).min() > SHORTEST
    turn = across(filled, 13, 14)
    assert degrees(turn, across(joints, 16, 17)).max() < 12
    assert degrees(turn[1:], turn[:-1]).max() < 10
