"""The motion stage on files of the user's own, and what of them counts for whether it is made anew."""

import numpy as np
import pytest

from latentman.body.build import build as build_body
from latentman.body.skinning import rest_joints
from latentman.config import BodyConfig
from latentman.engine.compose import compose
from latentman.errors import ConfigError, RecordError, WeightsError
from latentman.motion.recorded.settle import settle
from latentman.motion.skeleton import PARENTS
from latentman.pipeline.origins import check_character, motion_origins
from latentman.pipeline.run import Run
from latentman.pipeline.stages import make_motion
from latentman.system.paths import file_digest, read_npz
from latentman.types import Motion
from tests.unit.motion.bvh_files import walk, write_bvh


def test_a_digest_follows_the_content_of_a_file(tmp_path):
    path = tmp_path / "walk.bvh"
    path.write_text("one")
    first = file_digest(path)
    path.write_text("two")
    second = file_digest(path)
    path.write_text("one")
    assert first == file_digest(path) != second
    assert len(first) == 16


def test_a_digest_follows_the_files_of_a_folder_and_their_names(tmp_path):
    folder = tmp_path / "model"
    (folder / "part").mkdir(parents=True)
    (folder / "part" / "a.pt").write_text("one")
    first = file_digest(folder)
    (folder / "part" / "a.pt").rename(folder / "part" / "b.pt")
    renamed = file_digest(folder)
    (folder / "args.json").write_text("{}")
    assert len({first, renamed, file_digest(folder)}) == 3


def test_nothing_has_no_digest(tmp_path):
    (tmp_path / "empty").mkdir()
    assert file_digest(tmp_path / "nothing.bvh") is None
    assert file_digest(tmp_path / "empty") is None


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "walk.bvh"
    path.write_text("one")

    def refuse(self, *arguments, **keywords):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(RecordError, match=r"cannot read .*walk\.bvh: Permission denied"):
        file_digest(path)


def test_a_clip_depends_on_its_file_its_rig_and_the_body(tmp_path):
    (tmp_path / "walk.bvh").write_text("one")
    (tmp_path / "rig.yaml").write_text("one")
    command = ["motion=clip", f"motion.file={tmp_path}/walk.bvh", f"motion.rig={tmp_path}/rig.yaml"]
    before = motion_origins(compose(command))
    assert before["file"]
    assert before["rig"]
    assert motion_origins(compose(command)) == before
    (tmp_path / "rig.yaml").write_text("two")
    assert motion_origins(compose(command)) != before
    (tmp_path / "rig.yaml").write_text("one")
    assert motion_origins(compose([*command, "body.shape=male"])) != before
    (tmp_path / "walk.bvh").write_text("two")
    assert motion_origins(compose(command)) != before


def test_a_learned_motion_depends_on_its_checkpoint_and_what_lies_beside_it(tmp_path):
    folder = tmp_path / "mdm" / "mine"
    folder.mkdir(parents=True)
    (folder / "model000000001.pt").write_text("one")
    (folder / "args.json").write_text("{}")
    command = ["motion=mdm", f"paths.weights={tmp_path}"]
    before = motion_origins(compose(command))
    assert motion_origins(compose([*command, f"motion.checkpoint={folder}"])) == before
    (folder / "args.json").write_text("{ }")
    beside = motion_origins(compose(command))
    (folder / "model000000001.pt").write_text("two")
    assert len({str(x) for x in (before, beside, motion_origins(compose(command)))}) == 3


def test_a_learned_motion_without_a_checkpoint_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(WeightsError, match=r"motion=mdm: there is no checkpoint in"):
        motion_origins(compose(["motion=mdm", f"paths.weights={tmp_path}"]))


def test_a_procedural_motion_does_not_depend_on_the_body():
    assert motion_origins(compose(["body.shape=male"])) == motion_origins(compose([]))


def made(tmp_path, *command):
    """Return what the motion stage writes for a command."""
    run = Run(compose(["num_frames=6", *command]), tmp_path, "a prompt", "a person moves", {}, lambda: None)
    make_motion(run, lambda done, total: None)
    return Motion.from_arrays(read_npz(tmp_path / "motion.npz"))


def test_the_stage_reads_a_clip_and_cuts_it(tmp_path):
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


def test_the_stage_lengthens_a_short_clip_as_told(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk(num_frames=8))
    held = made(tmp_path, "motion=clip", f"motion.file={path}", "motion.if_short=hold")
    np.testing.assert_array_equal(held.joints[-1], held.joints[-2])
    looped = made(tmp_path, "motion=clip", f"motion.file={path}", "motion.if_short=loop")
    assert looped.joints[-1, 0, 2] > held.joints[-1, 0, 2] + 0.05


@pytest.mark.parametrize(("choice", "named"), [("motion=mld", "motion=mld"), ("body=smplx", "SMPLX_NEUTRAL.npz")])
def test_missing_files_of_motion_and_body_are_found_out_before_the_first_stage(tmp_path, choice, named):
    config = compose([choice, f"paths.weights={tmp_path}"])
    with pytest.raises(WeightsError, match=named):
        check_character(config)
    check_character(compose([f"paths.weights={tmp_path}", "motion=mdm_mini"]))


def test_a_missing_clip_is_found_out_before_the_first_stage(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        check_character(compose(["motion=clip", f"motion.file={tmp_path}/none.bvh"]))
