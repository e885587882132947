"""Ctrl-C ends a run with a word on how to continue it, and no traceback."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["run_dir=out/x"], "the same command continues"),
        (["-m", "pwg=none", "seed=0,1", "paths.runs=out"], "the same command with sweep_dir="),
    ],
    ids=["run", "sweep"],
)
def test_interrupted_run_says_how_to_continue(
    arguments: list[str], advice: str, command_environment: dict[str, str], tmp_path: Path
) -> None:
    call = [sys.executable, "-m", "latentman.run", "num_frames=2", "num_inference_steps=200", *arguments]
    process = subprocess.Popen(
        call,
        env=command_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what it leaves in the background deaf to Ctrl-C, and its children are so too.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("out/**/motion.npz")) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert advice in errors
