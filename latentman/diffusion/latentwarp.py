"""LatentWarp (arXiv 2311.00353): latents of the reference frame are warped to every frame, where they are visible.

``x_t^i[q] <- x_t^(i-1)[q + f(q)]`` where the flow f ends in a visible cell. The paper estimates the flow from a video.
Ours is the map M, exact for the figure, and zero for the background, which stands still where neither frame shows the
figure. As in Eq. 6, the chain is sequential within a step. With ``nearest``, the figure's part is Eq. 6 itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.diffusion.background import MARGIN, grown
from latentman.diffusion.matches import Matches, placed
from latentman.diffusion.pwg import bilinear
from latentman.diffusion.sla import check_grid
from latentman.types import Correspondence


@dataclass(frozen=True)
class LatentWarp:
    """``steps``: at which latents are warped. ``background``: warp it too. ``interpolation``: nearest or bilinear."""

    steps: range = range(0)
    background: bool = True
    interpolation: str = "nearest"


def warped_latents(
    latents: Tensor, correspondence: Correspondence | Matches, figures: Tensor | None, settings: LatentWarp
) -> Tensor:
    """Return latents (T, C, h, w) warped along the reference chain; the input is not changed.

    Args:
        latents: x_t of every frame, before the UNet is called.
        correspondence: the map M on the latent grid. Without sub-pixel positions, ``bilinear`` is ``nearest``.
        figures: (T, h, w) bool, true where a cell shows the character; None warps no background.
        settings: what is warped, and how.

    Raises:
        ShapeError: if the map and the latents differ in grid or number of frames.
    """
    matches = placed(correspondence, latents.device)
    check_grid("latentwarp", latents, matches)
    shown = grown(figures, MARGIN).to(latents.device) if figures is not None and settings.background else None
    warped = latents.clone()
    for i in range(1, len(matches)):
        reference = warped[matches.source_frame(i)]
        if shown is not None:
            still = ~(shown[i] | shown[matches.source_frame(i)])
            warped[i] = torch.where(still, reference, warped[i])
        exact = settings.interpolation == "bilinear" and matches.positions is not None
        position = matches.positions[i] if exact and matches.positions is not None else matches.source[i].T.float()
        row, col = matches.target[i]
        warped[i][:, row, col] = bilinear(reference, position)
    return warped
