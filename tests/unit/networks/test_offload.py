"""Offloaded networks move to the device when they are called."""

import pytest
import torch
from torch import nn

from latentman.diffusion.decode import decode_frames
from latentman.diffusion.denoise import denoise
from latentman.networks.load import load_backbone
from latentman.networks.offload import come_when_called
from tests.factories.tiny_model import ONE_CONTROLNET, make_frames, tiny_setup

CPU = torch.device("cpu")


@pytest.mark.slow
def test_offloading_on_a_cpu_changes_nothing(tiny_folder, backbone, frames, disparity, plan):
    setup = tiny_setup(tiny_folder)
    setup.offload = True
    offloaded = load_backbone(setup, ONE_CONTROLNET, CPU)
    latents = denoise(backbone, frames, plan)
    assert torch.equal(denoise(offloaded, make_frames(offloaded, disparity), plan), latents)
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
