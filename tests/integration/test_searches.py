"""Searches for settings, of a tiny model: killed at a bad moment and continued, and what they leave."""

import json
import signal
import sys
import time

import pytest

from latentman.cli import main
from tests.factories.program import Program, tiny_settings

from .conftest import latentman, read_json, result_bytes

pytest.importorskip("optuna")

SPACE = ["hydra/sweeper=optuna", "pwg.delta=tag(log, interval(0.001, 0.1))", "hydra.sweeper.num_trials=3"]


def command(folder, *settings):
    return [*tiny_settings(num_frames=2), "-m", *SPACE, *settings, f"sweep_dir={folder}"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searches") / "whole"
    return folder, latentman(*command(folder), cwd=folder.parent)


def test_a_search_ends_with_its_jobs_its_front_and_its_plot(undisturbed):
    folder, done = undisturbed
    assert done.stdout.splitlines()[-1] == "3 jobs: 3 done"
    assert done.stderr.count("of 3 trials: pwg.delta=") == 3
    assert done.stderr.count("figure_contrast") == 3
    assert "trials that no other trial beats in every objective" in (folder / "table.md").read_text()
    assert (folder / "plots" / "search_front.png").is_file()
    assert (folder / "study.sqlite").is_file()


def test_a_killed_search_continues_and_ends_as_if_nothing_had_happened(undisturbed, tmp_path):
    whole, _ = undisturbed
    folder = tmp_path / "killed"
    process = Program(*command(folder), cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not list(folder.glob("01_*/status.json")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    first = next(folder.glob("00_*/status.json")).stat().st_mtime_ns
    again = latentman(*command(folder), cwd=tmp_path)
    assert "1 trials are done, 1 without a result to run again; 1 new ones to run" in again.stderr
    assert next(folder.glob("00_*/status.json")).stat().st_mtime_ns == first
    assert read_json(folder / "sweep.json")["jobs"] == [
        {**job, "overrides": [text.replace(str(whole), str(folder)) for text in job["overrides"]]}
        for job in read_json(whole / "sweep.json")["jobs"]
    ]
    for job in read_json(whole / "sweep.json")["jobs"]:
        assert result_bytes(folder / job["folder"]) == result_bytes(whole / job["folder"])


def test_values_that_come_again_are_not_run_again(tmp_path):
    lists = ["pwg.delta=0.01,0.02", "hydra.sweeper.num_trials=5"]
    done = latentman(*command(tmp_path / "few", *lists), cwd=tmp_path)
    assert done.stdout.count("H_MSE  ") <= 2
    assert done.stderr.count("of 5 trials:") == 5


def test_without_optuna_nothing_is_written_and_the_extra_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(["run", *command(tmp_path / "out")]) == 2
    assert "the package optuna is not installed: pip install 'latentman[optuna]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_study_is_a_message(undisturbed, tmp_path):
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "sweep.json").write_text(json.dumps(read_json(undisturbed[0] / "sweep.json")))
    (folder / "study.sqlite").write_bytes(b"no database")
    done = latentman(*command(folder), cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert f"{folder / 'study.sqlite'}: file is not a database; move it away to begin the search again" in done.stderr
    assert "Traceback" not in done.stderr
