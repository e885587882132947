"""The local record: what is written is there for the next process, whole."""

import json

import pytest

from latentman import __version__
from latentman.errors import RecordError
from latentman.record.local import FORMAT, LaterFormatError, LocalRecord


def test_opening_writes_nothing_and_a_new_record_is_empty(tmp_path):
    record = LocalRecord.open(tmp_path / "run")
    assert record.status == {"stages": {}}
    assert not (tmp_path / "run").exists()


def test_every_change_is_on_disk_for_the_next_process(tmp_path):
    record = LocalRecord.open(tmp_path)
    record.update(state="running", prompt="Zoë [runs] = fast")
    record.begin("motion", "abc")
    assert LocalRecord.open(tmp_path).status["stage"] == "motion"
    assert LocalRecord.open(tmp_path).stage("motion")["state"] == "running"
    record.end("motion", seconds=1.5, peak_memory_bytes=1024)
    again = LocalRecord.open(tmp_path)
    assert again.status == record.status
    assert again.stage("motion") == {"state": "done", "hash": "abc", "seconds": 1.5, "peak_memory_bytes": 1024}
    assert again.status["stage"] is None
    assert again.stage("render") is None


def test_seconds_of_earlier_work_are_kept_only_for_the_same_inputs(tmp_path):
    record = LocalRecord.open(tmp_path)
    record.begin("denoise", "a")
    record.end("denoise", seconds=4.0, peak_memory_bytes=1)
    record.begin("denoise", "a")
    assert record.stage("denoise")["seconds"] == 4.0
    record.begin("denoise", "b")
    assert record.stage("denoise")["seconds"] is None


def test_unknown_fields_of_a_status_survive(tmp_path):
    (tmp_path / "status.json").write_text('{"future": [1, 2], "stages": {}}')
    LocalRecord.open(tmp_path).update(state="done")
    status = json.loads((tmp_path / "status.json").read_text())
    assert status == {"future": [1, 2], "stages": {}, "state": "done", "format": FORMAT}


def test_a_record_of_a_later_version_is_refused_and_both_versions_are_named(tmp_path):
    text = json.dumps({"format": FORMAT + 1, "stages": {}, "versions": {"latentman": "9.8.7"}})
    (tmp_path / "status.json").write_text(text)
    with pytest.raises(LaterFormatError, match=rf"format {FORMAT + 1}.*9\.8\.7.*{__version__}"):
        LocalRecord.open(tmp_path)
    assert (tmp_path / "status.json").read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        '{"format": "x"}',
        '{"format": 0}',
        "",
        "{",
        '{"state": "done"',
        "[1]",
        '{"stages": [1]}',
        '{"stages": {"a": 1}}',
        "\x00\xff",
    ],
)
def test_a_damaged_status_says_what_to_do(tmp_path, text):
    (tmp_path / "status.json").write_text(text, encoding="latin-1")
    with pytest.raises(RecordError, match=r"status\.json.*delete (it|the file)"):
        LocalRecord.open(tmp_path)


def test_metrics_are_written_and_infinite_ones_refused(tmp_path):
    record = LocalRecord.open(tmp_path)
    record.write_metrics({"human_mse": 1.25, "warp_error": None})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"human_mse": 1.25, "warp_error": None}
    with pytest.raises(RecordError, match="not finite"):
        record.write_metrics({"human_mse": float("nan")})
    assert json.loads((tmp_path / "metrics.json").read_text())["human_mse"] == 1.25


def test_a_stage_that_never_began_cannot_end(tmp_path):
    with pytest.raises(RecordError, match="never begun"):
        LocalRecord.open(tmp_path).end("video", seconds=1.0, peak_memory_bytes=1)
