"""A run folder is opened only by the run that it belongs to, and nothing foreign in it is touched."""

import json

import pytest

from latentman.config import with_defaults
from latentman.errors import RecordError
from latentman.record.run_folder import claim, differences, identity, is_of
from latentman.system.locks import LOCK_FILE
from latentman.system.paths import PARTIAL

CONFIG = with_defaults({"prompt": "a cat", "seed": 1, "threads": 2})


@pytest.mark.parametrize("prepare", [lambda folder: None, lambda folder: folder.mkdir()])
def test_a_new_and_an_empty_folder_are_claimed(tmp_path, prepare):
    prepare(tmp_path / "run")
    claim(tmp_path / "run", CONFIG, overwrite=False)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["identity"]["prompt"] == "a cat"


def test_a_lock_does_not_make_a_folder_foreign(tmp_path):
    (tmp_path / LOCK_FILE).touch()
    claim(tmp_path, CONFIG, overwrite=False)


def test_the_same_run_is_continued_and_its_partial_files_are_removed(tmp_path):
    claim(tmp_path, CONFIG, overwrite=False).update(state="interrupted")
    (tmp_path / f"{PARTIAL}x").touch()
    record = claim(tmp_path, CONFIG | {"threads": 8}, overwrite=False)
    assert record.status["state"] == "interrupted"
    assert not (tmp_path / f"{PARTIAL}x").exists()
    assert is_of(record.status, CONFIG)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_foreign_files_is_refused_and_left_alone(tmp_path, overwrite):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RecordError, match=r"no run wrote, such as thesis\.tex; choose another folder"):
        claim(tmp_path, CONFIG, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="is a file; choose a folder"):
        claim(tmp_path / "file", CONFIG, overwrite=True)


def test_another_configuration_is_refused_with_the_keys_that_differ(tmp_path):
    claim(tmp_path, CONFIG, overwrite=False)
    before = (tmp_path / "status.json").read_bytes()
    with pytest.raises(RecordError, match=r"seed is 1 there and 2 here\n.*overwrite=true"):
        claim(tmp_path, CONFIG | {"seed": 2}, overwrite=False)
    assert (tmp_path / "status.json").read_bytes() == before


def test_overwrite_removes_what_runs_write_and_nothing_else(tmp_path):
    claim(tmp_path, CONFIG, overwrite=False)
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "000.png").touch()
    (tmp_path / "notes.txt").touch()
    claim(tmp_path, CONFIG | {"seed": 2}, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "status.json"]


def test_differences_name_the_dotted_key():
    assert differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4}) == [
        "a.c is 2 there and 3 here", "d is None there and 4 here",
    ]  # fmt: skip


def test_threads_are_not_part_of_the_identity():
    assert identity(CONFIG) == identity(CONFIG | {"threads": 8}) != identity(CONFIG | {"seed": 2})
