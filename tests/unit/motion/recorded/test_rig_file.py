"""Rigs of the user's own: what a file may say, and what is said of files that cannot be."""

import numpy as np
import pytest

from latentman.errors import ConfigError, DataError
from latentman.motion.recorded.bvh_clip import read_bvh_clip
from latentman.motion.recorded.rig_choice import choose_rig
from latentman.motion.recorded.rigs import JOINT_NAMES
from tests.factories.skeleton_clips import person, skeleton
from tests.unit.motion.bvh_files import write_bvh


def own_rig(tmp_path, text):
    path = tmp_path / "rig.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def own_names():
    return {joint: f"b{index:02d}" for index, joint in enumerate(JOINT_NAMES)}


def own_yaml(**changes):
    joints = {**own_names(), **changes}
    return "joints:\n" + "".join(f"  {joint}: {name}\n" for joint, name in joints.items() if name is not None)


def test_a_rig_of_the_users_own_with_axes_and_unit(tmp_path):
    joints = person("a person dances")
    path = write_bvh(
        tmp_path / "dance.bvh",
        joints,
        names=own_names(),
        to_file=lambda p: 50 * np.stack([p[..., 0], -p[..., 2], p[..., 1]], axis=-1),
    )
    rig = own_rig(tmp_path, own_yaml() + "up: z\nscale: 0.02\n")
    np.testing.assert_allclose(read_bvh_clip(path, rig=rig).joints, joints, atol=1e-6)


def test_a_rig_of_the_users_own_may_name_points_between_joints(tmp_path):
    joints = person()
    path = write_bvh(tmp_path / "walk.bvh", joints, names=own_names())
    rig = own_rig(tmp_path, own_yaml(spine2="[b03, b09, 0.25]", neck=None, left_collar=None))
    clip = read_bvh_clip(path, rig=rig)
    np.testing.assert_allclose(clip.joints[:, 6], 0.75 * joints[:, 3] + 0.25 * joints[:, 9], atol=1e-6)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints: [", "line 2: did not find expected node"),
        ("joints:\n\tpelvis: Hips", "line 2: found character that cannot start"),
        ("joints: !!bool maybe", "does not have the type that its tag names"),
        ("joints: !!python/object/apply:os.system [x]", "line 1: could not determine a constructor"),
        (b"joints: {pelvis: \xff}", "line 1 is not UTF-8 text"),
        (b"joints: {pelvis: \x00}", "line 1 holds a NUL character"),
        ("[" * 100_000, "nested|nesting"),
        (LAUGHS, "more than 200000 values, aliases included"),
        (" " * 1_000_001, "at most 1000000 are read"),
        ("joints: {pelvis: b00, pelvis: b01}", "the key 'pelvis' is there twice"),
        ("just words", "needs a mapping 'joints'"),
        ("joints: Hips", "needs a mapping 'joints'"),
        ("joints: {}\ncolour: red", "'colour' is unknown; allowed are joints, up, scale"),
        ("joints: {pelvs: b00}", "'pelvs' is not one of HumanML3D's joints.*did you mean 'pelvis'"),
        ("joints: {pelvis: 3}", "pelvis: 3 must be a joint's name"),
        ("joints: {pelvis: [b01, b02]}", "must be a joint's name, or .name, name, fraction"),
        ("joints: {pelvis: [b01, b02, 2]}", "must be a joint's name, or .name, name, fraction"),
        ("joints: {pelvis: [b01, b02, .nan]}", "must be a joint's name, or .name, name, fraction"),
        (own_yaml(right_hip="b01"), "gives both left_hip and right_hip the joint b01; give each a joint of its own"),
        (own_yaml(neck="b15"), "gives both neck and head the joint b15"),
        (own_yaml(spine1="[b03, b06, 0.5]", spine2="[b03, b06, 0.5]"), "gives both spine1 and spine2"),
        (own_yaml() + "up: x", "up: x must be y or z"),
        (own_yaml() + "scale: -1", "scale: -1 must be a number above 0"),
        (own_yaml() + "scale: .nan", "scale: nan must be a number above 0"),
        (own_yaml() + "scale: cm", "scale: cm must be a number above 0"),
    ],
)  # fmt: skip
def test_a_bad_rig_file_says_what_is_wrong(tmp_path, text, message):
    with pytest.raises(ConfigError, match=rf"rig\.yaml.*({message})"):
        choose_rig(own_rig(tmp_path, text), skeleton(own_names()))


def test_a_rig_file_for_another_skeleton_names_the_joint(tmp_path):
    with pytest.raises(DataError, match=r"rig\.yaml: pelvis: .*walk\.bvh has no joint 'b000'; did you mean 'b00'"):
        choose_rig(own_rig(tmp_path, own_yaml(pelvis="b000")), skeleton(own_names()))


def test_a_rig_file_that_lacks_needed_joints_names_them_and_prints_what_it_has(tmp_path):
    rig = own_rig(tmp_path, own_yaml(left_knee=None, neck=None, head=None))
    with pytest.raises(DataError, match="finds nothing for left_knee, neck or head") as caught:
        choose_rig(rig, skeleton(own_names()))
    assert "  right_knee: b05" in str(caught.value)
    assert "  # left_knee: NAME  # needed" in str(caught.value)
    assert "# not used yet: b04, b12, b15" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other.yaml", "there is no such file"),
        ("n" * 5000 + ".yaml", "File name too long"),
        ("~nobody0/rig.yaml", "there is no such file"),
    ],
)
def test_a_rig_file_that_cannot_be_opened_is_named(tmp_path, name, reason):
    path = name if name.startswith("~") else str(tmp_path / name)
    with pytest.raises(ConfigError, match=rf"cannot read .*\.yaml: {reason}"):
        choose_rig(path, skeleton(own_names()))


def test_a_folder_is_not_a_rig(tmp_path):
    (tmp_path / "rig.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"cannot read .*rig\.yaml: it is a folder"):
        choose_rig(str(tmp_path / "rig.yaml"), skeleton(own_names()))
