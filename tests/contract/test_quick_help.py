"""Help is printed without importing slow packages."""

import subprocess
import sys

import pytest

HEAVY = ["torch", "hydra", "omegaconf", "diffusers", "transformers", "scipy", "pandas", "wandb", "matplotlib"]
PROBE = """
import sys
from latentman.cli import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code
heavy = [name for name in {heavy} if name in sys.modules]
sys.exit(f"imported {{heavy}}" if heavy or status else 0)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        [],
        ["--version"],
        ["run", "--help"],
        ["run", "seed=3", "-h"],
        ["run", "--version"],
        ["assets", "--help"],
        ["assets", "import-smpl", "--help"],
        ["train", "--help"],
        ["train", "all", "--help"],
        ["train", "evaluate", "--help"],
        ["train", "prepare-bvh", "--help"],
        ["bench", "--help"],
        ["score", "--help"],
        ["study", "--help"],
        ["study", "build", "--help"],
    ],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(arguments: list[str], command_environment: dict[str, str]) -> None:
    probe = [sys.executable, "-c", PROBE.format(heavy=HEAVY), *arguments]
    result = subprocess.run(probe, env=command_environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "latentman" in result.stdout


def test_the_package_itself_imports_nothing_heavy(command_environment: dict[str, str]) -> None:
    code = f"import sys, latentman; sys.exit(str(set(sys.modules) & { ({*HEAVY, 'numpy'}) } or '') or 0)"
    result = subprocess.run([sys.executable, "-c", code], env=command_environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "module",
    [
        "latentman",
        "latentman.run",
        "latentman.assets",
        "latentman.report",
        "latentman.train",
        "latentman.bench",
        "latentman.study",
    ],
)
def test_module_form_is_the_same_command(module: str, command_environment: dict[str, str]) -> None:
    probe = [sys.executable, "-X", "importtime", "-m", module, "--help"]
    result = subprocess.run(probe, env=command_environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0
    title = "LatentMan:" if module == "latentman" else module.replace(".", " ")
    assert title in result.stdout.splitlines()[0]
    loaded = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines()}
    assert not loaded & set(HEAVY)
