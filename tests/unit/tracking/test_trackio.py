"""trackio's own database holds what a run reported; in a process of its own: trackio reads its folder at import."""

import importlib.util
import subprocess
import sys

import pytest

CODE = """
from pathlib import Path
from latentman.config.logger import LoggerConfig
from latentman.tracking.protocol import TrackedRun
from latentman.tracking.trackio import TrackioTracker
folder = Path("run")
folder.mkdir()
(folder / "video.mp4").write_bytes(b"0" * 100)
(folder / "gallery.html").write_text("<p>x</p>")
run, cfg = TrackedRun(folder, "0123456789", "00/a walk", "sweep", "generate", ("t",)), LoggerConfig(name="trackio")
for steps in ((1, 2), (3,)):
    tracker = TrackioTracker(cfg, run)
    tracker.log_config({"seed": 1, "sla": {"name": "full"}})
    for step in steps:
        tracker.log_metrics({"denoise/seconds": 0.5 * step}, step)
    if step == 3:
        tracker.log_metrics({"human_mse": 5.0})
        tracker.log_table("per_pair", ["a", "b"], [["x", 1.0], ["y", None]])
        tracker.log_video("video", folder / "video.mp4", "a walk")
        tracker.log_file("gallery", folder / "gallery.html")
    tracker.finish("done")
from trackio.sqlite_storage import SQLiteStorage
logs = SQLiteStorage.get_logs("latentman", "00/a walk 012345")
steps = [(row["step"], row["denoise/seconds"]) for row in logs if "denoise/seconds" in row]
assert steps == [(1, 0.5), (2, 1.0), (3, 1.5)]
merged = {key: value for row in logs for key, value in row.items()}
assert merged["human_mse"] == 5.0
assert merged["tables/per_pair"]["_value"] == [{"a": "x", "b": 1.0}, {"a": "y", "b": None}]
assert {"videos/video", "gallery"} <= merged.keys()
config = SQLiteStorage.get_run_config("latentman", "00/a walk 012345")
assert (config["seed"], config["_Group"], config["job_type"]) == (1, "sweep", "generate")
"""


@pytest.mark.skipif(importlib.util.find_spec("trackio") is None, reason="needs latentman[trackio]")
def test_everything_that_a_run_logs_is_in_the_database_and_stdout_stays_clean(tmp_path, command_environment):
    environment = {**command_environment, "TRACKIO_DIR": str(tmp_path / "db"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "initialized" not in done.stdout
