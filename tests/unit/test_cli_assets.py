"""The doctor finds what is there, what is damaged and what is missing."""

import shutil
from pathlib import Path

import pytest

from latentman.assets import __main__ as assets
from latentman.paths import asset


def test_a_whole_installation_lacks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["check"]) == 0
    out = capsys.readouterr().out
    assert "missing" not in out
    assert "asset:mini-sd, whole" in out
    assert "anny_neutral.npz" in out


def test_check_takes_the_settings_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["check", "body.shape=female", "setup.model=someone/some-model"]) == 0
    out = capsys.readouterr().out
    assert "anny_female.npz" in out
    assert "someone/some-model: from the hub" in out


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """Return a copy of the shipped model that a test may damage."""
    return Path(shutil.copytree(asset("mini-sd"), tmp_path / "model"))


def test_a_missing_component_is_named(model_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(model_copy / "vae")
    assert assets.main(["check", f"setup.model={model_copy}"]) == 2
    out = capsys.readouterr().out
    assert "missing  setup.model" in out
    assert "vae" in out
    assert "1 missing" in out


def test_a_truncated_file_is_named(model_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = model_copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert assets.main(["check", f"setup.model={model_copy}"]) == 2
    assert f"{weights} is damaged" in capsys.readouterr().out


def test_a_body_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    absent, damaged = tmp_path / "absent.npz", tmp_path / "damaged.npz"
    damaged.write_bytes(b"PK")
    assert "is not there" in assets._body(absent).found
    assert "cannot be read" in assets._body(damaged).found
    assert assets._body(asset("bodies", "anny_male.npz")).problem is None


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    finding = assets._package("a-package-that-nobody-made", "install it: pip install it")
    assert finding.found == "not installed"
    assert finding.problem == "install it: pip install it"


def test_list_names_what_ships_with_size_and_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["list"]) == 0
    out = capsys.readouterr().out
    assert "mini-sd" in out
    assert "Apache-2.0" in out
    assert "unet/diffusion_pytorch_model.safetensors" in out
    assert "anny_neutral.npz" in out
