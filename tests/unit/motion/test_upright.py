"""Axes, units and sides of files that do not name them, and the rest pose in front."""

from itertools import pairwise

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.motion.humanml3d import MIRROR
from latentman.motion.recorded.bvh_clip import read_bvh_clip
from latentman.motion.recorded.glitches import lead_in, smooth_parts
from latentman.motion.recorded.upright import find_up, leg_length, to_metres, unit_name
from tests.unit.motion.bvh_files import walk, write_bvh


def z_up(points):
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


@pytest.mark.parametrize("turn", [lambda p: p, z_up], ids=["y up", "z up"])
@pytest.mark.parametrize("unit", [1.0, 100.0, 1 / 0.0254, 17.7])
def test_any_axis_and_unit_give_the_same_joints(tmp_path, turn, unit):
    joints = walk("a person dances")
    clip = read_bvh_clip(write_bvh(tmp_path / "dance.bvh", joints, to_file=lambda p: turn(p) * unit))
    np.testing.assert_allclose(clip.joints, joints, atol=1e-6)


def test_a_body_that_lies_all_along_keeps_the_axis_that_is_usual():
    lying = walk()[..., [1, 0, 2]]
    assert find_up(lying, "y") == "y"
    assert find_up(lying, "z") == "z"


@pytest.mark.parametrize(
    ("per_metre", "name"),
    [(1, "metres"), (100, "centimetres"), (1000, "millimetres"), (39.37, "inches"), (17.7, "CMU units")],
)
def test_units_are_told_by_the_legs(per_metre, name, caplog):
    joints = walk()
    assert unit_name(leg_length(joints) * per_metre) == name
    np.testing.assert_allclose(to_metres(joints * per_metre, "walk.npz"), joints, rtol=2e-3)
    assert ("taken to be" in caplog.text) == (name != "metres")


@pytest.mark.parametrize(
    ("factor", "scale", "message"),
    [
        (1e5, None, r"walk\.npz: a leg is .* units long, which fits none of metres, centimetres"),
        (100, 1.0, r"walk\.npz: with scale 1 a leg is 82\.1 m long; give metres per unit, here about 0\.01,"),
        (0, None, r"walk\.npz: the legs have no length"),
    ],
)
def test_a_size_that_nobody_has_is_refused(factor, scale, message):
    with pytest.raises(DataError, match=message):
        to_metres(walk() * factor, "walk.npz", scale)


def test_exchanged_sides_are_refused(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk())
    names = path.read_text()
    path.write_text(names.replace("left_", "LEFT_").replace("right_", "left_").replace("LEFT_", "right_"))
    with pytest.raises(DataError, match=r"walk\.bvh: the toes point backwards, so left and right are exchanged"):
        read_bvh_clip(path)


def test_left_handed_axes_are_refused(tmp_path):
    mirrored = walk() * [-1, 1, 1]
    assert mirrored[0, list(MIRROR)].shape == (22, 3)
    with pytest.raises(DataError, match="axes are left-handed"):
        read_bvh_clip(write_bvh(tmp_path / "walk.bvh", mirrored))


def t_pose(joints):
    """The first pose with both arms held out."""
    pose = joints[0].copy()
    for side, chain in ((1, (16, 18, 20)), (-1, (17, 19, 21))):
        for upper, lower in pairwise(chain):
            length = np.linalg.norm(joints[0, lower] - joints[0, upper])
            pose[lower] = pose[upper] + [side * length, 0, 0]
    return pose[None]


@pytest.mark.parametrize("fps", [20, 30, 60, 120])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_rest_pose_in_front_is_found_at_any_rate(fps, count):
    joints = walk("a person walks", num_frames=fps, fps=fps)
    with_pose = np.concatenate([*[t_pose(joints)] * count, joints])
    assert lead_in(with_pose, fps) == count


@pytest.mark.parametrize("text", ["a person jumps", "a person kicks", "a person runs", "a person punches quickly"])
def test_lively_motions_have_no_rest_pose_in_front(text):
    assert lead_in(walk(text), 20.0) == 0
    assert smooth_parts(walk(text), 20.0, 2) == [(0, 40)]


def test_the_rest_pose_of_a_file_is_left_out_or_kept_as_asked(tmp_path):
    joints = walk()
    path = write_bvh(tmp_path / "walk.bvh", np.concatenate([t_pose(joints), joints]))
    np.testing.assert_allclose(read_bvh_clip(path).joints, joints, atol=1e-6)
    assert len(read_bvh_clip(path, skip_frames=0).joints) == 41
    assert len(read_bvh_clip(path, skip_frames=11).joints) == 30
    with pytest.raises(DataError, match="after the 40 skipped frames fewer than two of 41 are left"):
        read_bvh_clip(path, skip_frames=40)


def test_parts_are_cut_where_joints_jump():
    joints = walk(num_frames=60)
    joints[25:, 20] += [0, 2.0, 0]
    assert smooth_parts(joints, 20.0, 10) == [(0, 24), (26, 60)]
    assert smooth_parts(joints, 20.0, 30) == [(26, 60)]
