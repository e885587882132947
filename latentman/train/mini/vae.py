"""The VAE: pictures to latents of zero mean and unit variance, and back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentman.train.mini.networks import new_vae
from latentman.train.mini.pictures import contact_sheet, write_picture
from latentman.train.mini.settings import MiniTraining
from latentman.train.mini.task import Batch
from latentman.train.scenes.scene_set import SceneSet

_SHOWN = 8


class VaeTask:
    """Trains the VAE to reconstruct pictures."""

    name = "vae"

    def __init__(self, settings: MiniTraining, scenes: SceneSet, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        self.cfg, self.scenes = settings.vae, scenes
        vae = new_vae(settings).to(device)
        if device.type == "cuda":
            vae = vae.to(memory_format=torch.channels_last)
        self.modules = nn.ModuleDict({"vae": vae})
        self._shape = (4, settings.latent_size, settings.latent_size)

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return pictures, and the noise of their latents."""
        device = self.scenes.images.device
        index = torch.randint(len(self.scenes), (size,), generator=generator, device=device)
        return {
            "images": self.scenes.images[index],
            "noise": torch.randn((size, *self._shape), generator=generator, device=device),
        }

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss: absolute error plus weighted squared error, gradient error and prior.

        ``psnr`` and ``prior`` are reported too.
        """
        vae: Any = self.modules["vae"]
        images = batch["images"].float() / 127.5 - 1
        posterior = vae.encode(images).latent_dist
        decoded = vae.decode(posterior.mean + posterior.std * batch["noise"]).sample.float()
        error = decoded - images
        squared = error.pow(2).mean()
        across, down = error.diff(dim=3).abs().mean(), error.diff(dim=2).abs().mean()
        prior = posterior.kl().mean() / posterior.mean[0].numel()
        loss = (
            error.abs().mean()
            + self.cfg.mse_weight * squared
            + self.cfg.gradient_weight * (across + down)
            + self.cfg.kl_weight * prior
        )
        return {"loss": loss, "psnr": 10 * torch.log10(4 / squared.detach()), "prior": prior}

    @torch.no_grad()
    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        """Write originals above reconstructions."""
        images = self.scenes.images[:_SHOWN].float() / 255
        vae: Any = average["vae"]
        decoded = vae.decode(vae.encode(2 * images - 1).latent_dist.mean).sample / 2 + 0.5
        write_picture(folder / f"step_{step:06d}.png", contact_sheet([images, decoded]))


@torch.no_grad()
def latent_statistics(vae: Any, images: Tensor, batch: int = 32) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation (C,) of the latents of images (N, 3, H, W) uint8, in double precision."""
    parts = [vae.encode(part.float() / 127.5 - 1).latent_dist.mean.double() for part in images.split(batch)]
    latents = torch.cat(parts)
    return latents.mean((0, 2, 3)), latents.std((0, 2, 3))


@torch.no_grad()
def standardised(vae: Any, mean: Tensor, deviation: Tensor) -> Any:
    """Return an equivalent VAE with latents (z - mean) / deviation in each channel.

    The convolutions between the networks and the latents are 1 x 1, so the change of scale can be absorbed exactly into
    their weights; ``scaling_factor`` is then 1.
    """
    changed = copy.deepcopy(vae)
    channels = len(mean)
    before, after = changed.quant_conv, changed.post_quant_conv
    mean, deviation = mean.to(before.weight), deviation.to(before.weight)
    # The first half of the channels is the mean of the posterior, the second the logarithm of its variance.
    before.weight[:channels] /= deviation[:, None, None, None]
    before.bias[:channels] = (before.bias[:channels] - mean) / deviation
    before.bias[channels:] -= 2 * deviation.log()
    after.bias += (after.weight[:, :, 0, 0] * mean).sum(1)
    after.weight *= deviation[None, :, None, None]
    changed.register_to_config(scaling_factor=1.0)
    return changed
