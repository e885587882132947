"""metrics.jsonl: every event once, whole lines only, nothing that is no longer true."""

import json

import pytest

from latentman.errors import RecordError
from latentman.record.metrics_log import LOG_FILE, MetricsLog


def lines(folder):
    return [json.loads(line) for line in (folder / LOG_FILE).read_text().splitlines()]


def test_an_event_is_on_disk_once_it_is_added(tmp_path):
    log = MetricsLog.open(tmp_path)
    assert not (tmp_path / LOG_FILE).exists()
    log.begin("denoise", "a")
    assert log.add("step", {"seconds": 1.5, "guidance_loss": 2.0}, stage="denoise", hash="a", step=1)
    (event,) = lines(tmp_path)
    assert event.pop("time")
    assert event == {
        "event": "step", "stage": "denoise", "hash": "a", "step": 1, "seconds": 1.5, "guidance_loss": 2.0,
    }  # fmt: skip
    assert MetricsLog.open(tmp_path).events == log.events


def test_a_continued_run_repeats_no_step(tmp_path):
    for first in (1, 2):
        log = MetricsLog.open(tmp_path)
        log.begin("denoise", "a")
        told = [log.add("step", {"seconds": float(first)}, stage="denoise", hash="a", step=n) for n in range(first, 4)]
    assert told == [False, False]
    assert [(event["step"], event["seconds"]) for event in lines(tmp_path)] == [(1, 1.0), (2, 1.0), (3, 1.0)]


def test_other_inputs_remove_the_events_of_a_stage_and_keep_other_stages(tmp_path):
    log = MetricsLog.open(tmp_path)
    for stage in ("motion", "denoise"):
        log.begin(stage, "a")
        log.add("stage", {"seconds": 1.0}, stage=stage, hash="a")
    log.begin("denoise", "b")
    assert [event["stage"] for event in lines(tmp_path)] == ["motion"]


def test_the_last_end_of_a_stage_and_the_last_scores_are_kept(tmp_path):
    log = MetricsLog.open(tmp_path)
    for value in (1.0, 2.0):
        assert log.add("stage", {"seconds": value}, stage="video", hash="a")
        assert log.add("scores", {"human_mse": value})
    assert [event.get("seconds", event.get("human_mse")) for event in lines(tmp_path)] == [2.0, 2.0]


@pytest.mark.parametrize("rest", ['{"event": "step", "st', '{"event": "step"}\n[1]\n', "\x00\n"])
def test_a_line_that_a_kill_cut_off_is_dropped_and_the_others_stay(tmp_path, rest):
    log = MetricsLog.open(tmp_path)
    log.add("step", {"seconds": 1.0}, stage="denoise", hash="a", step=1)
    with (tmp_path / LOG_FILE).open("a") as file:
        file.write(rest)
    again = MetricsLog.open(tmp_path)
    again.add("step", {"seconds": 2.0}, stage="denoise", hash="a", step=2)
    assert [event["step"] for event in lines(tmp_path) if "step" in event] == [1, 2]


def test_numbers_that_are_not_finite_are_null(tmp_path):
    MetricsLog.open(tmp_path).add("scores", {"a": float("nan"), "b": float("inf"), "c": None})
    (event,) = lines(tmp_path)
    assert (event["a"], event["b"], event["c"]) == (None, None, None)


def test_a_missing_folder_is_named(tmp_path):
    log = MetricsLog.open(tmp_path / "gone")
    with pytest.raises(RecordError, match=r"gone/metrics\.jsonl"):
        log.add("scores", {"a": 1.0})
