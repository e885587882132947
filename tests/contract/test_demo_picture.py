"""The moving picture of the README is what ``make demo`` makes with the code as it is."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "demo.webp"
LEAST_PSNR_DB = 35.0
MAX_BYTES = 2_000_000


def frames(path):
    with Image.open(path) as picture:
        found = []
        for index in range(picture.n_frames):
            picture.seek(index)
            found.append(np.asarray(picture.convert("RGB"), dtype=np.float64))
    return np.stack(found)


def psnr(one, other):
    """The ratio of the peak to the root of the mean squared error, in decibels; at most 99."""
    error = np.mean((one - other) ** 2)
    return min(99.0, 10 * np.log10(255**2 / error)) if error else 99.0


def test_the_picture_is_small_and_the_readme_shows_it():
    assert PICTURE.stat().st_size < MAX_BYTES
    assert re.search(r"!\[[^\]]+\]\(docs/demo\.webp\)", (ROOT / "README.md").read_text())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_picture_is_what_the_demo_makes(tmp_path, command_environment):
    command = [sys.executable, "-m", "latentman", "demo", "--out", str(tmp_path)]
    subprocess.run(command, check=True, env=command_environment, cwd=ROOT, capture_output=True)
    stored, made = frames(PICTURE), frames(tmp_path / "demo.webp")
    assert stored.shape == made.shape
    values = [psnr(one, other) for one, other in zip(stored, made, strict=True)]
    assert min(values) >= LEAST_PSNR_DB, (
        f"latentman demo --out out/demo, then copy out/demo/demo.webp to docs: {values}"
    )
