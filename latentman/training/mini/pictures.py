"""Contact sheets: what a part can do, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentman.paths import write_atomic
from latentman.types import Array


def to_bytes(images: Tensor) -> Tensor:
    """Return pictures in 0 to 1 as uint8, of the same shape."""
    return (images.float().clamp(0, 1) * 255).round().to(torch.uint8)


def sheet(rows: Sequence[Tensor], columns: int = 8) -> Array:
    """Return pictures as one, (H, W, 3) uint8.

    Args:
        rows: kinds of picture, each (N, 3, h, w) or (N, h, w) uint8; picture k of every kind stands above each other.
        columns: pictures beside each other, at most.
    """
    kinds = [row[:, None].expand(-1, 3, -1, -1) if row.ndim == 3 else row for row in rows]
    number = len(kinds[0])
    columns = min(columns, number)
    stripes = []
    for first in range(0, number, columns):
        for kind in kinds:
            stripe = kind[first : first + columns].cpu().permute(2, 0, 3, 1).flatten(1, 2)
            missing = columns * kind.shape[-1] - stripe.shape[1]
            stripes.append(torch.nn.functional.pad(stripe, (0, 0, 0, missing), value=255))
    return np.ascontiguousarray(torch.cat(stripes).numpy())


def write_png(path: Path, picture: Array) -> None:
    """Write (H, W, 3) uint8 atomically.

    Raises:
        RecordError: if it cannot be written.
    """
    write_atomic(path, lambda temporary: Image.fromarray(picture).save(temporary))
