"""The commands: exit statuses, messages, and what is handed on to Hydra."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from latentman import __version__, cli

Outcome = tuple[int, str, str]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that carries out a command and returns its status, stdout and stderr."""

    def call(*arguments: str) -> Outcome:
        status = cli.main(list(arguments))
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["rum"], ["'rum' is not a latentman command", "did you mean 'run'?"]),
        (["seed=3"], ["did you mean 'latentman run seed=3'?"]),
        (["run", "num_frame=3"], ["did you mean 'num_frames'?"]),
        (["run", "--multirn"], ["--multirun"]),
        (["run", "-m", "-r"], ["exclude each other"]),
        (["run", "-m", "+exp=ablation", "run_dir=x"], ["sweep_dir="]),
        (["run", "--cfg", "job", "motion=nothing"], ["motion/nothing"]),
        (["run", "--config-dir", "absent"], ["absent is not a folder"]),
        (["assets", "chek"], ["did you mean 'check'?"]),
        (["assets", "list", "seed=3"], ["takes no settings"]),
        (["assets", "check", "solvr=3"], ["did you mean 'solver'?"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_mistake_gives_one_error_and_status_2(
    command: Callable[..., Outcome], arguments: list[str], parts: list[str]
) -> None:
    status, out, err = command(*arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 3
    for part in parts:
        assert part in err


def test_nothing_is_written_when_a_command_is_refused(command: Callable[..., Outcome], tmp_path: Path) -> None:
    command("run", "num_frames=1", "run_dir=out/x")
    command("run", "-m", "seed=0,-1", "sweep_dir=out/y")
    assert list(tmp_path.iterdir()) == []


def test_failing_run_prints_only_its_error(command: Callable[..., Outcome], tmp_path: Path) -> None:
    status, _, err = command("run", "setup.model=/nowhere", "run_dir=out/x")
    assert status == 2
    assert err.startswith("error: setup.model=/nowhere")
    assert "Error executing job" not in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_failing_job_of_a_sweep_is_named(command: Callable[..., Outcome], tmp_path: Path) -> None:
    status, _, err = command("run", "-m", "seed=4,5", "setup.model=/nowhere", "sweep_dir=out/y")
    assert status == 2
    assert 'in job 0 of the sweep: seed=4 setup.model="/nowhere"' in err
    assert "Traceback" not in err


def test_full_error_shows_the_traceback_too(command: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    status, _, err = command("run", "num_frame=3")
    assert status == 2
    assert "Traceback" in err
    assert "error: num_frame=3" in err


def test_the_users_environment_is_left_as_it_was(command: Callable[..., Outcome]) -> None:
    before = dict(os.environ)
    command("run", "num_frame=3")
    assert dict(os.environ) == before


def test_python_m_latentman_is_the_same_command(command_environment: dict[str, str]) -> None:
    call = [sys.executable, "-m", "latentman", "rum"]
    done = subprocess.run(call, env=command_environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: 'rum' is not a latentman command; did you mean 'run'?")


def test_version_is_the_same_everywhere(command: Callable[..., Outcome]) -> None:
    assert command("--version")[1] == command("run", "--version")[1] == f"latentman {__version__}\n"


def test_configuration_is_shown_wherever_the_flag_is(command: Callable[..., Outcome]) -> None:
    status, out, _ = command("run", "prompt=a, 'b' = ${c}", "--cfg", "job", "seed=7")
    assert status == 0
    assert "seed: 7" in out
    assert command("run", "seed=7", "prompt=a, 'b' = ${c}", "--cfg", "job")[1] == out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("seed=7 --info searchpath", "Config search path"),
        ("--hydra-help", "Hydra"),
        ("-sc install=bash", "_latentman_completion"),
        ("--cfg hydra", "sweep:"),
    ],
)
def test_hydras_own_flags_reach_it(arguments: str, part: str, command_environment: dict[str, str]) -> None:
    call = [sys.executable, "-m", "latentman.run", *arguments.split()]
    result = subprocess.run(call, env=command_environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert part in result.stdout


def test_help_lists_every_group_choice_and_key(command: Callable[..., Outcome], checkout: Path) -> None:
    _, out, _ = command("run", "--help")
    for file in (checkout / "conf").glob("*/*.yaml"):
        if file.parent.name not in ("hydra", "local"):
            assert file.stem in out
            assert file.parent.name in out
    for key in (
        "prompt=",
        "seed=0",
        "num_frames=8",
        "num_inference_steps=null",
        "run_dir=null",
        "sweep_dir=",
        "device=auto",
    ):
        assert key in out
    assert "Open index.html" in out
    assert max(len(line) for line in out.splitlines()) <= 120


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    ("name", "moments"),
    [
        ("SIGINT", (0.15,)), ("SIGINT", (0.4,)), ("SIGINT", (0.8,)), ("SIGINT", (0.4, 0.45)), ("SIGTERM", (0.4,)),
        ("SIGTERM", (0.8, 0.82)), ("SIGHUP", (0.6,)),
    ],
)  # fmt: skip
def test_a_signal_while_libraries_are_imported_prints_one_line(
    command_environment: dict[str, str], name: str, moments: tuple[float, ...]
) -> None:
    code = (
        "import sys, time, types, latentman.cli as cli\n"
        "sys.stdout.write('ready'); sys.stdout.flush()\n"
        "sys.meta_path.insert(0, types.SimpleNamespace(find_spec=lambda *a: time.sleep(0.005)))\n"
        "sys.exit(cli.main(['run', '--cfg', 'job']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=command_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.read(5) == "ready"
    start = time.monotonic()
    for moment in moments:
        time.sleep(max(0.0, start + moment - time.monotonic()))
        process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == cli.INTERRUPTED
    assert len(err.splitlines()) <= 1, err
    assert "Traceback" not in err


def test_a_fault_of_the_machine_is_a_message(
    command: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from latentman.runs import __main__ as runs

    def fail(folder: Path) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(folder))

    monkeypatch.setattr(runs, "check_folder", fail)
    status, _, err = command("runs", "check", str(tmp_path))
    assert status == 2
    assert err.startswith(f"error: latentman runs stopped: Too many open files ({tmp_path}); raise the limit")
