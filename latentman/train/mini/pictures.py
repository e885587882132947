"""Contact sheets that are written during training."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from latentman.system.paths import write_atomic


def contact_sheet(rows: list[Tensor]) -> Tensor:
    """Return one picture (3, H', W') of rows, each (N, 3, H, W) in 0 to 1 with the same N."""
    return torch.cat([torch.cat(list(row.float().cpu().clamp(0, 1)), dim=2) for row in rows], dim=1)


def wrapped(images: Tensor, columns: int) -> list[Tensor]:
    """Return images (N, 3, H, W) as rows of ``columns``, with the last row padded with black."""
    missing = -len(images) % columns
    filled = torch.cat([images, images.new_zeros((missing, *images.shape[1:]))])
    return list(filled.split(columns))


def write_picture(path: Path, picture: Tensor) -> None:
    """Write a picture (3, H, W) in 0 to 1 as PNG, atomically."""
    pixels = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    write_atomic(path, lambda p: Image.fromarray(pixels).save(p))


def as_colour(grey: Tensor) -> Tensor:
    """Return grey pictures (N, H, W) uint8 as (N, 3, H, W) in 0 to 1."""
    return (grey.float() / 255)[:, None].expand(-1, 3, -1, -1)
