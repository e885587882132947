"""Whole runs from the command line: one of the embedded model, as a user starts it, and those of a tiny model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories.program import Program, tiny_settings

COSTS = ("seconds_", "peak_memory_bytes")
SAME_BYTES = ["motion.npz", "conditions.npz", "latents.safetensors", "video.mp4", "correspondence.mp4"]


def latentman(*arguments: str, cwd: Path, check: bool = True, **options) -> subprocess.CompletedProcess:
    """Run the program from a folder outside the checkout."""
    done = Program(*arguments, cwd=cwd, **options).ended()
    if check and done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def short_run(folder: Path, *more: str, **options) -> subprocess.CompletedProcess:
    """Run the tiny model with every stage."""
    return latentman(*tiny_settings(), f"run_dir={folder}", *more, cwd=folder.parent, **options)


def read_json(path: Path):
    return json.loads(path.read_text())


def result_bytes(folder: Path) -> dict[str, object]:
    """Return everything of a run that must not depend on when, where or in how many parts it was made."""
    files = [folder / name for name in SAME_BYTES] + sorted((folder / "frames").iterdir())
    metrics = {k: v for k, v in read_json(folder / "metrics.json").items() if not k.startswith(COSTS)}
    return {"metrics": metrics, **{str(p.relative_to(folder)): p.read_bytes() for p in files}}


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """One finished run of the tiny model; tests that change a folder copy it first."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    short_run(folder)
    return folder


@pytest.fixture(scope="session")
def embedded(tmp_path_factory) -> Path:
    """One finished run of the embedded model, started as a user does; tests that change a folder copy it first."""
    folder = tmp_path_factory.mktemp("runs") / "embedded"
    arguments = ["num_frames=3", "num_inference_steps=4", "threads=1", f"run_dir={folder}"]
    command = [sys.executable, "-m", "latentman.run", *arguments]
    done = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return folder
