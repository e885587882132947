"""Each part of a run sends its own networks back to the CPU."""

import dataclasses

import torch
from torch import nn

from latentman.networks.backbone import Backbone
from latentman.networks.offload import send_away

CPU = torch.device("cpu")


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
