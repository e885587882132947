"""The events of one run: what mirrors receive, in which order, and how they end."""

import subprocess
import sys

import pytest

from latentman.config.logger import LoggerConfig
from latentman.errors import DataError
from latentman.record.local import LocalRecord
from latentman.record.metrics_log import LOG_FILE
from latentman.tracking.multi import OPENERS
from latentman.tracking.protocol import TrackedRun
from latentman.tracking.run_tracking import grouped, tracked
from tests.factories.tracking import Recorder, broken

METRICS = {
    "human_mse": 5.0, "seconds_total": 2.0, "clip": None, "clip_reason": "no weights", "inf": float("inf"),
    "per_pair": {"human_mse": [4.0, 6.0], "flicker": [1.0]},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _openers(monkeypatch):
    Recorder.opened.clear()
    monkeypatch.setitem(OPENERS, "trackio", (Recorder.__module__, "Recorder"))


def track(folder, record, backends=("trackio",), **settings):
    cfg = LoggerConfig(name="x", backends=list(backends), **settings)
    return tracked(cfg, TrackedRun(folder, "id", "run", "group", "generate"), record, {"seed": 1})


def work(tracking, record, steps=(1, 2)):
    record.observer = tracking
    record.begin("denoise", "a")
    for step in steps:
        tracking.step("denoise", step, {"seconds": 1.0, "guidance_loss": float("nan")})
    record.end("denoise", seconds=2.0, peak_memory_bytes=7)


def test_a_mirror_receives_steps_stages_scores_series_and_videos(tmp_path):
    (tmp_path / "video.mp4").write_bytes(b"x")
    record = LocalRecord.open(tmp_path)
    with track(tmp_path, record, max_videos=3) as tracking:
        work(tracking, record)
        tracking.scores(METRICS, "a walk")
        assert tracking.closing_lines() == ["trackio nowhere"]
    (mirror,) = Recorder.opened
    assert mirror.calls == [
        ("config", {"seed": 1}),
        ("metrics", {"denoise/seconds": 1.0}, 1),
        ("metrics", {"denoise/seconds": 1.0}, 2),
        ("metrics", {"seconds/denoise": 2.0, "peak_memory/denoise": 7}, None),
        ("metrics", {"scores/human_mse": 5.0, "seconds/total": 2.0}, None),
        (
            "table", "per_pair", ["metric", "index", "value"],
            [["human_mse", 0, 4.0], ["human_mse", 1, 6.0], ["flicker", 0, 1.0]],
        ),
        ("video", "video", tmp_path / "video.mp4", "a walk"),
        ("finish", "done"),
    ]  # fmt: skip
    assert LocalRecord.open(tmp_path).status["mirrors"] == {"trackio": {"state": "done", "place": "nowhere"}}


def test_no_more_videos_than_configured_are_sent(tmp_path):
    for name in ("video.mp4", "correspondence.mp4"):
        (tmp_path / name).write_bytes(b"x")
    for number, expected in ((0, []), (1, ["video"]), (2, ["video", "correspondence"])):
        with track(tmp_path, LocalRecord.open(tmp_path), max_videos=number) as tracking:
            tracking.open()
            tracking.scores(METRICS, "")
        assert [name for name, *_ in Recorder.opened[-1].of("video")] == expected


@pytest.mark.parametrize(
    ("error", "status"),
    [(DataError("x"), "failed"), (ZeroDivisionError(), "failed"), (KeyboardInterrupt(), "interrupted")],
)
def test_a_mirror_ends_with_the_status_of_the_run_and_the_error_is_raised(tmp_path, error, status):
    record = LocalRecord.open(tmp_path)

    def fail():
        with track(tmp_path, record) as tracking:
            tracking.begin("denoise", "a")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert Recorder.opened[0].calls[-1] == ("finish", status)
    assert record.status["mirrors"]["trackio"]["state"] == status


def test_a_requeued_run_sends_each_step_once(tmp_path):
    for steps in ((1, 2), (2, 3)):
        record = LocalRecord.open(tmp_path)
        with track(tmp_path, record) as tracking:
            work(tracking, record, steps)
    told = [step for mirror in Recorder.opened for values, step in mirror.of("metrics") if "denoise/seconds" in values]
    assert told == [1, 2, 3]


def test_a_mirror_added_later_receives_earlier_events(tmp_path):
    record = LocalRecord.open(tmp_path)
    with track(tmp_path, record, backends=[]) as tracking:
        work(tracking, record)
        tracking.scores(METRICS, "")
    record.update(state="done")
    with track(tmp_path, record) as tracking:
        tracking.scores(METRICS, "")
    (mirror,) = Recorder.opened
    assert [step for _, step in mirror.of("metrics")] == [1, 2, None, None]
    assert mirror.calls[-1] == ("finish", "done")
    assert len((tmp_path / LOG_FILE).read_text().splitlines()) == 4


def test_a_finished_and_mirrored_run_opens_nothing_again(tmp_path):
    for _ in range(2):
        record = LocalRecord.open(tmp_path)
        with track(tmp_path, record) as tracking:
            tracking.scores(METRICS, "")
        record.update(state="done")
    assert len(Recorder.opened) == 1


def test_a_mirror_that_always_raises_leaves_the_record_complete(tmp_path, monkeypatch, caplog):
    module = sys.modules[Recorder.__module__]
    everywhere = broken("log_config", "log_metrics", "log_table", "log_video", "log_file", "finish")
    monkeypatch.setattr(module, "Everywhere", everywhere, raising=False)
    monkeypatch.setitem(OPENERS, "tensorboard", (Recorder.__module__, "Everywhere"))
    record = LocalRecord.open(tmp_path)
    with track(tmp_path, record, backends=["tensorboard", "trackio"]) as tracking:
        work(tracking, record)
        tracking.scores(METRICS, "")
    assert [mirror["state"] for mirror in record.status["mirrors"].values()] == ["off", "done"]
    assert len(caplog.records) == 1
    assert len((tmp_path / LOG_FILE).read_text().splitlines()) == 4


def test_without_mirrors_no_tracker_is_imported(tmp_path, command_environment):
    code = f"""
import sys
from pathlib import Path
from latentman.engine import runner
from latentman.config.logger import LoggerConfig
from latentman.record.local import LocalRecord
from latentman.tracking.multi import check_installed
from latentman.tracking.protocol import TrackedRun
from latentman.tracking.run_tracking import tracked
folder = Path({str(tmp_path)!r})
cfg, record = LoggerConfig(name="local"), LocalRecord.open(folder)
check_installed(cfg)
with tracked(cfg, TrackedRun(folder, "id", "run", "group", "generate"), record, {{}}) as tracking:
    tracking.begin("motion", "a")
    tracking.step("motion", 1, {{"seconds": 1.0}})
    tracking.scores({{"human_mse": 1.0}}, "")
assert not {{"wandb", "tensorboard", "trackio"}} & set(sys.modules)
assert "mirrors" not in record.status
"""
    done = subprocess.run([sys.executable, "-c", code], env=command_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / LOG_FILE).read_text().splitlines()) == 2


def test_trackers_show_costs_and_scores_in_groups():
    numbers = {"seconds_motion": 1.0, "seconds_total": 2.0, "peak_memory_bytes": 3.0, "peak_memory_bytes_body": 4.0}
    assert grouped({**numbers, "human_mse": 5.0}) == {
        "seconds/motion": 1.0, "seconds/total": 2.0, "peak_memory/total": 3.0, "peak_memory/body": 4.0,
        "scores/human_mse": 5.0,
    }  # fmt: skip
