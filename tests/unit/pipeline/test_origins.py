"""What motions and bodies are made from, and what is refused before the first stage."""

import pytest

from latentman.engine.compose import compose
from latentman.errors import ConfigError, RecordError, WeightsError
from latentman.pipeline.origins import check_character, motion_origins
from latentman.system.paths import file_digest


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


def test_a_missing_file_or_an_empty_folder_has_no_digest(tmp_path):
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


def test_a_motion_file_depends_on_its_file_its_rig_and_the_body(tmp_path):
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


def test_a_learned_motion_depends_on_its_checkpoint_and_the_files_next_to_it(tmp_path):
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


@pytest.mark.parametrize(("choice", "named"), [("motion=mld", "motion=mld"), ("body=smplx", "SMPLX_NEUTRAL.npz")])
def test_missing_files_of_motion_and_body_are_refused_before_the_first_stage(tmp_path, choice, named):
    config = compose([choice, f"paths.weights={tmp_path}"])
    with pytest.raises(WeightsError, match=named):
        check_character(config)
    check_character(compose([f"paths.weights={tmp_path}", "motion=mdm_mini"]))


def test_a_missing_motion_file_is_refused_before_the_first_stage(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        check_character(compose(["motion=clip", f"motion.file={tmp_path}/none.bvh"]))


def test_every_source_lists_the_user_files_that_its_settings_name(tmp_path):
    command = ["motion=gmd", f"paths.weights={tmp_path}", f"motion.trajectory={tmp_path}/path.npy"]
    (tmp_path / "gmd").mkdir()
    (tmp_path / "gmd" / "model000000001.pt").write_text("weights")
    (tmp_path / "path.npy").write_text("one")
    before = motion_origins(compose(command))
    assert set(before) == {"model000000001.pt", "trajectory", "body"}
    (tmp_path / "path.npy").write_text("two")
    assert motion_origins(compose(command)) != before


def test_a_procedural_motion_depends_on_no_file_even_if_a_setting_names_one(tmp_path):
    (tmp_path / "walk.bvh").write_text("one")
    assert motion_origins(compose([f"motion.file={tmp_path}/walk.bvh"])) == {"body": None}
