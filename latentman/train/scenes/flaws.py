"""Pictures with a flaw, and words for it, so that the model knows the flaws in negative prompts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

FLAW_SHARE = 0.05
"""Share of the pictures with a flaw."""

WORDS = (
    "low quality, blurry, ",
    "low quality, blurry, deformed, ",
    "lowres, bad anatomy, worst quality, ",
    "ugly, low quality, ",
)


def blurred(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Return image (3, H, W) out of focus."""
    small = functional.avg_pool2d(image[None], int(rng.choice([4, 8])), ceil_mode=True)
    return functional.interpolate(small, image.shape[1:], mode="bilinear", align_corners=False)[0]


def coarse(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Return image (3, H, W) with large pixels."""
    small = functional.avg_pool2d(image[None], 4, ceil_mode=True)
    return functional.interpolate(small, image.shape[1:], mode="nearest")[0]


def noisy(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Return image (3, H, W) with grain."""
    grain = torch.from_numpy(rng.normal(0, 0.10, tuple(image.shape)).astype(np.float32)).to(image.device)
    return (image + grain).clamp(0, 1)


def pale(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Return image (3, H, W) washed out."""
    return 0.45 + 0.4 * (image - 0.5) + 0.1


FLAWS: dict[str, Callable[[Tensor, np.random.Generator], Tensor]] = {
    "blurred": blurred,
    "coarse": coarse,
    "noisy": noisy,
    "pale": pale,
}
"""Every flaw by its name."""


def draw_flaw(rng: np.random.Generator) -> str | None:
    """Return the flaw of a picture; most have none."""
    return list(FLAWS)[int(rng.integers(len(FLAWS)))] if rng.random() < FLAW_SHARE else None


def name_flaw(text: str, rng: np.random.Generator) -> str:
    """Return a caption preceded by the words for a flaw, or only those words."""
    words = WORDS[int(rng.integers(len(WORDS)))]
    return words.removesuffix(", ") if rng.random() < 0.3 else words + text
