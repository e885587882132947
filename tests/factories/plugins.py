"""A small package that adds a solver and a metric to latentman, and packages that are broken in several ways."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "steady-tools"
version = "1.2"
[project.entry-points."latentman.solvers"]
by_order = "steady_tools:by_order"
[project.entry-points."latentman.metrics"]
brightness = "steady_tools:brightness"
[tool.hatch.build.targets.wheel]
packages = ["steady_tools"]
"""

CODE = '''
"""Adds a solver and a metric."""
import numpy as np
from latentman.metrics.metric import Metric
from latentman.types import Score

def by_order(x, y):
    """Match points in the order in which they come; x has at most as many as y."""
    return np.arange(len(x)), None

brightness = Metric(lambda evidence: Score("brightness", float(evidence.frames.mean()), "levels, 0 to 255"))
'''


def install_package(folder: Path) -> Path:
    """Build and install the package with pip, without the network, and return the folder to put on the path."""
    source, target = folder / "source", folder / "site"
    (source / "steady_tools").mkdir(parents=True)
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "steady_tools" / "__init__.py").write_text(CODE)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    command += ["--disable-pip-version-check", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def write_distribution(folder: Path, name: str, entry_points: str, code: str) -> None:
    """Lay out an installed distribution by hand: one module, named like the distribution, and its entry points."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    (info / "RECORD").write_text(f"{name}.py,,\n")
    (folder / f"{name}.py").write_text(code)
