"""Locks hold between processes and end with them."""

import multiprocessing
import signal
import subprocess
import sys
import time

import pytest

from latentman.errors import RecordError
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


def test_whoever_asks_does_not_keep_a_run_out(tmp_path):
    import fcntl

    with locked(tmp_path):
        pass
    (tmp_path / LOCK_FILE).touch()
    with (tmp_path / LOCK_FILE).open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        process = multiprocessing.get_context("spawn").Process(target=_lock, args=(tmp_path,))
        process.start()
        time.sleep(0.2)
        fcntl.flock(asking, fcntl.LOCK_UN)
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


def test_a_folder_that_was_taken_away_meanwhile_is_no_error(tmp_path):
    import shutil

    with locked(tmp_path / "run"):
        shutil.rmtree(tmp_path / "run")


def test_waiting_in_vain_says_so_and_a_lock_is_removed_after_use(tmp_path):
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
