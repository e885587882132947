"""The rest pose in front of a recording, and jumps of the tracking."""

from itertools import pairwise

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.motion.recorded.bvh_clip import read_bvh_clip
from latentman.motion.recorded.glitches import lead_in, smooth_parts
from tests.factories.motion_clips import person
from tests.unit.motion.bvh_files import write_bvh


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
    joints = person("a person walks", num_frames=fps, fps=fps)
    with_pose = np.concatenate([*[t_pose(joints)] * count, joints])
    assert lead_in(with_pose, fps) == count


@pytest.mark.parametrize("text", ["a person jumps", "a person kicks", "a person runs", "a person punches quickly"])
def test_lively_motions_have_no_rest_pose_in_front(text):
    assert lead_in(person(text), 20.0) == 0
    assert smooth_parts(person(text), 20.0, 2) == [(0, 40)]


def test_the_rest_pose_of_a_file_is_left_out_or_kept_as_asked(tmp_path):
    joints = person()
    path = write_bvh(tmp_path / "walk.bvh", np.concatenate([t_pose(joints), joints]))
    np.testing.assert_allclose(read_bvh_clip(path).joints, joints, atol=1e-6)
    assert len(read_bvh_clip(path, skip_frames=0).joints) == 41
    assert len(read_bvh_clip(path, skip_frames=11).joints) == 30
    with pytest.raises(DataError, match="after the 40 skipped frames fewer than two of 41 are left"):
        read_bvh_clip(path, skip_frames=40)


def test_parts_are_cut_where_joints_jump():
    joints = person(num_frames=60).copy()
    joints[25:, 20] += [0, 2.0, 0]
    assert smooth_parts(joints, 20.0, 10) == [(0, 24), (26, 60)]
    assert smooth_parts(joints, 20.0, 30) == [(26, 60)]
