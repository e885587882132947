"""The tiny decoder, distilled from a VAE's for Pixel-Wise Guidance, which needs its gradient more than its picture.

Guidance takes the product of the decoder's transposed Jacobian with a difference of pictures. The tiny decoder learns
that product together with the pictures, from latents such as guidance sees: clean ones and blurred ones, as a UNet
predicts them halfway. Not in the paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from latentman.train.mini.networks import new_tiny_decoder
from latentman.train.mini.pictures import contact_sheet, write_picture
from latentman.train.mini.sampling import encode_pictures
from latentman.train.mini.settings import MiniTraining
from latentman.train.mini.task import Batch
from latentman.train.scenes.scene_set import SceneSet

DECODER_FOLDER = "mini-decoder"
"""The finished tiny decoder, below ``out``."""

_BORDER = 4
"""Latent cells along the border of a crop that do not count: what is outside of it is missing there."""

_SHOWN = 6

_BLURS = (1, 3, 5)
"""Sides of the squares of latent cells over which latents are averaged; 1 leaves them alone."""


@dataclass(frozen=True)
class Examples:
    """What the VAE's decoder makes of N latents, in half precision.

    ``latents`` (N, 4, h, w) are scaled as the UNet reads them, ``pictures`` (N, 3, H, W) about 0 to 1, ``differences``
    (N, 3, H, W) between two pictures, and ``gradients`` (N, 4, h, w) of the sum of pictures times differences with
    respect to the latents.
    """

    latents: Tensor
    pictures: Tensor
    differences: Tensor
    gradients: Tensor


def decoded_examples(
    vae: Any, scenes: SceneSet, settings: MiniTraining, advance: Callable[[int, int], None]
) -> Examples:
    """Decode ``decoder.examples`` latents and take their gradients.

    A difference is what guidance compares: of the decoded picture and the drawn one, which is sharper, moved by some
    pixels, and in other colours.

    Args:
        vae: the VAE to learn from, frozen.
        scenes: pictures; every example is one of them, used in order.
        settings: of the training.
        advance: called with (examples done, examples in total).
    """
    number, made = settings.decoder.examples, []
    for index in range(number):
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + index)
        picture = scenes.images[index % len(scenes)][None].float() / 255
        with torch.no_grad():
            clean = encode_pictures(vae, picture)
        latents = _blurred(clean, generator).requires_grad_()
        found = decoded(vae, latents, vae.config.scaling_factor)
        moved = torch.randint(-6, 7, (2,), generator=generator).tolist()
        tint = 0.15 * torch.randn((1, 3, 1, 1), generator=generator).to(picture.device)
        difference = found.detach() - (picture.roll(moved, (2, 3)) + tint)
        (gradient,) = torch.autograd.grad((found * difference).sum(), latents)
        made.append([one.detach().half() for one in (latents, found, difference, gradient)])
        advance(index + 1, number)
    return Examples(*(torch.cat(parts) for parts in zip(*made, strict=True)))


def _blurred(latents: Tensor, generator: torch.Generator) -> Tensor:
    """Return latents (1, 4, h, w) with a drawn share of their average over some cells, and a little noise."""
    side = _BLURS[int(torch.randint(len(_BLURS), (1,), generator=generator))]
    share, noise = torch.rand(2, generator=generator).tolist()
    smooth = avg_pool2d(latents, side, stride=1, padding=side // 2, count_include_pad=False)
    drawn = torch.randn(latents.shape, generator=generator).to(latents.device)
    return latents + share * (smooth - latents) + 0.1 * noise * drawn


def decoded(network: Any, latents: Tensor, scaling_factor: float = 1.0) -> Tensor:
    """Return pictures (N, 3, H, W), about 0 to 1 and not clamped, of scaled latents (N, 4, h, w)."""
    picture: Tensor = network.decode(latents / scaling_factor).sample
    return picture.float() / 2 + 0.5


class DecoderTask:
    """Trains a tiny decoder to decode as a VAE does, and to have its gradients."""

    name = "decoder"

    def __init__(self, settings: MiniTraining, examples: Examples) -> None:
        torch.manual_seed(settings.seed)
        self.cfg, self.examples = settings.decoder, examples
        self.modules = nn.ModuleDict({"tiny": new_tiny_decoder(settings).to(examples.latents.device)})
        self._grid = examples.latents.shape[-1]
        self._factor = examples.pictures.shape[-1] // self._grid
        self._crop = min(self.cfg.crop, self._grid)

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return examples and the first row and column of their crops."""
        device = self.examples.latents.device
        last = self._grid - self._crop + 1
        return {
            "index": torch.randint(len(self.examples.latents), (size,), generator=generator, device=device),
            "corner": torch.randint(last, (size, 2), generator=generator, device=device),
        }

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss: absolute error of the pictures, and squared error of the gradients by their length.

        ``cosine`` between the gradients is reported too. The encoder, which guidance never calls, is linear and learns
        the way back by least squares.
        """
        tiny: Any = self.modules["tiny"]
        latents, pictures, differences, gradients = self._crops(batch)
        latents.requires_grad_()
        found = decoded(tiny, latents)
        (gradient,) = torch.autograd.grad((found * differences).sum(), latents, create_graph=True)
        error = _inside(found - pictures, self._factor * _BORDER).abs().mean()
        ours, theirs = (_inside(one, _BORDER).flatten(1) for one in (gradient, gradients))
        missed = ((ours - theirs).pow(2).sum(1) / theirs.pow(2).sum(1)).mean()
        back = (tiny.encode(2 * pictures - 1).latents - latents.detach()).pow(2).mean()
        return {
            "loss": error + self.cfg.gradient_weight * missed + back,
            "error": error,
            "cosine": torch.cosine_similarity(ours, theirs).mean(),
        }

    def _crops(self, batch: Batch) -> list[Tensor]:
        """Return the crops of latents, pictures, differences and gradients in single precision."""
        crops: list[list[Tensor]] = [[], [], [], []]
        for index, (top, left) in zip(batch["index"].tolist(), batch["corner"].tolist(), strict=True):
            held = vars(self.examples).values()
            for crop, one, factor in zip(crops, held, (1, self._factor, self._factor, 1), strict=True):
                rows, columns = (slice(factor * first, factor * (first + self._crop)) for first in (top, left))
                crop.append(one[index, :, rows, columns].float())
        return [torch.stack(crop) for crop in crops]

    @torch.no_grad()
    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        """Write the VAE's pictures above the tiny decoder's."""
        latents = self.examples.latents[:_SHOWN].float()
        rows = [self.examples.pictures[:_SHOWN].float(), decoded(average["tiny"], latents)]
        write_picture(folder / f"step_{step:06d}.png", contact_sheet(rows))


def _inside(values: Tensor, border: int) -> Tensor:
    """Return values (N, C, H, W) without the border, unless nothing would be left."""
    border = min(border, (values.shape[-1] - 1) // 2)
    return values[..., border : values.shape[-2] - border, border : values.shape[-1] - border]
