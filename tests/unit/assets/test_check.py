"""The doctor finds what is there, what is damaged and what is missing."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from latentman.assets import __main__ as assets
from latentman.assets.check import check, package_finding
from latentman.assets.finding import MISSING, ON_DEMAND, OPTIONAL, PRESENT, Finding
from latentman.assets.shipped import damage, digests, sealed, shipped
from latentman.engine.compose import compose
from latentman.errors import ConfigError, WeightsError
from latentman.pipeline.origins import check_character
from latentman.system.hub import cache_folder
from latentman.system.paths import asset
from tests.factories.smpl_files import random_model, write_plain_pickle


def found(*overrides: str) -> dict[str, Finding]:
    """Return what is found for some settings, by asset."""
    return {finding.asset: finding for finding in check(compose([*overrides]))}


def test_a_whole_installation_lacks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["check"]) == 0
    out = capsys.readouterr().out
    assert "missing" not in out
    assert "everything that this run needs is installed" in out
    everything = found()
    assert everything["setup.model asset:mini-sd"].state == PRESENT
    assert everything["body anny"].state == PRESENT
    assert "Apache-2.0" in everything["setup.model asset:mini-sd"].terms


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache of the hub, which may be reached."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def fetched(hub: Path, hub_id: str, files: Path) -> Path:
    """Lay a model's files into the cache as the hub's client does, and return their folder."""
    kept = hub / f"models--{hub_id.replace('/', '--')}"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc", encoding="utf-8")
    return Path(shutil.copytree(files, kept / "snapshots" / "abc"))


def test_check_takes_the_settings_of_run(hub: Path) -> None:
    everything = found("body.shape=female", "setup.model=someone/some-model")
    assert everything["body anny"].state == PRESENT
    assert everything["setup.model"].state == ON_DEMAND
    assert everything["setup.model"].where == f"someone/some-model, from the hub to {hub}"
    assert everything["setup.model"].terms == "see its page; huggingface.co/someone/some-model"


def test_what_was_fetched_from_the_hub_is_present(hub: Path) -> None:
    folder = fetched(hub, "lllyasviel/control_v11f1p_sd15_depth", asset("mini-sd") / "controlnet")
    everything = found("setup=sd15", "setup.controlnet_revision=main")
    assert everything["setup.controlnet"].state == PRESENT
    assert everything["setup.controlnet"].where == str(folder)
    assert everything["setup.model"].state == ON_DEMAND
    assert "OpenRAIL" in everything["setup.model"].terms
    assert found("setup=sd15", "setup.controlnet_revision=other")["setup.controlnet"].state == ON_DEMAND
    (folder / "diffusion_pytorch_model.safetensors").unlink()
    assert found("setup=sd15", "setup.controlnet_revision=main")["setup.controlnet"].state == ON_DEMAND


def test_offline_what_was_not_fetched_is_missing(
    hub: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert assets.main(["check", "setup=sd15"]) == 2
    out = " ".join(capsys.readouterr().out.split())
    assert f"stable-diffusion-v1-5/stable-diffusion-v1-5 is not in {hub}, and HF_HUB_OFFLINE" in out
    assert "or set setup.controlnet to a folder that holds the model" in out
    assert "2 missing" in out


def test_the_cache_of_the_hub_is_where_its_client_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.delenv("HF_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "/home")
    assert cache_folder() == Path("/home/hub")


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("motion=mdm", ["mdm checkpoint", "mdm args.json", "mdm Mean.npy and Std.npy"]),
        ("motion=mld", ["mld checkpoint", "mld Mean.npy and Std.npy"]),
        ("motion=gmd", ["gmd checkpoint", "gmd rand_proj.npy", "gmd Mean_abs_3d.npy and Std_abs_3d.npy"]),
        ("body=smpl", ["body SMPL neutral"]),
        ("body=smplx", ["body SMPL-X neutral"]),
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


@pytest.fixture
def mdm(tmp_path: Path) -> Path:
    """Return the folder of an MDM checkpoint in the folder of weights."""
    folder = tmp_path / "mdm" / "mine"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "model000200000.pt", "w") as file:
        file.writestr("data", b"x" * 3_000_000)
    (folder / "args.json").write_text("{}", encoding="utf-8")
    return folder


def test_what_lies_in_the_folder_of_weights_is_found(tmp_path: Path, mdm: Path) -> None:
    (tmp_path / "smpl").mkdir()
    write_plain_pickle(tmp_path / "smpl" / "basicModel_f_lbs_10_207_0_v1.0.0.pkl", random_model())
    everything = found("motion=mdm", "body=smpl", "body.shape=female", f"paths.weights={tmp_path}")
    assert everything["mdm checkpoint"].state == PRESENT
    assert everything["mdm checkpoint"].expected == "3.0 MB"
    assert everything["mdm args.json"].state == PRESENT
    assert everything["body SMPL female"].state == PRESENT
    assert everything["body SMPL female"].where.endswith("basicModel_f_lbs_10_207_0_v1.0.0.pkl")


def test_damaged_files_of_weights_are_found_out(tmp_path: Path, mdm: Path) -> None:
    file = mdm / "model000200000.pt"
    file.write_bytes(file.read_bytes()[:-30])
    (mdm / "args.json").write_text("[", encoding="utf-8")
    (tmp_path / "smpl").mkdir()
    (tmp_path / "smpl" / "SMPL_NEUTRAL.pkl").write_bytes(b"x")
    everything = found("motion=mdm", "body=smpl", f"paths.weights={tmp_path}")
    for name, words in (
        ("mdm checkpoint", "is damaged or was not written by torch"),
        ("mdm args.json", "args.json: Expecting value: line 1 column 2 (char 1); unpack it again"),
        ("body SMPL neutral", "is damaged or not a pickle"),
    ):
        assert everything[name].state == MISSING
        assert words in everything[name].problem


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({}, "openai/clip-vit-base-patch32"),
        ({"text_encoder_type": "bert"}, "distilbert/distilbert-base-uncased"),
        ({"text_encoder_type": "mini"}, "mine"),
        ({"cond_mode": "no_cond"}, None),
        ({"cond_mode": "action"}, None),
    ],
)
def test_the_text_encoder_is_the_one_that_the_checkpoint_was_trained_with(
    tmp_path: Path, mdm: Path, args: dict[str, str], text: str | None
) -> None:
    (mdm / "args.json").write_text(json.dumps(args), encoding="utf-8")
    everything = found("motion=mdm", f"paths.weights={tmp_path}")
    assert ("mdm text encoder" in everything) == (text is not None)
    assert text is None or text in everything["mdm text encoder"].where
    assert ("mdm Mean.npy and Std.npy" in everything) == (args.get("cond_mode") != "action")


def test_a_model_of_humanact12_needs_neither_statistics_nor_a_text_encoder(tmp_path: Path, mdm: Path) -> None:
    (mdm / "args.json").write_text(json.dumps({"dataset": "humanact12"}), encoding="utf-8")
    everything = found("motion=mdm", f"paths.weights={tmp_path}")
    assert [name for name in everything if name.startswith("mdm ")] == ["mdm checkpoint", "mdm args.json"]
    assert all(everything[name].state == PRESENT for name in ("mdm checkpoint", "mdm args.json"))


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"context_len": 20, "pred_len": 40}, "context_len=20"),
        ({"arch": "gru"}, "arch=gru"),
        ({"dataset": "uestc"}, "dataset=uestc"),
        ({"dataset": "kit"}, "dataset=kit"),
        ({"dataset": "humanact12", "unconstrained": True}, "unconstrained=True"),
    ],
)
def test_models_that_a_run_refuses_are_refused_with_the_same_message(
    tmp_path: Path, mdm: Path, args: dict[str, object], named: str
) -> None:
    (mdm / "args.json").write_text(json.dumps(args), encoding="utf-8")
    command = ["motion=mdm", f"paths.weights={tmp_path}"]
    finding = found(*command)["mdm args.json"]
    assert finding.state == MISSING
    assert named in finding.problem
    with pytest.raises(WeightsError) as refusal:
        check_character(compose(command))
    assert str(refusal.value) == finding.problem


def test_files_of_gmd_are_looked_for_where_its_repository_has_them(tmp_path: Path) -> None:
    everything = found("motion=gmd", f"paths.weights={tmp_path}")
    assert "folder dataset/ of" in everything["gmd rand_proj.npy"].problem
    assert "folder dataset/HumanML3D_abs/ of" in everything["gmd Mean_abs_3d.npy and Std_abs_3d.npy"].problem


def test_a_nested_or_packed_checkpoint_is_named(tmp_path: Path, mdm: Path) -> None:
    nested = tmp_path / "deep" / "mdm" / "humanml" / "humanml"
    nested.parent.mkdir(parents=True)
    shutil.copytree(mdm, nested)
    deep = found("motion=mdm", f"paths.weights={tmp_path / 'deep'}")["mdm checkpoint"]
    assert f"there is {nested / 'model000200000.pt'}: set motion.checkpoint to it" in deep.problem
    packed = tmp_path / "packed" / "mdm" / "humanml.zip"
    packed.parent.mkdir(parents=True)
    packed.touch()
    still = found("motion=mdm", f"paths.weights={tmp_path / 'packed'}")["mdm checkpoint"]
    assert f"there is the archive {packed}: unpack it there" in still.problem


def test_of_two_checkpoints_both_are_named(tmp_path: Path, mdm: Path) -> None:
    other = Path(shutil.copytree(mdm, mdm.parent / "another")) / "model000200000.pt"
    finding = found("motion=mdm", f"paths.weights={tmp_path}")["mdm checkpoint"]
    named = {
        finding.where,
        *(str(path) for path in (other, mdm / "model000200000.pt") if str(path) in finding.expected),
    }
    assert named == {str(other), str(mdm / "model000200000.pt")}


def test_pictures_of_iuv_are_checked_as_a_run_checks_them(tmp_path: Path) -> None:
    finding = found("iuv=images", f"iuv.folder={tmp_path / 'none'}")["iuv images"]
    assert finding.state == MISSING
    assert "there is no file or folder" in finding.problem


def test_a_text_encoder_of_ones_own_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    empty = found("motion=mld", f"motion.text_encoder={tmp_path / 'clip'}")["mld text encoder"]
    assert empty.state == MISSING
    assert "lacks config.json and its tokenizer" in empty.problem
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / "clip" / name).touch()
    assert found("motion=mld", f"motion.text_encoder={tmp_path / 'clip'}")["mld text encoder"].state == PRESENT
    absent = found("motion=mld", f"motion.text_encoder={tmp_path / 'absent'}")["mld text encoder"]
    assert absent.state == MISSING
    assert absent.problem == f"motion.text_encoder={tmp_path / 'absent'}: there is no folder {tmp_path / 'absent'}"


def test_a_model_of_ones_own_with_a_controlnet_from_the_hub(model_copy: Path) -> None:
    shutil.rmtree(model_copy / "controlnet")
    command = [f"setup.model={model_copy}", "setup.controlnet=someone/some-controlnet"]
    everything = found(*command)
    assert everything["setup.model"].state == PRESENT
    assert everything["setup.controlnet"].state == ON_DEMAND
    (model_copy / "vae" / "config.json").unlink()
    assert "vae is incomplete" in found(*command)["setup.model"].problem
    nowhere = found(f"setup.model={model_copy}", "setup.controlnet=./nowhere")["setup.controlnet"]
    assert nowhere.state == MISSING
    assert nowhere.problem.startswith("setup.controlnet=./nowhere: there is no folder")


def test_brackets_in_a_path_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["check", "motion=clip", f'motion.file="{tmp_path}/[red]dance.bvh"']) == 2
    assert "[red]dance.bvh" in "".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_no_line_is_wider_than_100_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assets.main(["check", "--all", "motion=mld", "body=smplx", "paths.weights=weights"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["asset", "state", "where", "licence", "and", "source", "size,", "hash"]
    assert any("optional" in line for line in lines)
    assert any("on demand" in line for line in lines)


@pytest.mark.slow
def test_all_lists_other_choices_too_and_counts_none_of_them_as_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["check", "--all"]) == 0
    out = capsys.readouterr().out
    for name in ("mdm checkpoint", "mld checkpoint", "gmd checkpoint", "SMPL-X", "motion.file", "on demand"):
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
    with pytest.raises(ConfigError, match=r"'chek' is not a command of latentman assets; did you mean 'check'\?"):
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
    assert f"cannot read the safetensors file {weights}: it is damaged" in " ".join(capsys.readouterr().out.split())


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    finding = package_finding("a-package-that-nobody-made", "install it: pip install it")
    assert (finding.state, finding.where, finding.problem) == (MISSING, "not installed", "install it: pip install it")
    optional = package_finding("a-package-that-nobody-made", "for something", needed=False)
    assert (optional.state, optional.terms) == (OPTIONAL, "for something")


def test_list_names_what_ships_with_size_and_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert assets.main(["list"]) == 0
    out = capsys.readouterr().out
    assert "mini-sd" in out
    assert "Apache-2.0" in out
    assert "unet/diffusion_pytorch_model.safetensors" in out
    assert "anny_neutral.npz" in out
