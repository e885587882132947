"""The map M on the device of the latents, to which it is copied once for all steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.types import Array, Correspondence, source_frame


@dataclass(frozen=True)
class Matches:
    """The map M as tensors of one device.

    ``target`` and ``source`` have an entry (2, K) int64 for each of T frames: the rows and the columns of the matched
    pixels in the frame and in its reference. ``positions``, where the map has them, are the exact places in the
    reference, (K, 2) float32.
    """

    target: tuple[Tensor, ...]
    source: tuple[Tensor, ...]
    positions: tuple[Tensor, ...] | None
    size: int
    reference: str

    def __len__(self) -> int:
        """Return T."""
        return len(self.target)

    def source_frame(self, frame_index: int) -> int:
        """Return the frame that frame ``frame_index`` takes its colours from."""
        return source_frame(self.reference, frame_index)


def placed(matches: Correspondence | Matches, device: torch.device) -> Matches:
    """Return a map on a device; one that is there already is returned as it is."""
    if isinstance(matches, Matches):
        return matches
    positions = matches.positions
    return Matches(
        target=tuple(as_pixels(target, device) for target, _ in matches.pairs),
        source=tuple(as_pixels(source, device) for _, source in matches.pairs),
        positions=None if positions is None else tuple(torch.from_numpy(x.copy()).to(device) for x in positions),
        size=matches.size,
        reference=matches.reference,
    )


def as_pixels(cells: Array, device: torch.device) -> Tensor:
    """Return (row, col) pairs (K, 2) as rows and columns (2, K)."""
    return torch.from_numpy(cells.T.astype("int64")).to(device)
