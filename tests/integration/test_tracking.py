"""Mirrors of a whole run, from the command line: they get everything and cannot stop the run."""

import shutil

import pytest

from .conftest import read_json, result_bytes, short_run


def lines(path):
    return path.read_text().splitlines()


def test_every_step_is_in_the_local_log_without_any_mirror(finished):
    log = "\n".join(lines(finished / "metrics.jsonl"))
    assert [f'"step": {n}' in log for n in range(1, 6)] == [True] * 4 + [False]
    assert '"guidance_loss"' in log
    assert log.count('"event": "stage"') >= 7
    assert not (finished / "wandb").exists()
    assert "mirrors" not in read_json(finished / "status.json")


def test_a_finished_run_is_mirrored_later_without_repeating_any_work(finished, tmp_path):
    pytest.importorskip("tensorboard", reason="needs latentman[tensorboard]")
    folder = shutil.copytree(finished, tmp_path / "run")
    done = short_run(folder, "logger.backends=[wandb_offline,tensorboard]")
    assert "tensorboard " in done.stderr + done.stdout
    assert len(list(folder.glob("wandb/offline-run-*/files/media/videos/**/*.mp4"))) == 2
    assert list(folder.glob("tensorboard/events.*"))
    assert {name: mirror["state"] for name, mirror in read_json(folder / "status.json")["mirrors"].items()} == {
        "wandb": "done", "tensorboard": "done",
    }  # fmt: skip
    assert result_bytes(folder) == result_bytes(finished)
    assert len(lines(folder / "metrics.jsonl")) == len(lines(finished / "metrics.jsonl"))


def test_a_mirror_that_cannot_be_opened_does_not_stop_the_run(finished, tmp_path):
    pytest.importorskip("tensorboard", reason="needs latentman[tensorboard]")
    folder = shutil.copytree(finished, tmp_path / "run")
    (folder / "tensorboard").write_text("in the way")
    done = short_run(folder, "logger=tensorboard")
    assert done.stderr.count("logger tensorboard failed") == 1
    assert read_json(folder / "status.json")["state"] == "done"
    assert result_bytes(folder) == result_bytes(finished)
