"""Whatever a tracker does, the run continues, the others receive everything, and one warning names it."""

import logging
import sys
import threading

import pytest

from latentman.config.logger import BACKENDS, LoggerConfig
from latentman.errors import MissingExtraError
from latentman.tracking import multi
from latentman.tracking.multi import OPENERS, MultiLogger, check_installed, patience_of
from tests.factories.tracking import Recorder, broken

EVERYWHERE = ("log_config", "log_metrics", "log_table", "log_video", "log_file", "finish")


def use_all(mirrors, folder):
    mirrors.log_config({"seed": 1})
    mirrors.log_metrics({"denoise/seconds": 1.0}, 1)
    mirrors.log_metrics({"human_mse": 1.0})
    mirrors.log_table("per_pair", ["a"], [[1]])
    mirrors.log_video("video", folder / "video.mp4", "a walk")
    mirrors.log_file("gallery", folder / "gallery.html")
    mirrors.finish("done")


@pytest.mark.parametrize("where", [("init",), EVERYWHERE, *((name,) for name in EVERYWHERE)], ids="-".join)
def test_a_tracker_that_raises_is_switched_off_with_one_warning_and_others_get_everything(tmp_path, caplog, where):
    with caplog.at_level(logging.WARNING, logger="latentman.tracking"):
        mirrors = MultiLogger.open({"wandb": broken(*where), "trackio": Recorder})
        good = mirrors.trackers["trackio"]
        use_all(mirrors, tmp_path)
    (record,) = caplog.records
    assert "logger wandb failed" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert mirrors.states == {"wandb": "off", "trackio": "done"}
    assert [call[0] for call in good.calls] == ["config", "metrics", "metrics", "table", "video", "file", "finish"]


@pytest.mark.parametrize("where", ["init", "log_metrics", "finish"])
def test_a_tracker_that_ends_the_process_or_hangs_is_switched_off(tmp_path, caplog, where):
    stop = threading.Event()

    def make(do):
        class Bad(Recorder):
            def __init__(self, cfg=None, run=None):
                if where == "init":
                    do()
                super().__init__(cfg, run)

            def log_metrics(self, metrics, step=None):
                if where == "log_metrics":
                    do()

            def finish(self, status):
                if where == "finish":
                    do()

        return Bad

    openers = {"leaves": make(lambda: sys.exit(3)), "hangs": make(stop.wait), "trackio": Recorder}
    mirrors = MultiLogger.open(openers, patience_s=0.2)
    use_all(mirrors, tmp_path)
    stop.set()
    assert mirrors.states == {"leaves": "off", "hangs": "off", "trackio": "done"}
    assert sorted(record.getMessage().split(" failed")[0] for record in caplog.records) == [
        "logger hangs", "logger leaves",
    ]  # fmt: skip


def test_a_tracker_may_take_as_long_as_its_own_timeouts():
    cfg = LoggerConfig(name="x", init_timeout=3.0, finish_timeout=4.0)
    assert patience_of(cfg) > 7.0


def test_an_interruption_is_not_a_failure_of_a_tracker(tmp_path):
    class Interrupted(Recorder):
        def log_metrics(self, metrics, step=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MultiLogger.open({"wandb": Interrupted}).log_metrics({})


def test_every_backend_of_the_schema_can_be_opened_by_name():
    assert set(OPENERS) == set(BACKENDS)
    for module, name in OPENERS.values():
        assert callable(getattr(__import__(module, fromlist=[name]), name))


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(multi.EXTRAS, "tensorboard", "no_such_package")
    with pytest.raises(MissingExtraError, match=r"pip install 'latentman\[no_such_package\]'"):
        check_installed(LoggerConfig(name="x", backends=["tensorboard"]))
    check_installed(LoggerConfig(name="x", backends=["wandb", "local"]))
