"""The doctor looks for everything that the frames are made with; what the page on backbones says can be typed."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from latentman.assets.check import check
from latentman.assets.finding import MISSING, ON_DEMAND, PRESENT, Finding
from latentman.engine.compose import check_command, compose
from latentman.engine.overrides import split_arguments
from latentman.errors import LatentManError
from latentman.networks.resolved import check_setup
from latentman.system.paths import asset

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def found(*overrides: str) -> dict[str, Finding]:
    return {finding.asset: finding for finding in check(compose([*overrides]))}


def test_the_models_of_sdxl_are_listed() -> None:
    everything = found("setup=sdxl")
    assert everything["setup.model"].state == everything["setup.controlnet"].state == ON_DEMAND
    assert "Open RAIL++-M" in everything["setup.model"].terms
    assert "setup.ip_adapter.model" not in everything


def test_the_models_of_transformers_are_listed_with_licences_and_gigabytes() -> None:
    flux, sd35 = found("setup=flux"), found("setup=sd35")
    assert flux["setup.model"].state == flux["setup.controlnet"].state == ON_DEMAND
    assert "not commercial" in flux["setup.model"].terms
    assert flux["setup.model"].expected == "33.7 GB, 9.5 of them T5"
    assert flux["setup.controlnet"].expected == "3.2 GB"
    assert "Stability AI Community" in sd35["setup.model"].terms
    assert "setup.t5" in sd35["setup.model"].expected


def test_networks_of_the_conditioner_are_listed() -> None:
    several = found("setup=sd15", "conditioner=multi_controlnet")
    assert {"setup.model", "setup.controlnet", "conditioner.nets[1].model"} <= set(several)
    adapter = found("setup=sd15", "conditioner=t2i_adapter")
    assert adapter["conditioner.nets[0].model"].state == ON_DEMAND
    assert "setup.controlnet" not in adapter
    assert "setup.controlnet" not in found("setup=sd15", "conditioner=none")


def test_loras_are_looked_for(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(2)}, tmp_path / "a.safetensors")
    everything = found(f"setup.loras=[{{path: {tmp_path}/a.safetensors}},{{path: {tmp_path}/b.safetensors}}]")
    assert everything["setup.model"].state == PRESENT
    assert everything["setup.loras[0]"].state == PRESENT
    assert everything["setup.loras[1]"].state == MISSING
    assert "there is no file" in str(everything["setup.loras[1]"].problem)


def test_the_motion_adapter_of_a_trained_sampler_is_looked_for() -> None:
    named = "sampler.motion_adapter=guoyww/animatediff-motion-adapter-v1-5-3"
    assert found("setup=sd15", "method=animatediff", named)["sampler.motion_adapter"].state == ON_DEMAND
    missing = found("setup=sd15", "method=animatediff")["sampler.motion_adapter"]
    assert (missing.state, missing.where) == (MISSING, "-")
    assert "guoyww/animatediff" in str(missing.problem)


def test_an_ip_adapter_and_its_picture_are_looked_for(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "look.png")
    everything = found("setup=sd15", f"setup.ip_adapter.image={tmp_path}/look.png")
    assert everything["setup.ip_adapter.model"].state == ON_DEMAND
    assert everything["setup.ip_adapter.image"].state == PRESENT
    missing = found("setup=sd15", f"setup.ip_adapter.image={tmp_path}/none.png")["setup.ip_adapter.image"]
    assert missing.state == MISSING
    assert "cannot read" in str(missing.problem)


def test_a_single_file_needs_an_architecture(tmp_path: Path) -> None:
    names = ("model.diffusion_model.x", "first_stage_model.x", "cond_stage_model.x")
    save_file({name: torch.zeros(2) for name in names}, tmp_path / "one.safetensors")
    own = [f"setup.model={tmp_path}/one.safetensors", f"setup.controlnet={asset('mini-sd', 'controlnet')}"]
    assert found(*own)["setup.architecture"].state == MISSING
    everything = found(*own, "setup.architecture=asset:mini-sd")
    assert {everything[key].state for key in ("setup.model", "setup.architecture", "setup.controlnet")} == {PRESENT}
    save_file({"y": torch.zeros(2)}, tmp_path / "one.safetensors")
    assert "holds no unet" in str(found(*own)["setup.model"].problem)


@pytest.mark.parametrize(
    "overrides",
    [
        ["setup.latent_size=32"],
        ["setup.image_size=384", "setup.latent_size=96", "pwg.size=128", "setup.model=COPY"],
        ["setup.model=COPY", "setup.latent_size=32"],
        ["setup.loras=[{path: COPY/unet/diffusion_pytorch_model.safetensors}]"],
        ["setup.model=COPY/nothing"],
        [],
    ],
)
def test_the_doctor_and_a_run_give_the_same_verdict_with_the_same_message(overrides: list[str]) -> None:
    config = compose([override.replace("COPY", str(asset("mini-sd"))) for override in overrides])
    try:
        check_setup(config.setup, config.conditioner)
        expected = None
    except LatentManError as error:
        expected = str(error)
    problems = [finding.problem for finding in check(config) if finding.state == MISSING]
    assert problems == ([] if expected is None else [expected])


@pytest.mark.slow
def test_every_command_of_the_page_passes_its_checks() -> None:
    page = (ROOT / "docs" / "backbones.md").read_text(encoding="utf-8")
    commands = re.findall(r"^ +latentman run (.*)$", page, re.MULTILINE)
    assert len(commands) >= 9
    for command in commands:
        check_command(split_arguments(shlex.split(command, comments=True)).overrides)


def test_the_tiny_decoder_is_listed_where_it_is_chosen() -> None:
    chosen = found("setup=sd15", "pwg.decoder=tiny")["setup.tiny_decoder"]
    assert chosen.state == ON_DEMAND
    assert "madebyollin/taesd," in chosen.where
    assert (chosen.terms, chosen.expected) == ("MIT; huggingface.co/madebyollin/taesd", "10 MB")
    assert "setup.tiny_decoder" not in found("setup=sd15", "pwg.decoder=full")
