"""Narrow transformers of random weights."""

import pytest
import torch

from latentman.diffusion.denoise import Plan
from latentman.diffusion.pwg import GuidancePlan
from latentman.networks.load import load_backbone
from tests.factories.joint_families import joint_setup, save_joint_family
from tests.factories.tiny_model import ONE_CONTROLNET


@pytest.fixture(scope="session", params=["sd3", "flux", pytest.param("schnell", marks=pytest.mark.slow)])
def kind(request):
    """A family of published transformers."""
    return request.param


@pytest.fixture(scope="session")
def scale(kind):
    """The guidance scale of a family."""
    return 1.0 if kind == "schnell" else 3.5


@pytest.fixture(scope="session")
def joint_folder(kind, tmp_path_factory):
    """A narrow model of the family on disk, in the hub's layout."""
    folder = tmp_path_factory.mktemp(kind) / "model"
    save_joint_family(folder, kind)
    return folder


@pytest.fixture(scope="session")
def joint(joint_folder, scale):
    """The networks of ``joint_folder``."""
    return load_backbone(joint_setup(joint_folder, guidance_scale=scale), ONE_CONTROLNET, torch.device("cpu"))


@pytest.fixture
def plan(scale):
    """The whole method in four steps."""
    return Plan(
        num_steps=4, guidance_scale=scale, seed=3, anchor_modules=("unet", "controlnet"), sla_steps=range(2),
        guidance=GuidancePlan(steps=range(1, 3), delta=0.01, strength=2.5), chunk_size=3, schedule="flow",
    )  # fmt: skip
