"""Networks that wait in the computer's memory and go to the device for their part of the run only.

A network comes to the device when it is first called; when its part is over, :meth:`Backbone.part_is_over` sends it
back: text encoders after the texts, the UNet and ControlNets before the frames are decoded. Nothing moves within a
part, so the loop is as fast as without; Pixel-Wise Guidance keeps both the VAE and the UNet on the device.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


def come_when_called(network: nn.Module, device: torch.device, entries: Iterable[nn.Module] = ()) -> None:
    """Move a network to the device before it runs.

    Args:
        network: what moves as a whole.
        device: where to.
        entries: the parts of it through which it is called; none means the network's own ``forward``.
    """

    def bring(module: nn.Module, arguments: Any) -> None:
        parameter = next(network.parameters(), None)
        if parameter is not None and parameter.device.type != device.type:
            network.to(device)

    for entry in entries or (network,):
        entry.register_forward_pre_hook(bring)


def send_away(networks: Iterable[nn.Module]) -> None:
    """Move networks back to the computer's memory and free the device's."""
    for network in networks:
        network.to("cpu")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
