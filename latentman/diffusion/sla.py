"""Spatial Latent Alignment: Eq. 6 of the paper.

Where pixel q of frame i shows the same point of the body as pixel s of its reference frame, the latent of frame i at
q is replaced by the reference's at s: ``x_t^i[q] <- x_t^(i-1)[s]``. The chain is sequential: frame i copies from the
frame i - 1 that has already been aligned in the same step (the released code does the same), so that frame 0's
latents are carried through all frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentman.diffusion.matches import Matches, placed
from latentman.errors import ShapeError
from latentman.types import Correspondence


def spatial_latent_alignment(latents: Tensor, correspondence: Correspondence | Matches, blend: float = 1.0) -> Tensor:
    """Return latents (T, C, h, w) aligned along the reference chain; the input is not changed.

    Args:
        latents: x_t of every frame, before the UNet is called.
        correspondence: the map M on the latent grid.
        blend: share of the reference's latent; below 1 the frame keeps some of its own. Not in the paper. Latents that
            differ lose variance in a blend.

    Raises:
        ShapeError: if the map and the latents differ in grid or number of frames.
    """
    matches = placed(correspondence, latents.device)
    check_grid("spatial latent alignment", latents, matches)
    aligned = latents.clone()
    for i, ((q_row, q_col), (s_row, s_col)) in enumerate(zip(matches.target, matches.source, strict=True)):
        if len(q_row) == 0:
            continue
        reference = aligned[matches.source_frame(i)][:, s_row, s_col]
        own = aligned[i][:, q_row, q_col]
        aligned[i][:, q_row, q_col] = reference if blend == 1 else torch.lerp(own, reference, blend)
    return aligned


def check_grid(what: str, latents: Tensor, matches: Matches) -> None:
    """Check that a map M belongs to latents (T, C, h, w).

    Raises:
        ShapeError: if they differ in grid or number of frames.
    """
    frames, _, height, width = latents.shape
    if (frames, height, width) != (len(matches), matches.size, matches.size):
        raise ShapeError(
            f"{what}: latents of {frames} frames at {height}x{width} do not fit a map of "
            f"{len(matches)} frames at {matches.size}x{matches.size}"
        )
