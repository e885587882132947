"""The wheel is complete: it contains configuration and assets, and its command works outside the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    result = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert result.returncode == 0, result.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel, as installing a pure Python package does."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def call(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", "import sys; from latentman.cli import main; sys.exit(main())", *arguments]
    return subprocess.run(command, cwd=installed.parent, env=environment, capture_output=True, text=True, timeout=120)


def test_wheel_contains_every_configuration_and_asset(installed: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "conf", "latentman"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(tracked) > 50
    for name in tracked:
        where = f"latentman/{name}" if name.startswith("conf/") else name
        assert (installed / where).is_file(), f"{name} is not in the wheel"
    assert list(installed.glob("*.dist-info/licenses/LICENSE"))


def test_installed_command_finds_its_own_configuration_and_assets(installed: Path) -> None:
    shown = call(installed, "run", "--info", "searchpath")
    assert shown.returncode == 0, shown.stderr
    assert str(installed / "latentman" / "conf") in shown.stdout
    assert "ablation_sla" in call(installed, "run", "--help").stdout
    checked = call(installed, "assets", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    refused = call(installed, "run", "num_frame=3")
    assert refused.returncode == 2
    assert "did you mean 'num_frames'?" in refused.stderr
