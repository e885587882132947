"""W&B itself, without a network: in processes of their own, with a home folder of the test's."""

import getpass
import json
import socket
import subprocess
import sys
import time

import pytest

CODE = """
import logging, sys, time
from pathlib import Path
import latentman.tracking.wandb as ours
from latentman.config.logger import LoggerConfig
from latentman.tracking.multi import MultiLogger, find_opener
from latentman.tracking.protocol import TrackedRun

assert "wandb" not in sys.modules
logging.basicConfig(level=logging.WARNING, format="WARN %(message)s", stream=sys.stdout)
folder = Path("run")
folder.mkdir(exist_ok=True)
(folder / "video.mp4").write_bytes(b"0" * 100)
(folder / "gallery.html").write_text("<p>x</p>")
(folder / "table.csv").write_text("a,b")
cfg = LoggerConfig(name="wandb", init_timeout=4.0, finish_timeout=5.0)
run = TrackedRun(folder.absolute(), "abc123", "n" * 200, "g" * 200, "generate", ("t" * 100, "", "method=ours"))
start = time.monotonic()
mirrors = MultiLogger.open({sys.argv[1]: lambda: find_opener(sys.argv[1])(cfg, run)})
print("OPENED", round(time.monotonic() - start, 1))
mirrors.log_config({"seed": 1})
mirrors.log_config({"seed": 2})
for step in (1, 2):
    mirrors.log_metrics({"denoise/seconds": 1.5, "denoise/guidance_loss": 2.0}, step)
mirrors.log_metrics({"human_mse": 5.0})
mirrors.log_table("per_pair", ["metric", "value"], [["x", 1.0], ["y", None], [3, "z"]])
mirrors.log_video("video", folder / "video.mp4", "a walk")
mirrors.log_file("gallery", folder / "gallery.html")
mirrors.log_file("table", folder / "table.csv")
for tracker in mirrors.trackers.values():
    assert tracker._run.config["seed"] == 2
    assert tracker._run.summary["human_mse"] == 5.0
    assert tracker._run.summary["denoise/step"] == 2
mirrors.finish("done")
print("STATES", mirrors.states)
"""

VARIABLES = ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_SILENT", "NETRC", "WANDB_DIR")


@pytest.fixture
def environment(tmp_path, command_environment):
    clean = {k: v for k, v in command_environment.items() if k not in VARIABLES and not k.lower().endswith("_proxy")}
    return {**clean, "HOME": str(tmp_path / "home")}


def track(folder, environment, name):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", CODE, name],
        env=environment, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def warnings_of(done):
    return [line for line in done.stdout.splitlines() if line.startswith("WARN ")]


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_offline_everything_is_in_the_run_folder_and_nothing_is_printed(tmp_path, environment):
    done = track(tmp_path, environment, "wandb_offline")
    assert "STATES {'wandb_offline': 'done'}" in done.stdout
    assert warnings_of(done) == []
    assert done.stderr == ""
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*-abc123")
    media = folder / "files" / "media"
    assert [path.read_bytes() for path in media.rglob("*.mp4")] == [b"0" * 100]
    assert [path.read_text() for path in media.rglob("*.html")] == ["<p>x</p>"]
    (table,) = media.rglob("*.table.json")
    assert json.loads(table.read_text())["data"] == [["x", 1.0], ["y", None], [3, "z"]]
    assert (folder / "files" / "table.csv").read_text() == "a,b"
    assert not list(folder.rglob("*metadata.json"))
    assert (folder / "run-abc123.wandb").stat().st_size > 500


def test_nothing_that_is_sent_names_the_machine_or_its_user(tmp_path, environment):
    names = {socket.gethostname(), socket.getfqdn(), getpass.getuser()} - {"root", "localhost"}
    variables = {"USER": "jane-the-user", "LOGNAME": "jane-the-user", "USERNAME": "jane-the-user"}
    track(tmp_path, {**environment, **variables}, "wandb_offline")
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*-abc123")
    for path in [folder / "run-abc123.wandb", *(folder / "files").rglob("*")]:
        if path.is_file():
            data = path.read_bytes()
            for name in {*names, "jane-the-user", str(tmp_path / "run")}:
                # A name of two or three letters is in random bytes by chance: it is looked for as a whole field.
                looked_for = name.encode() if len(name) > 3 else bytes([len(name)]) + name.encode()
                assert looked_for not in data, f"{name} is in {path.name}"


@pytest.mark.slow
def test_without_a_key_it_goes_offline_with_one_warning_that_says_how_to_upload(tmp_path, environment, closed_port):
    done = track(tmp_path, {**environment, "WANDB_BASE_URL": f"http://127.0.0.1:{closed_port}"}, "wandb")
    (warning,) = warnings_of(done)
    assert "there is no key" in warning
    assert f"make wandb-sync DIR={tmp_path / 'run'}" in warning
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*"))


@pytest.mark.slow
def test_without_a_server_it_goes_offline_at_once(tmp_path, environment, closed_port):
    variables = {"WANDB_BASE_URL": f"http://127.0.0.1:{closed_port}", "WANDB_API_KEY": "a" * 40}
    done = track(tmp_path, {**environment, **variables}, "wandb")
    (warning,) = warnings_of(done)
    assert "127.0.0.1 does not answer" in warning
    assert "STATES {'wandb': 'done'}" in done.stdout


@pytest.mark.slow
def test_a_server_that_accepts_and_never_answers_times_out(tmp_path, environment):
    with socket.create_server(("127.0.0.1", 0)) as server:
        variables = {"WANDB_BASE_URL": f"http://127.0.0.1:{server.getsockname()[1]}", "WANDB_API_KEY": "a" * 40}
        start = time.monotonic()
        done = track(tmp_path, {**environment, **variables}, "wandb")
    assert time.monotonic() - start < 120
    (warning,) = warnings_of(done)
    assert "is offline, because" in warning
    assert "STATES {'wandb': 'done'}" in done.stdout
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*"))


@pytest.mark.slow
def test_a_users_wandb_mode_is_respected(tmp_path, environment):
    done = track(tmp_path, {**environment, "WANDB_MODE": "offline"}, "wandb")
    assert warnings_of(done) == []
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*"))


def sync(folder, environment, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "latentman.tracking", "wandb-sync", *arguments],
        env=environment, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
def test_wandb_sync_finds_the_runs_of_a_sweep_and_names_what_is_missing(tmp_path, environment, closed_port):
    nothing = sync(tmp_path, environment, ".")
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)
    assert "no offline runs" in nothing.stderr
    assert "is not a folder" in sync(tmp_path, environment, "gone").stderr
    (tmp_path / "00").mkdir()
    track(tmp_path / "00", environment, "wandb_offline")
    no_key = sync(tmp_path, environment, ".")
    assert no_key.returncode == 2
    assert "there is no key" in no_key.stderr
    variables = {"WANDB_BASE_URL": f"http://127.0.0.1:{closed_port}", "WANDB_API_KEY": "a" * 40}
    no_server = sync(tmp_path, {**environment, **variables}, ".")
    assert no_server.returncode == 2
    assert "does not answer" in no_server.stderr
    dry = sync(tmp_path, environment, ".", "--dry-run")
    assert dry.returncode == 0
    assert "run-abc123.wandb" in dry.stdout + dry.stderr
