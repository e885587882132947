"""Compiled networks give the same frames, in whole graphs."""

import dataclasses

import numpy as np
import pytest
import torch

from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.decode import decode
from latentman.diffusion.denoise import denoise
from latentman.diffusion.generative_rendering import GenerativeRendering
from latentman.diffusion.pwg import GuidancePlan
from latentman.diffusion.token_warping import TokenWarping
from latentman.diffusion.tokenflow import TokenFlow
from latentman.diffusion.vidtome import VidToMe
from latentman.errors import ConfigError
from latentman.networks.compile import check_compiler, compile_networks, fast_math
from latentman.networks.load import load_backbone
from tests.factories.tiny_model import FRAMES, IMAGE, ONE_CONTROLNET, make_frames, tiny_setup

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


def surface(frames):
    """Return IUV maps of a figure in the middle of every frame."""
    iuv = np.zeros((frames, IMAGE, IMAGE, 3), np.uint8)
    side = np.linspace(0, 255, IMAGE).astype(np.uint8)
    iuv[..., 1], iuv[..., 2] = side[:, None], side
    iuv[:, IMAGE // 8 : -IMAGE // 8, IMAGE // 8 : -IMAGE // 8, 0] = 1
    return iuv


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch looks at it while tracing
def test_compiled_networks_give_the_same_frames_in_whole_graphs(tiny_folder, disparity, plan):
    """Chunks of 3 and 1: a pass that leads and one that follows, of two sizes, with guidance through the VAE."""
    torch.compiler.reset()
    plan = dataclasses.replace(plan, chunk_size=FRAMES - 1, num_steps=4)
    backbone = load_backbone(tiny_setup(tiny_folder), ONE_CONTROLNET, CPU)
    frames = make_frames(backbone, disparity)
    expected = denoise(backbone, frames, plan)
    picture = decode(backbone, expected[:1])
    graphs: list[str] = []

    def counting(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        graphs.append(type(graph).__name__)
        return graph.forward

    compile_networks(backbone, "all", backend=counting, fullgraph=True)
    assert torch.allclose(denoise(backbone, frames, plan), expected, atol=1e-5)
    # UNet and ControlNet, leading and following; the VAE's decoder for the first frame, and for those with a gradient.
    assert len(graphs) == 2 * 2 + 2
    denoise(backbone, frames, plan)
    assert len(graphs) == 2 * 2 + 2, "another run compiles nothing new"
    assert torch.allclose(decode(backbone, expected[:1]), picture, atol=1e-5)
    torch.compiler.reset()


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_every_kind_of_pass_stays_compiled(tiny_folder, disparity, plan):
    """Off, leading and following, of two sizes, of both halves and one, with and without a gradient."""
    torch.compiler.reset()
    guidance = dataclasses.replace(plan.guidance, gradient="official_uncond", chunk_size=2)
    plan = dataclasses.replace(
        plan, chunk_size=FRAMES - 1, anchor=AnchorRule(steps=range(1, 5)), anchor_modules=("unet",), guidance=guidance
    )
    backbone = load_backbone(tiny_setup(tiny_folder), ONE_CONTROLNET, CPU)
    frames = make_frames(backbone, disparity)
    expected = denoise(backbone, frames, plan)
    # With whole graphs only, torch raises where it would give up compiling.
    compile_networks(backbone, "unet", backend="eager", fullgraph=True)
    assert torch.allclose(denoise(backbone, frames, plan), expected, atol=1e-4)
    torch.compiler.reset()


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_networks_with_masks_are_whole_graphs(tiny_folder, disparity, plan):
    torch.compiler.reset()
    backbone = load_backbone(tiny_setup(tiny_folder), ONE_CONTROLNET, CPU)
    frames = make_frames(backbone, disparity)
    frames = dataclasses.replace(frames, masks=AnchorMasks(frames.figures, frames.figures[0].numel()))
    plan = dataclasses.replace(plan, num_steps=2, sla_steps=range(0), guidance=GuidancePlan())
    expected = denoise(backbone, frames, plan)
    compile_networks(backbone, "unet", backend="eager", fullgraph=True)
    assert torch.allclose(denoise(backbone, frames, plan), expected, atol=1e-4)
    torch.compiler.reset()


TOKEN_METHODS = (
    TokenWarping(range(9)), TokenFlow(range(9), spacing=2), VidToMe(range(9), span=2),
    GenerativeRendering(range(9), spacing=2),
)  # fmt: skip


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:The .grad attribute")
@pytest.mark.parametrize("method", TOKEN_METHODS, ids=lambda method: type(method).__name__)
def test_networks_with_a_token_method_are_whole_graphs(tiny_folder, disparity, plan, method):
    """The maps that it reads are made before the networks are called: NumPy would end a graph."""
    torch.compiler.reset()
    backbone = load_backbone(tiny_setup(tiny_folder), ONE_CONTROLNET, CPU)
    frames = dataclasses.replace(make_frames(backbone, disparity), iuv=surface(FRAMES))
    plan = dataclasses.replace(
        plan, num_steps=2, sla_steps=range(0), guidance=GuidancePlan(), chunk_size=2, tokens=method
    )
    expected = denoise(backbone, frames, plan)
    compile_networks(backbone, "unet", backend="eager", fullgraph=True)
    assert torch.allclose(denoise(backbone, frames, plan), expected, atol=1e-4)
    torch.compiler.reset()


def test_none_compiles_nothing(tiny_folder):
    backbone = load_backbone(tiny_setup(tiny_folder), ONE_CONTROLNET, CPU)
    compile_networks(backbone, "none", backend="no such backend")
    assert backbone.unet._compiled_call_impl is None


def test_without_a_compiler_it_is_refused_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ConfigError, match=r"setup\.compile=unet on cpu needs a C\+\+ compiler.*setup\.compile=none"):
        check_compiler("unet", CPU)
    monkeypatch.setenv("CXX", "my-compiler")
    with pytest.raises(ConfigError, match="none at CXX=my-compiler"):
        check_compiler("unet", CPU)
    (tmp_path / "my-compiler").write_text("#!/bin/sh\n")
    (tmp_path / "my-compiler").chmod(0o755)
    check_compiler("unet", CPU)


def test_fast_math_changes_nothing_without_cuda():
    flags = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark)
    fast_math(CPU, enabled=not flags[0])
    assert flags == (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark)
