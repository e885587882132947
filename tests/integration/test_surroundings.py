"""A run where something that most machines have is missing: it works without, or says at once what is needed."""

import ctypes
import fcntl
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import termios

import pytest

from tests.factories.program import tiny_settings

from .conftest import latentman, result_bytes, short_run

pytestmark = pytest.mark.slow


def test_a_home_that_cannot_be_written_costs_one_warning(finished, tmp_path):
    (tmp_path / "file").touch()
    without = {name: value for name, value in os.environ.items() if name not in ("LATENTMAN_CACHE", "XDG_CACHE_HOME")}
    done = short_run(tmp_path / "run", env={**without, "HOME": str(tmp_path / "file" / "home")})
    assert result_bytes(tmp_path / "run") == result_bytes(finished)
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert "set LATENTMAN_CACHE to a folder that can be written" in warning


def _no_network():
    new_network = 0x40000000
    assert ctypes.CDLL(None).unshare(new_network) == 0


@pytest.mark.skipif(
    subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode != 0,
    reason="a process may not leave the network here",
)
def test_without_a_network_the_result_is_the_same_and_wandb_is_offline(finished, tmp_path):
    environment = {**os.environ, "WANDB_API_KEY": "a" * 40}
    environment.pop("WANDB_MODE")
    done = short_run(tmp_path / "run", "logger=wandb", first=_no_network, env=environment)
    assert result_bytes(tmp_path / "run") == result_bytes(finished)
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert "logger wandb is offline" in warning
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*"))


def test_with_every_stream_closed_the_result_is_the_same(finished, tmp_path, command_environment):
    command = shlex.join([sys.executable, "-m", "latentman.run", *tiny_settings(), f"run_dir={tmp_path / 'run'}"])
    done = subprocess.run(
        ["sh", "-c", f"{command} <&- >&- 2>&-"], env=command_environment, cwd=tmp_path, check=False, timeout=280
    )
    assert done.returncode == 0
    assert result_bytes(tmp_path / "run") == result_bytes(finished)


def on_a_terminal(columns, *command, **environment):
    """Run a command on a terminal of that width; return its exit status and what it wrote."""
    pid, terminal = pty.fork()
    if pid == 0:
        # COLUMNS, which some shells and test runners set, would be taken for the width.
        inherited = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        os.execvpe(command[0], command, inherited)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    written = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how a terminal on Linux ends
            break
        if not part:
            break
        written += part
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), written.decode()


COLOUR = re.compile(r"\x1b\[(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_forty_columns_without_colour(tmp_path, command_environment):
    command = (sys.executable, "-m", "latentman.run", *tiny_settings(), f"run_dir={tmp_path / 'run'}")
    status, written = on_a_terminal(40, *command, **{**command_environment, "TERM": "xterm-256color", "NO_COLOR": "1"})
    assert status == 0
    assert not COLOUR.search(written)
    lines = re.split(r"[\r\n]+", CONTROL.sub("", written))
    # A path or a command must stay whole, so that it can be copied.
    assert [line for line in lines if len(line.rstrip()) > 40 and str(tmp_path) not in line] == []
    assert any(line.startswith("denoise") and "100%" in line for line in lines)


@pytest.mark.parametrize("lack", ["the program", "the package"])
def test_without_ffmpeg_it_is_refused_before_the_first_stage(tmp_path, command_environment, lack):
    if lack == "the program":
        environment = {**os.environ, "IMAGEIO_FFMPEG_EXE": str(tmp_path / "nothing")}
        done = latentman(*tiny_settings(), f"run_dir={tmp_path / 'run'}", cwd=tmp_path, check=False, env=environment)
    else:
        (tmp_path / "imageio_ffmpeg.py").write_text("raise ImportError")
        paths = os.pathsep.join([str(tmp_path), command_environment["PYTHONPATH"]])
        done = subprocess.run(
            [sys.executable, "-m", "latentman.run", *tiny_settings(), f"run_dir={tmp_path / 'run'}"],
            env={**command_environment, "PYTHONPATH": paths}, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "IMAGEIO_FFMPEG_EXE" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_report_needs_no_browser(finished, tmp_path, command_environment):
    folder = shutil.copytree(finished, tmp_path / "run")
    done = subprocess.run(
        [sys.executable, "-m", "latentman", "report", str(folder)],
        env={**command_environment, "BROWSER": "/nothing", "DISPLAY": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "report.html").is_file()
