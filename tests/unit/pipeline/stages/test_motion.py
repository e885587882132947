"""The motion stage on the user's own motion files."""

import numpy as np

from latentman.body.build import build as build_body
from latentman.body.skinning import rest_joints
from latentman.config import BodyConfig
from latentman.engine.compose import compose
from latentman.files.run_file import read_motion
from latentman.motion.recorded.settle import settle
from latentman.motion.skeleton import PARENTS
from latentman.pipeline.run import Run
from latentman.pipeline.stages.motion import make_motion, motion_of
from tests.unit.motion.bvh_files import walk, write_bvh


def made(tmp_path, *command):
    """Return what the motion stage writes for a command."""
    run = Run(compose(["num_frames=6", *command]), tmp_path, "a prompt", "a person moves", {}, lambda: None)
    make_motion(run, lambda done, total: None)
    return read_motion(tmp_path / "motion.npz")


def test_the_stage_reads_a_motion_file_and_cuts_it(tmp_path):
    joints = walk(num_frames=40)
    path = write_bvh(tmp_path / "walk.bvh", joints)
    motion = made(tmp_path, "motion=clip", f"motion.file={path}", "motion.start=4")
    assert (motion.fps, motion.text, motion.source) == (10.0, "a person moves", "clip walk.bvh")
    np.testing.assert_allclose(motion.joints, settle(joints)[4:15:2], atol=1e-5)


def test_the_stage_gives_rotations_the_bones_of_the_body(tmp_path):
    np.savez(tmp_path / "still.npz", poses=np.zeros((20, 72)), trans=np.zeros((20, 3)), mocap_framerate=20.0)
    motion = made(tmp_path, "motion=clip", f"motion.file={tmp_path}/still.npz", "body.shape=male")
    rest = rest_joints(build_body(BodyConfig(name="anny", shape="male")))[:22]
    bones = motion.joints[0, 1:] - motion.joints[0, list(PARENTS[1:])]
    expected = rest[1:] - rest[list(PARENTS[1:])]
    np.testing.assert_allclose(np.linalg.norm(bones, axis=-1), np.linalg.norm(expected, axis=-1), atol=1e-9)


def test_the_stage_lengthens_a_short_motion_as_configured(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk(num_frames=8))
    held = made(tmp_path, "motion=clip", f"motion.file={path}", "motion.if_short=hold")
    np.testing.assert_array_equal(held.joints[-1], held.joints[-2])
    looped = made(tmp_path, "motion=clip", f"motion.file={path}", "motion.if_short=loop")
    assert looped.joints[-1, 0, 2] > held.joints[-1, 0, 2] + 0.05


def test_a_motion_can_be_made_without_a_folder(tmp_path):
    config = compose(["num_frames=6"])
    run = Run(config, tmp_path, "a prompt", "a person walks", {}, lambda: None)
    make_motion(run, lambda done, total: None)
    written = read_motion(tmp_path / "motion.npz")
    np.testing.assert_array_equal(motion_of(config, run.characters[0]).joints, written.joints)
