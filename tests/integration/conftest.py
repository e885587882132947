"""Whole runs of the embedded models, as short as possible."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SHORT = ["num_frames=3", "num_inference_steps=4", "threads=2"]
COSTS = ("seconds_", "peak_memory_bytes")
SAME_BYTES = ["motion.npz", "conditions.npz", "latents.safetensors", "video.mp4", "correspondence.mp4"]


def latentman(*arguments: str, cwd: Path, check: bool = True, **options) -> subprocess.CompletedProcess:
    """Run the program as a user does, from a folder outside the checkout."""
    done = subprocess.run(
        [sys.executable, "-m", "latentman.run", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=280,
        **options,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def short_run(folder: Path, *more: str, **options) -> subprocess.CompletedProcess:
    return latentman(*SHORT, f"run_dir={folder}", *more, cwd=folder.parent, **options)


def read_json(path: Path):
    return json.loads(path.read_text())


def result_bytes(folder: Path) -> dict[str, object]:
    """Return everything of a run that must not depend on when, where or in how many parts it was made."""
    files = [folder / name for name in SAME_BYTES] + sorted((folder / "frames").iterdir())
    metrics = {k: v for k, v in read_json(folder / "metrics.json").items() if not k.startswith(COSTS)}
    return {"metrics": metrics, **{str(p.relative_to(folder)): p.read_bytes() for p in files}}


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """One finished run; tests that change a folder copy it first."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    short_run(folder)
    return folder
