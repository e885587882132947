"""Locks hold between processes and end with them."""

import errno
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
from filelock import lock_descriptor, unlock_descriptor

from latentman.errors import RecordError
from latentman.system import locks
from latentman.system.locks import LOCK_FILE, is_locked, locked, waited_for

HOLD = (
    "import sys; from pathlib import Path; from latentman.system.locks import locked\nwith locked(Path(sys.argv[1])):\n"
)
HOLD += "    (Path(sys.argv[1]) / 'held').touch(); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def holder(tmp_path, command_environment):
    """Another process that holds a folder."""
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        env=command_environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield folder, process
    process.kill()
    process.communicate()


def test_a_folder_in_use_is_refused_by_the_name_of_its_key(holder):
    folder, _ = holder
    assert is_locked(folder)
    with pytest.raises(RecordError, match=r"sweep_dir=.*another process is working in it"), locked(folder, "sweep_dir"):
        pass


def test_a_lock_ends_with_its_process_however_that_ends(holder):
    folder, process = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not is_locked(folder)
    with locked(folder):
        assert is_locked(folder)
    assert not is_locked(folder)


def test_a_folder_without_a_lock_is_not_locked(tmp_path):
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "absent")


def test_a_probe_of_a_lock_does_not_keep_a_run_out(tmp_path):
    (tmp_path / LOCK_FILE).touch()
    with (tmp_path / LOCK_FILE).open() as probing:
        assert lock_descriptor(probing.fileno(), blocking=False)
        process = multiprocessing.get_context("spawn").Process(target=_lock, args=(tmp_path,))
        process.start()
        time.sleep(0.2)
        unlock_descriptor(probing.fileno())
        process.join()
    assert process.exitcode == 0


def _lock(folder):
    with locked(folder):
        pass


def test_a_refused_run_leaves_a_folder_as_it_was(tmp_path):
    folder = tmp_path / "new"
    with pytest.raises(KeyError), locked(folder):
        raise KeyError
    assert not folder.exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with locked(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine" / "notes.txt").exists()


def test_a_folder_that_is_removed_while_it_is_held_is_not_an_error(tmp_path):
    import shutil

    with locked(tmp_path / "run"):
        shutil.rmtree(tmp_path / "run")


def test_waiting_in_vain_is_reported_and_a_lock_is_removed_after_use(tmp_path):
    lock = tmp_path / "x.lock"
    with waited_for(lock, 0) as is_held, waited_for(lock, 0.2) as is_held_too:
        assert (is_held, is_held_too) == (True, False)
    assert not lock.exists()


def _count(folder, rounds):
    """Add one to a number in a file, again and again, with time between reading and writing for others to interfere."""
    for _ in range(rounds):
        with waited_for(folder / "x.lock", 60) as is_held:
            assert is_held
            number = int((folder / "number").read_text())
            time.sleep(0.001)
            (folder / "number").write_text(str(number + 1))


@pytest.mark.slow
def test_one_process_at_a_time_holds_a_lock_that_is_removed_after_each_use(tmp_path):
    (tmp_path / "number").write_text("0")
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_count, args=(tmp_path, 15)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0, 0]
    assert (tmp_path / "number").read_text() == "60"


def test_a_probe_creates_nothing_and_takes_nothing_away(tmp_path):
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / LOCK_FILE).touch()
    assert not is_locked(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]


def test_a_lock_file_that_lost_its_name_is_not_held(tmp_path):
    """Three processes: the first removes the lock file while the second waits for it; a third must then not get in."""
    lock = tmp_path / "x.lock"
    with waited_for(lock, 0) as first:
        assert first
        descriptor = os.open(lock, os.O_RDWR)  # the second has opened the file
    assert not lock.exists()
    with waited_for(lock, 0) as third:
        assert third
        assert lock_descriptor(descriptor, blocking=False), "the old file is free, and worth nothing"
        with waited_for(lock, 0) as fourth:
            assert not fourth
    os.close(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="flock is Unix's")
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
def test_where_the_file_system_has_no_locks_work_starts_with_one_warning(tmp_path, monkeypatch, caplog, code):
    def flock(descriptor, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    locks._warn_of_missing_locks.cache_clear()
    with caplog.at_level(logging.WARNING):
        for name in ("a", "b"):
            with locked(tmp_path / name):
                assert not is_locked(tmp_path / name), "a job that died must be able to run again"
                (tmp_path / name / "result").touch()
        with waited_for(tmp_path / "x.lock", 0) as is_held:
            assert is_held
    (record,) = caplog.records
    assert "this file system has no locks" in record.getMessage()
    assert not (tmp_path / "x.lock").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="flock is Unix's")
def test_any_other_error_of_a_lock_names_the_folder(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(RecordError, match=r"cannot write to run_dir=.*Input/output error"), locked(tmp_path / "run"):
        pass
    (tmp_path / LOCK_FILE).touch()
    assert is_locked(tmp_path), "unknown counts as locked"


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="cannot write to sweep_dir="), locked(tmp_path / "file" / "run", "sweep_dir"):
        pass
    with pytest.raises(FileNotFoundError), waited_for(tmp_path / "absent" / "x.lock", 0):
        pass
