"""Fixtures around small models of random weights; the ``conftest.py`` of a package of tests chooses among them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from latentman.diffusion.denoise import Frames, Plan
from latentman.diffusion.pwg import GuidancePlan
from latentman.networks.backbone import Backbone
from latentman.networks.load import load_backbone
from tests.factories.families import family_setup, make_controlnet, make_unet, save_family, save_net
from tests.factories.tiny_model import FRAMES, IMAGE, ONE_CONTROLNET, STEPS, make_frames, save_tiny_model, tiny_setup

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny-sd"
    save_tiny_model(folder)
    return folder


@pytest.fixture(scope="session")
def backbone(tiny_folder: Path) -> Backbone:
    return load_backbone(tiny_setup(tiny_folder), ONE_CONTROLNET, torch.device("cpu"))


@pytest.fixture
def plan() -> Plan:
    return Plan(
        num_steps=STEPS,
        guidance_scale=5.0,
        seed=3,
        anchor_modules=("unet", "controlnet"),
        sla_steps=range(0, 2),
        guidance=GuidancePlan(steps=range(1, 4), delta=0.01, strength=8.0),
        chunk_size=FRAMES,
    )


@pytest.fixture
def disparity() -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.random((FRAMES, IMAGE, IMAGE), dtype=np.float32)


@pytest.fixture
def frames(backbone: Backbone, disparity: np.ndarray) -> Frames:
    return make_frames(backbone, disparity)


@pytest.fixture(scope="module", params=["sd15", pytest.param("sdxl", marks=pytest.mark.nightly)])
def family(request: pytest.FixtureRequest) -> str:
    """A family of published models."""
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow model of the family on disk, in the hub's layout."""
    folder = tmp_path_factory.mktemp(family) / "model"
    save_family(folder, family)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Backbone:
    """The networks of ``folder``."""
    return load_backbone(family_setup(folder), ONE_CONTROLNET, CPU)


@pytest.fixture(scope="session")
def sd15_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow model of the family sd15 on disk, in the hub's layout."""
    folder = tmp_path_factory.mktemp("sd15") / "model"
    save_family(folder, "sd15")
    return folder


@pytest.fixture(scope="session")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow model of the family sdxl on disk, in the hub's layout."""
    folder = tmp_path_factory.mktemp("sdxl") / "model"
    save_family(folder, "sdxl")
    return folder


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another ControlNet for the family sd15."""
    torch.manual_seed(9)
    return save_net(tmp_path_factory.mktemp("second"), make_controlnet(make_unet("sd15")))


@pytest.fixture
def copied(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that the test may damage."""
    return shutil.copytree(tiny_folder, tmp_path / "copy")
