"""A run folder is opened only by the run that it belongs to, and nothing foreign in it is touched."""

import contextlib
import errno
import json
import os
from pathlib import Path

import pytest
import yaml

from latentman.config import with_defaults
from latentman.errors import RecordError
from latentman.record.run_folder import claim, differences, identity, is_of, write_config
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
@pytest.mark.parametrize(
    "left", [(), (LOCK_FILE,), (f"{PARTIAL}status-x.json",), (LOCK_FILE, f"{PARTIAL}status-x.json")]
)
def test_a_folder_whose_first_start_was_killed_is_taken_over(tmp_path, left, overwrite):
    for name in left:
        (tmp_path / name).touch()
    claim(tmp_path, CONFIG, overwrite=overwrite)
    assert {path.name for path in tmp_path.iterdir()} <= {LOCK_FILE, "status.json"}


def write_whole_config(folder, **changes):
    groups = {"setup": {"name": "mini"}, "sampler": {"name": "latentman"}, "motion": {"name": "procedural"}}
    config = with_defaults(CONFIG | groups | {"run_dir": None} | changes)
    write_config(folder, yaml.safe_dump(config))
    return config


def test_a_deleted_status_starts_the_run_again(tmp_path):
    config = write_whole_config(tmp_path)
    (tmp_path / "motion.npz").touch()
    assert claim(tmp_path, config, overwrite=False).status["stages"] == {}


def test_without_a_status_the_run_of_another_configuration_is_still_refused(tmp_path):
    config = write_whole_config(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(RecordError, match="seed is 1 there and 2 here"):
        claim(tmp_path, config | {"seed": 2}, overwrite=False)
    claim(tmp_path, config | {"seed": 2}, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "status.json"]


@pytest.mark.parametrize("text", ["a: 1", "[]", "\t", "setup: {name: mini}", "prompt: !!python/name:os.system x"])
def test_a_foreign_config_file_does_not_make_a_folder_a_runs(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(RecordError, match=r"no run wrote, such as config\.yaml"):
        claim(tmp_path, CONFIG, overwrite=True)


def stop_at(monkeypatch, calls):
    """Let the process "be killed" at the n-th removal or replacement: nothing that follows happens."""
    left = iter(range(calls))

    def counted(real):
        def call(*arguments, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return real(*arguments, **options)

        return call

    for owner, name in ((os, "unlink"), (os, "rmdir"), (Path, "unlink"), (Path, "replace")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


@pytest.mark.parametrize("calls", range(9))
def test_overwriting_can_be_killed_anywhere_and_given_again(tmp_path, monkeypatch, calls):
    claim(tmp_path, CONFIG, overwrite=False).update(state="done")
    (tmp_path / "frames").mkdir()
    for name in ("frames/000.png", "frames/001.png", "motion.npz", "notes.txt"):
        (tmp_path / name).touch()
    other = CONFIG | {"seed": 2}
    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
        stop_at(patched, calls)
        claim(tmp_path, other, overwrite=True)
    status = json.loads((tmp_path / "status.json").read_text())
    is_old = status["identity"]["seed"] == 1
    assert is_old == (status.get("state") == "done"), "a folder that is being cleared does not say that it is done"
    if status.get("clearing"):
        with pytest.raises(RecordError, match="set overwrite=true again"):
            claim(tmp_path, CONFIG, overwrite=False)
    claim(tmp_path, other, overwrite=is_old)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "status.json"]
    assert "clearing" not in json.loads((tmp_path / "status.json").read_text())


def test_a_damaged_status_can_be_overwritten(tmp_path):
    (tmp_path / "status.json").write_text("{")
    with pytest.raises(RecordError, match="delete it to start this run again"):
        claim(tmp_path, CONFIG, overwrite=False)
    claim(tmp_path, CONFIG, overwrite=True)


def test_a_file_that_cannot_be_removed_is_named(tmp_path, monkeypatch):
    claim(tmp_path, CONFIG, overwrite=False)
    (tmp_path / "motion.npz").touch()

    def unlink(path, missing_ok=False):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(RecordError, match=r"cannot be removed: Input/output error .*motion\.npz.*check the disk"):
        claim(tmp_path, CONFIG, overwrite=True)


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
