"""The depth ControlNet: trained with the finished UNet to place the figure according to the depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentman.train.mini.networks import Networks, new_controlnet
from latentman.train.mini.pictures import as_colour, contact_sheet, wrapped, write_picture
from latentman.train.mini.settings import MiniTraining
from latentman.train.mini.t2i import SHOWN_PROMPTS, NoisedLatents, sample_prompts
from latentman.train.mini.task import Batch
from latentman.train.scenes.scene_set import SceneSet

_COLUMNS = 6


class ControlNetTask:
    """Trains a ControlNet on frozen networks, starting from a copy of their UNet."""

    name = "controlnet"

    def __init__(self, settings: MiniTraining, scenes: SceneSet, networks: Networks, device: torch.device) -> None:
        torch.manual_seed(settings.seed + 2)
        self.settings, self.networks = settings, networks
        self.data = NoisedLatents(scenes, networks.vae, networks.tokenizer, settings.controlnet)
        controlnet = new_controlnet(settings, networks.unet).to(device).requires_grad_(True)
        unet = networks.unet
        if device.type == "cuda":
            controlnet, unet = (net.to(memory_format=torch.channels_last) for net in (controlnet, unet))
        self.modules = nn.ModuleDict({"controlnet": controlnet})
        compiled = settings.compile and device.type == "cuda"
        self._control, self._unet = (torch.compile(net) if compiled else net for net in (controlnet, unet))

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return a batch with depth."""
        return self.data.draw(size, generator, with_depth=True)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the error of the predicted noise."""
        with torch.no_grad():
            embeds = self.networks.text_encoder(batch["ids"]).last_hidden_state
        given: dict[str, Any] = {"encoder_hidden_states": embeds, "return_dict": False}
        down, mid = self._control(batch["noisy"], batch["timestep"], controlnet_cond=as_colour(batch["depth"]), **given)
        predicted = self._unet(
            batch["noisy"],
            batch["timestep"],
            down_block_additional_residuals=down,
            mid_block_additional_residual=mid,
            **given,
        )[0]
        return self.data.error(predicted, batch)

    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        """Write a contact sheet: the depth of drawn scenes over the fixed prompts in those poses."""
        n = self.networks
        networks = Networks(n.vae, n.text_encoder, n.tokenizer, n.unet, average["controlnet"])
        depth = self.data.scenes.depth[: len(SHOWN_PROMPTS)]
        prompts = SHOWN_PROMPTS[: len(depth)]
        images = sample_prompts(networks, self.settings, prompts, depth)
        rows = zip(wrapped(as_colour(depth), _COLUMNS), wrapped(images, _COLUMNS), strict=True)
        sheet = contact_sheet([row for pair in rows for row in pair])
        write_picture(folder / f"step_{step:06d}.png", sheet)
