"""The doctor finds what is there, what is damaged and what is missing."""

import shutil
from pathlib import Path

import pytest

from latentman.assets import __main__ as assets
from latentman.assets.check import check, package_finding
from latentman.assets.finding import MISSING, ON_DEMAND, OPTIONAL, PRESENT, Finding
from latentman.assets.shipped import damage, digests, sealed, shipped
from latentman.composition import compose
from latentman.errors import ConfigError
from latentman.paths import asset


def found(*overrides: str) -> dict[str, Finding]:
    """Return what is found for some settings, by asset."""
    return {finding.asset: finding for finding in check(compose([*overrides]))}


def test_a_whole_installation_lacks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["check"]) == 0
    out = capsys.readouterr().out
    assert "missing" not in out
    assert "everything that this run needs is there" in out
    everything = found()
    assert everything["setup.model asset:mini-sd"].state == PRESENT
    assert everything["body anny (neutral)"].state == PRESENT
    assert "Apache-2.0" in everything["setup.model asset:mini-sd"].terms


def test_check_takes_the_settings_of_run() -> None:
    everything = found("body.shape=female", "setup.model=someone/some-model")
    assert everything["body anny (female)"].state == PRESENT
    assert everything["setup.model"].state == ON_DEMAND
    assert everything["setup.model"].where == "someone/some-model, from the hub"


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("motion=mdm", ["mdm checkpoint", "mdm args.json", "mdm Mean.npy and Std.npy"]),
        ("motion=mld", ["mld checkpoint", "mld Mean.npy and Std.npy"]),
        ("motion=gmd", ["gmd checkpoint", "gmd rand_proj.npy", "gmd Mean_abs_3d.npy and Std_abs_3d.npy"]),
        ("body=smpl", ["body SMPL (neutral)"]),
        ("body=smplx", ["body SMPL-X (neutral)"]),
        ("motion=clip", ["motion.file"]),
    ],
)
def test_what_a_choice_needs_is_missing_with_place_source_and_advice(
    choice: str, names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [choice, f"paths.weights={tmp_path}"]
    everything = found(*command)
    for name in names:
        finding = everything[name]
        assert finding.state == MISSING
        assert finding.problem
        assert finding.terms != "-"
        assert choice == "motion=clip" or str(tmp_path) in finding.where
    assert assets.main(["check", *command]) == 2
    assert f"{len([f for f in everything.values() if f.state == MISSING])} missing" in capsys.readouterr().out


def test_what_lies_in_the_folder_of_weights_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "mdm" / "mine"
    folder.mkdir(parents=True)
    (folder / "model000200000.pt").write_bytes(b"x" * 3_000_000)
    (folder / "args.json").write_text("{}", encoding="utf-8")
    (tmp_path / "smpl").mkdir()
    (tmp_path / "smpl" / "basicModel_f_lbs_10_207_0_v1.0.0.pkl").write_bytes(b"x")
    everything = found("motion=mdm", "body=smpl", "body.shape=female", f"paths.weights={tmp_path}")
    assert everything["mdm checkpoint"].state == PRESENT
    assert everything["mdm checkpoint"].expected == "3.0 MB"
    assert everything["mdm args.json"].state == PRESENT
    assert everything["body SMPL (female)"].state == PRESENT


def test_all_lists_other_choices_too_and_counts_none_of_them_as_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["check", "--all"]) == 0
    out = capsys.readouterr().out
    for name in ("mdm checkpoint", "mld checkpoint", "gmd checkpoint", "body SMPL", "motion.file", "on demand"):
        assert name in out
    assert OPTIONAL in out


def test_what_ships_is_as_it_was_sealed() -> None:
    assert sealed() == {folder.name: digests(folder) for folder in shipped()}
    assert not [file for folder in shipped() for file in damage(folder)]


def test_a_changed_file_of_what_ships_is_named(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(asset("bodies"), tmp_path / "bodies"))
    (copy / "anny_male.npz").write_bytes(b"PK")
    (copy / "anny_female.npz").unlink()
    assert sorted(damage(copy)) == ["anny_female.npz", "anny_male.npz"]


def test_an_unknown_command_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'chek' is no command of latentman assets; did you mean 'check'\?"):
        assets.main(["chek"])


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """Return a copy of the shipped model that a test may damage."""
    return Path(shutil.copytree(asset("mini-sd"), tmp_path / "model"))


def test_a_missing_component_is_named(model_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(model_copy / "vae")
    assert assets.main(["check", f"setup.model={model_copy}"]) == 2
    out = capsys.readouterr().out
    assert "setup.model" in out
    assert "vae" in out
    assert "1 missing" in out


def test_a_truncated_file_is_named(model_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = model_copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert assets.main(["check", f"setup.model={model_copy}"]) == 2
    assert f"{weights} is damaged" in capsys.readouterr().out


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    finding = package_finding("a-package-that-nobody-made", "install it: pip install it")
    assert (finding.state, finding.where, finding.problem) == (MISSING, "not installed", "install it: pip install it")
    assert package_finding("a-package-that-nobody-made", "", needed=False).state == OPTIONAL


def test_list_names_what_ships_with_size_and_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["list"]) == 0
    out = capsys.readouterr().out
    assert "mini-sd" in out
    assert "Apache-2.0" in out
    assert "unet/diffusion_pytorch_model.safetensors" in out
    assert "anny_neutral.npz" in out
