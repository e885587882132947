"""Nine files, each with one feature that real files have, come out right: see tests/data/motion/README.md."""

from pathlib import Path

import numpy as np
import pytest

from latentman.motion.humanml3d import heading
from latentman.motion.plausible.finding import angle, turned
from latentman.motion.plausible.posture import piece_rotations
from latentman.motion.rotations import unit
from latentman.motion.skeleton import HEAD, PELVIS, SHOULDERS
from tests.factories.motion_clips import read_clip

FILES = Path(__file__).parents[3] / "data" / "motion"


def height(motion, joint):
    return float(motion.joints[:, joint, 1].mean())


def travelled(motion):
    return motion.joints[-1, PELVIS] - motion.joints[0, PELVIS]


@pytest.mark.parametrize("name", ["collars_one_point.bvh", "biovision_collars_at_neck.bvh"])
def test_the_chest_turns_with_the_shoulders_where_collars_share_a_point(name, caplog):
    joints = read_clip(FILES / name).joints
    chest = piece_rotations(joints, "chest")
    assert angle(chest[:, :, 0], unit(joints[:, SHOULDERS[0]] - joints[:, SHOULDERS[1]])).max() < 10
    assert turned(chest[:-1], chest[1:]).max() < 10
    assert np.degrees(heading(joints)[-1]) == pytest.approx(120, abs=2)
    assert not caplog.records


def test_a_file_whose_y_points_down_stands_and_says_so(caplog):
    motion = read_clip(FILES / "y_down.bvh")
    assert height(motion, HEAD) == pytest.approx(1.6, abs=0.05)
    assert height(motion, PELVIS) == pytest.approx(0.93, abs=0.05)
    assert travelled(motion)[2] > 1
    assert "the body stands along -Y" in caplog.text
    assert "motion.up" in caplog.text


def test_a_lying_body_in_a_z_up_file_lies(caplog):
    motion = read_clip(FILES / "lying_z_up.bvh")
    assert motion.joints[:, HEAD, 1].max() < 0.5
    assert height(motion, PELVIS) == pytest.approx(0.15, abs=0.02)
    assert "taken to be Z up" in caplog.text
    assert "set motion.up=y" in caplog.text
    assert height(read_clip(FILES / "lying_z_up.bvh", up="y"), HEAD) > 1.5
    np.testing.assert_array_equal(read_clip(FILES / "lying_z_up.bvh", up="z").joints, motion.joints)


def test_a_left_handed_file_walks_forward_and_names_the_option(caplog):
    motion = read_clip(FILES / "joints_left_handed.npz")
    assert travelled(motion)[2] > 1
    assert "motion.mirror=axes" in caplog.text
    assert "motion.mirror=sides" in caplog.text


def test_poses_in_camera_axes_stand(caplog):
    motion = read_clip(FILES / "smpl_poses_camera_y_down.npz")
    assert height(motion, HEAD) == pytest.approx(1.66, abs=0.03)
    assert "the body stands along -Y" in caplog.text


def test_a_rate_in_an_array_is_a_rate(caplog):
    motion = read_clip(FILES / "amass_rate_as_array.npz")
    assert (motion.fps, len(motion.joints)) == (20.0, 20)
    assert height(motion, HEAD) == pytest.approx(1.66, abs=0.03)
    assert not caplog.records


def test_a_frame_time_of_a_second_is_doubted(caplog):
    assert len(read_clip(FILES / "frame_time_1s.bvh").joints) == 381
    assert "1 frames a second (Frame Time: 1.0 in line 134) is implausible" in caplog.text
    assert "motion.file_fps" in caplog.text
    caplog.clear()
    assert len(read_clip(FILES / "frame_time_1s.bvh", file_fps=20.0).joints) == 20
    assert not caplog.records


def test_a_blank_line_below_motion_is_as_if_it_were_not_there(caplog, tmp_path):
    text = (FILES / "blank_line_after_motion.bvh").read_text()
    (tmp_path / "without.bvh").write_text(text.replace("MOTION\n\n", "MOTION\n"))
    np.testing.assert_array_equal(
        read_clip(FILES / "blank_line_after_motion.bvh").joints, read_clip(tmp_path / "without.bvh").joints
    )
    assert not caplog.records
