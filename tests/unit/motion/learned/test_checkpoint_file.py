import os

import pytest

from latentman.config import MotionConfig
from latentman.errors import WeightsError
from latentman.motion.learned.checkpoint_file import files_behind, find_checkpoint
from tests.factories.motion_checkpoints import (
    write_mdm,
    write_statistics,
)


@pytest.mark.parametrize("family", ["mdm", "mld", "gmd"])
def test_a_missing_checkpoint_is_reported_with_the_searched_folder_and_instructions(tmp_path, family):
    with pytest.raises(WeightsError) as caught:
        find_checkpoint(family, None, tmp_path)
    message = str(caught.value)
    assert f"there is no checkpoint in {tmp_path / family}" in message
    assert "github.com/" in message
    assert "licence asks for registration" in message
    assert "motion.checkpoint" in message
    assert "needs no SMPL" in message


def test_a_configured_checkpoint_that_is_missing_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"motion.checkpoint=nowhere/x.pt: .*nowhere/x.pt is missing"):
        find_checkpoint("mdm", "nowhere/x.pt", tmp_path)
    with pytest.raises(WeightsError, match=r"holds no \*\.ckpt"):
        find_checkpoint("mld", str(tmp_path), tmp_path)
    with pytest.raises(
        WeightsError, match=r"motion.checkpoint=asset:no-such-model: .* ships with latentman: reinstall"
    ):
        find_checkpoint("mdm", "asset:no-such-model", tmp_path)


def test_the_newest_folder_is_used_and_in_it_the_highest_number(tmp_path):
    for age, name in enumerate(["new", "old"]):
        folder = tmp_path / "mdm" / name
        folder.mkdir(parents=True)
        for file in ("model000100000.pt", "model000200000.pt", "opt000300000.pt"):
            (folder / file).write_bytes(b"")
            os.utime(folder / file, (1000 - age, 1000 - age))
    assert find_checkpoint("mdm", None, tmp_path) == tmp_path / "mdm" / "new" / "model000200000.pt"
    assert find_checkpoint("mdm", str(tmp_path / "mdm" / "old"), tmp_path).parent.name == "old"


def test_the_files_behind_a_motion_are_the_files_that_are_read(tmp_path):
    write_mdm(tmp_path / "mdm" / "a")
    (tmp_path / "mdm" / "a" / "notes.txt").write_text("not read", encoding="utf-8")
    write_statistics(tmp_path / "humanml3d")
    names = [str(path.relative_to(tmp_path)) for path in files_behind(MotionConfig(name="mdm"), tmp_path)]
    assert names[0] == "mdm/a/model000200000.pt"
    beside = ["humanml3d/Mean.npy", "humanml3d/Std.npy", "mdm/a/Mean.npy", "mdm/a/Std.npy", "mdm/a/args.json"]
    assert names[1:] == beside
    assert files_behind(MotionConfig(name="procedural"), tmp_path) == []
    with pytest.raises(WeightsError, match="there is no checkpoint"):
        files_behind(MotionConfig(name="gmd"), tmp_path)


def test_mlds_file_may_be_in_the_family_folder_itself(tmp_path):
    (tmp_path / "mld").mkdir()
    (tmp_path / "mld" / "a.ckpt").write_bytes(b"")
    assert find_checkpoint("mld", None, tmp_path).name == "a.ckpt"
