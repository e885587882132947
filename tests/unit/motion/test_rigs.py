"""Rigs: recognised by their joints, filled in where they lack some, and given by the user."""

import dataclasses

import numpy as np
import pytest

from latentman.body.skeleton import JOINT_NAMES as SMPL_NAMES
from latentman.errors import ConfigError, DataError
from latentman.motion.recorded.bvh import read_bvh
from latentman.motion.recorded.bvh_clip import read_bvh_clip
from latentman.motion.recorded.rig_choice import choose_rig
from latentman.motion.recorded.rig_joints import rig_joints
from latentman.motion.recorded.rigs import JOINT_NAMES, RIGS
from latentman.motion.skeleton import PARENTS
from tests.unit.motion.bvh_files import CMU, MIXAMO, walk, write_bvh


def sided(spine, limbs, left, right):
    names = dict(spine)
    joints = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
    for joint, pattern in zip(joints, limbs.split(), strict=True):
        names[f"left_{joint}"], names[f"right_{joint}"] = pattern.replace("*", left), pattern.replace("*", right)
    return {joint: names.get(joint, f"extra_{joint}") for joint in JOINT_NAMES}


NAMES = {
    "smpl": {joint: joint for joint in JOINT_NAMES},
    "cmu": CMU,
    "mixamo": MIXAMO,
    "bandai": sided(
        {"pelvis": "Hips", "spine1": "Spine", "spine3": "Chest", "neck": "Neck", "head": "Head"},
        "UpperLeg_* LowerLeg_* Foot_* Toes_* Shoulder_* UpperArm_* LowerArm_* Hand_*",
        "L",
        "R",
    ),
    "cc_base": sided(
        {
            "pelvis": "CC_Base_Pelvis",
            "spine1": "CC_Base_Waist",
            "spine2": "CC_Base_Spine01",
            "spine3": "CC_Base_Spine02",
            "neck": "CC_Base_NeckTwist01",
            "head": "CC_Base_Head",
        },
        "CC_Base_*_Thigh CC_Base_*_Calf CC_Base_*_Foot CC_Base_*_ToeBase CC_Base_*_Clavicle CC_Base_*_Upperarm "
        "CC_Base_*_Forearm CC_Base_*_Hand",
        "L",
        "R",
    ),
    "daz": sided(
        {"pelvis": "hip", "spine1": "abdomen", "spine3": "chest", "neck": "neck", "head": "head"},
        "*Thigh *Shin *Foot *Toe *Collar *Shldr *ForeArm *Hand",
        "l",
        "r",
    ),
    "biovision": sided(
        {"pelvis": "Hips", "spine1": "Chest", "spine2": "Chest2", "spine3": "Chest3", "neck": "Neck", "head": "Head"},
        "*Hip *Knee *Ankle *Toe *Collar *Shoulder *Elbow *Wrist",
        "Left",
        "Right",
    ),
}
"""Names under which each rig's files write the joints."""

SPELLINGS = {
    "smpl": {joint: f"m_avg_{joint.replace('left', 'L').replace('right', 'R').title()}" for joint in JOINT_NAMES},
    "mixamo": {joint: name.replace("mixamorig:", "mixamorig9:") for joint, name in MIXAMO.items()},
    "daz": {joint: name[0].upper() + name[1:] for joint, name in NAMES["daz"].items()},
}
LIMBS = [
    JOINT_NAMES.index(f"{side}_{joint}") for joint in ("knee", "ankle", "elbow", "wrist") for side in ("left", "right")
]


def directions(joints):
    bones = joints[:, 1:] - joints[:, list(PARENTS[1:])]
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


def test_joints_are_named_as_those_of_the_body():
    assert SMPL_NAMES[:22] == JOINT_NAMES


@pytest.mark.parametrize("rig", RIGS)
def test_every_rig_is_recognised_by_its_names(tmp_path, rig):
    path = write_bvh(tmp_path / "walk.bvh", walk(), names=NAMES[rig])
    bvh = read_bvh(path)
    assert choose_rig("auto", bvh.names, path).name == rig


@pytest.mark.parametrize("rig", SPELLINGS)
def test_other_spellings_of_a_rig_are_the_same_rig(tmp_path, rig):
    path = write_bvh(tmp_path / "walk.bvh", walk(), names=SPELLINGS[rig])
    assert choose_rig("auto", read_bvh(path).names, path).name == rig


@pytest.mark.parametrize("rig", RIGS)
def test_limbs_of_every_rig_move_as_they_were_written(tmp_path, rig):
    joints = walk("a person kicks")
    clip = read_bvh_clip(write_bvh(tmp_path / "kick.bvh", joints, names=NAMES[rig]))
    bones = [joint - 1 for joint in LIMBS]
    np.testing.assert_allclose(directions(clip.joints)[:, bones], directions(joints)[:, bones], atol=1e-6)
    assert np.linalg.norm(clip.joints[:, 1:] - clip.joints[:, list(PARENTS[1:])], axis=-1).min() > 0.02


@pytest.mark.parametrize("rig", ["smpl", "mixamo", "cc_base", "biovision"])
def test_a_rig_with_all_joints_gives_exactly_what_was_written(tmp_path, rig):
    joints = walk("a person dances")
    clip = read_bvh_clip(write_bvh(tmp_path / "dance.bvh", joints, names=NAMES[rig]))
    np.testing.assert_allclose(clip.joints, joints, atol=1e-6)


def without(bvh, *names):
    """A file whose joints of these names are called something that no rig knows."""
    return dataclasses.replace(bvh, names=tuple(f"x{i}" if n in names else n for i, n in enumerate(bvh.names)))


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
    joints = walk()
    bvh = without(read_bvh(write_bvh(tmp_path / "walk.bvh", joints)), *lacking)
    filled = rig_joints(bvh, choose_rig("smpl", bvh.names, bvh.path))
    others = [i for i, name in enumerate(JOINT_NAMES) if name not in lacking]
    np.testing.assert_allclose(filled[:, others], joints[:, others], atol=1e-6)
    assert np.linalg.norm(filled - joints, axis=-1).max() < largest
    assert np.linalg.norm(filled[:, 1:] - filled[:, list(PARENTS[1:])], axis=-1).min() > 0.02


def test_toes_without_any_end_point_ahead(tmp_path):
    joints = walk("a person stands")
    bvh = read_bvh(write_bvh(tmp_path / "walk.bvh", joints))
    feet = {bvh.names.index(name) for name in ("left_foot", "right_foot")}
    parents = tuple(-1 if i in feet else parent for i, parent in enumerate(bvh.parents))
    bvh = without(dataclasses.replace(bvh, parents=parents), "left_foot", "right_foot")
    filled = rig_joints(bvh, choose_rig("smpl", bvh.names, bvh.path))
    ahead = filled[:, [10, 11]] - filled[:, [7, 8]]
    assert (ahead[..., 2] > 0.1).all()


def test_joints_in_the_same_place_count_as_lacking(tmp_path):
    bvh = read_bvh(write_bvh(tmp_path / "walk.bvh", walk()))
    # As in cgspeed's files: the lower back in the hips, the collars in the upper spine.
    offsets = bvh.offsets.copy()
    for name in ("spine1", "left_collar", "right_collar"):
        offsets[bvh.names.index(name)] = 0
    bvh = dataclasses.replace(bvh, offsets=offsets)
    filled = rig_joints(bvh, choose_rig("smpl", bvh.names, bvh.path))
    assert np.linalg.norm(filled[:, 1:] - filled[:, list(PARENTS[1:])], axis=-1).min() > 0.02


def test_a_limb_without_length_is_refused(tmp_path):
    bvh = read_bvh(write_bvh(tmp_path / "walk.bvh", walk()))
    offsets = bvh.offsets.copy()
    offsets[bvh.names.index("left_elbow")] = 0
    with pytest.raises(DataError, match=r"walk\.bvh: left_elbow lies on left_shoulder.*motion\.rig=FILE"):
        rig_joints(dataclasses.replace(bvh, offsets=offsets), RIGS["smpl"])


def test_an_unknown_skeleton_lists_what_is_missing_and_the_rigs(tmp_path):
    names = {**NAMES["mixamo"], "left_knee": "Fin", "right_wrist": "Claw"}
    path = write_bvh(tmp_path / "fish.bvh", walk(), names=names)
    with pytest.raises(
        DataError, match=r"no known rig fits.*mixamo.*left_knee, right_wrist.*smpl, cmu.*motion\.rig=FILE"
    ):
        read_bvh_clip(path)


def test_a_rig_that_does_not_fit_the_file_says_so(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk())
    with pytest.raises(DataError, match=r"rig daz, finds nothing for left_hip, right_hip"):
        read_bvh_clip(path, rig="daz")


def test_an_unknown_rig_name_lists_the_rigs(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk())
    with pytest.raises(ConfigError, match=r"motion\.rig='mixxamo' is unknown.*cc_base.*did you mean 'mixamo'"):
        read_bvh_clip(path, rig="mixxamo")


def own_rig(tmp_path, text):
    path = tmp_path / "rig.yaml"
    path.write_text(text)
    return str(path)


def own_names():
    return {joint: f"b{index:02d}" for index, joint in enumerate(JOINT_NAMES)}


def own_yaml(**changes):
    joints = {**own_names(), **changes}
    return "joints:\n" + "".join(f"  {joint}: {name}\n" for joint, name in joints.items() if name is not None)


def test_a_rig_of_the_users_own_with_axes_and_unit(tmp_path):
    joints = walk("a person dances")
    path = write_bvh(
        tmp_path / "dance.bvh",
        joints,
        names=own_names(),
        to_file=lambda p: 50 * np.stack([p[..., 0], -p[..., 2], p[..., 1]], axis=-1),
    )
    rig = own_rig(tmp_path, own_yaml() + "up: z\nscale: 0.02\n")
    np.testing.assert_allclose(read_bvh_clip(path, rig=rig).joints, joints, atol=1e-6)


def test_a_rig_of_the_users_own_may_name_points_between_joints(tmp_path):
    joints = walk()
    path = write_bvh(tmp_path / "walk.bvh", joints, names=own_names())
    rig = own_rig(tmp_path, own_yaml(spine2="[b03, b09, 0.25]", neck=None, left_collar=None))
    clip = read_bvh_clip(path, rig=rig)
    np.testing.assert_allclose(clip.joints[:, 6], 0.75 * joints[:, 3] + 0.25 * joints[:, 9], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints: [", "is not valid YAML"),
        ("just words", "needs a mapping 'joints'"),
        ("joints: Hips", "needs a mapping 'joints'"),
        ("joints: {}\ncolour: red", "'colour' is unknown, it may hold joints, up, scale"),
        ("joints: {pelvs: b00}", "'pelvs' is none of HumanML3D's joints.*did you mean 'pelvis'"),
        ("joints: {pelvis: 3}", "pelvis: 3 must be a joint's name"),
        ("joints: {pelvis: [b01, b02]}", "must be a joint's name, or .name, name, fraction"),
        ("joints: {pelvis: [b01, b02, 2]}", "must be a joint's name, or .name, name, fraction"),
        (own_yaml() + "up: x", "up: x must be y or z"),
        (own_yaml() + "scale: -1", "scale: -1 must be a number above 0"),
        (own_yaml() + "scale: cm", "scale: cm must be a number above 0"),
    ],
)  # fmt: skip
def test_a_bad_rig_file_says_what_is_wrong(tmp_path, text, message):
    path = write_bvh(tmp_path / "walk.bvh", walk(), names=own_names())
    with pytest.raises(ConfigError, match=rf"rig\.yaml.*{message}"):
        read_bvh_clip(path, rig=own_rig(tmp_path, text))


def test_a_rig_file_for_another_skeleton_names_the_joint(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk(), names=own_names())
    with pytest.raises(DataError, match=r"rig\.yaml: pelvis: .*walk\.bvh has no joint 'b000'; did you mean 'b00'"):
        read_bvh_clip(path, rig=own_rig(tmp_path, own_yaml(pelvis="b000")))


def test_a_rig_file_that_lacks_needed_joints_names_them(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk(), names=own_names())
    with pytest.raises(DataError, match="finds nothing for left_knee, neck or head"):
        read_bvh_clip(path, rig=own_rig(tmp_path, own_yaml(left_knee=None, neck=None, head=None)))


def test_a_rig_file_that_is_not_there_is_named(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk(), names=own_names())
    with pytest.raises(ConfigError, match=r"cannot read the rig .*other\.yaml: No such file"):
        read_bvh_clip(path, rig=str(tmp_path / "other.yaml"))
