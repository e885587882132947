"""Compiled and offloaded networks: the same frames, in whole graphs, and on the device only when they are needed."""

import dataclasses

import pytest
import torch
from torch import nn

from latentman.config import SetupConfig
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.decode import decode, decode_frames
from latentman.diffusion.denoise import denoise
from latentman.errors import ConfigError
from latentman.networks.backbone import Backbone
from latentman.networks.compile import check_compiler, compile_networks, fast_math
from latentman.networks.load import load_backbone
from latentman.networks.offload import come_when_called, send_away

from .conftest import FRAMES, ONE_CONTROLNET, make_clip, tiny_setup

CPU = torch.device("cpu")


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch looks at it while tracing
def test_compiled_networks_give_the_same_frames_in_whole_graphs(tiny_folder, disparity, plan):
    """Chunks of 3 and 1: a pass that leads and one that follows, of two sizes, with guidance through the VAE."""
    torch.compiler.reset()
    plan = dataclasses.replace(plan, chunk_size=FRAMES - 1, num_steps=4)
    backbone = load_backbone(tiny_setup(tiny_folder), ONE_CONTROLNET, CPU)
    clip = make_clip(backbone, disparity)
    expected = denoise(backbone, clip, plan)
    picture = decode(backbone, expected[:1])
    graphs: list[str] = []

    def counting(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        graphs.append(type(graph).__name__)
        return graph.forward

    compile_networks(backbone, "all", backend=counting, fullgraph=True)
    assert torch.allclose(denoise(backbone, clip, plan), expected, atol=1e-5)
    # UNet and ControlNet, leading and following; the VAE's decoder for the first frame, and for those with a gradient.
    assert len(graphs) == 2 * 2 + 2
    denoise(backbone, clip, plan)
    assert len(graphs) == 2 * 2 + 2, "another run compiles nothing new"
    assert torch.allclose(decode(backbone, expected[:1]), picture, atol=1e-5)
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_every_kind_of_pass_stays_compiled(tiny_folder, disparity, plan):
    """Off, leading and following, of two sizes, of both halves and one, with and without a gradient."""
    torch.compiler.reset()
    guidance = dataclasses.replace(plan.guidance, gradient="official_uncond", chunk_size=2)
    plan = dataclasses.replace(
        plan, chunk_size=FRAMES - 1, anchor=AnchorRule(steps=range(1, 5)), anchor_modules=("unet",), guidance=guidance
    )
    backbone = load_backbone(tiny_setup(tiny_folder), ONE_CONTROLNET, CPU)
    clip = make_clip(backbone, disparity)
    expected = denoise(backbone, clip, plan)
    # With whole graphs only, torch raises where it would give up compiling.
    compile_networks(backbone, "unet", backend="eager", fullgraph=True)
    assert torch.allclose(denoise(backbone, clip, plan), expected, atol=1e-4)
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


def test_fast_math_is_a_matter_of_cuda():
    flags = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark)
    fast_math(CPU, enabled=not flags[0])
    assert flags == (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark)


def test_compiling_and_offloading_together_is_refused():
    with pytest.raises(ConfigError, match=r"setup\.offload=true .*setup\.compile=all"):
        SetupConfig("x", "y", image_size=64, latent_size=16, guidance_scale=1.0, pwg_strength=0.0, offload=True,
                    compile="all")  # fmt: skip


def test_offloading_on_a_cpu_changes_nothing(tiny_folder, backbone, clip, disparity, plan):
    setup = tiny_setup(tiny_folder)
    setup.offload = True
    offloaded = load_backbone(setup, ONE_CONTROLNET, CPU)
    latents = denoise(backbone, clip, plan)
    assert torch.equal(denoise(offloaded, make_clip(offloaded, disparity), plan), latents)
    assert torch.equal(decode_frames(offloaded, latents), decode_frames(backbone, latents))


def test_a_network_comes_to_the_device_when_it_is_called():
    meta = torch.device("meta")
    whole, entered = nn.Linear(3, 4), nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    come_when_called(whole, meta)
    come_when_called(entered, meta, [entered[1]])
    assert {p.device.type for p in (*whole.parameters(), *entered.parameters())} == {"cpu"}
    assert whole(torch.zeros(1, 3, device=meta)).device == meta
    entered[1](torch.zeros(1, 4, device=meta))
    assert {p.device.type for p in (*whole.parameters(), *entered.parameters())} == {"meta"}


class Placed(nn.Module):
    """A module that remembers where it was sent."""

    def __init__(self, log: list[tuple[str, str]], name: str) -> None:
        super().__init__()
        self.log, self.name = log, name

    def to(self, device: str) -> nn.Module:
        self.log.append((self.name, device))
        return self


def test_every_part_sends_its_own_networks_away():
    log: list[tuple[str, str]] = []
    names = ("unet", "net", "vae", "text", "text_2", "adapter")
    unet, net, vae, text, text_2, adapter = (Placed(log, name) for name in names)
    backbone = Backbone(
        unet, (net,), (), vae, text, None, None, torch.device("meta"), torch.float32, adapter=adapter,
        text_encoder_2=text_2, offload=True,
    )  # fmt: skip
    for part, leaving in (("text", ["text", "text_2"]), ("control", ["adapter"]), ("denoise", ["unet", "net"])):
        backbone.part_is_over(part)
        assert log == [(name, "cpu") for name in leaving], part
        log.clear()
    dataclasses.replace(backbone, offload=False).part_is_over("denoise")
    dataclasses.replace(backbone, device=CPU).part_is_over("denoise")
    assert not log
    send_away([vae])
    assert log == [("vae", "cpu")]
