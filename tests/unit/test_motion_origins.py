"""What a motion is made from counts for whether it is made anew: the content of files, not their names alone."""

import pytest

from latentman.composition import compose
from latentman.errors import RecordError
from latentman.paths import file_digest
from latentman.stages import motion_origins


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


def test_a_procedural_motion_does_not_depend_on_the_body():
    assert motion_origins(compose(["body.shape=male"])) == motion_origins(compose([]))
