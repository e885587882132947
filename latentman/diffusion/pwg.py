"""Pixel-Wise Guidance: the loss of Eq. 7 and its gradient with respect to the predicted picture.

Every frame's prediction of the clean picture, D(x0), is pulled towards the colours that its reference frame shows at
the matched pixels. With ``loss="mean"`` the loss is that of the released code, the mean over 3 |M| values of (25 d)^2
with d in [0, 1]: the paper's strength delta = 0.01 belongs to it. ``loss="sum"`` is Eq. 7 as written, the sum of d^2.

What is returned here is the gradient with respect to x0; ``pwg_gradient.py`` carries it on to x_t (Eq. 8).

Frames are guided one at a time, exactly: the reference picture is detached, so no gradient crosses frames, and the
memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from latentman.errors import ShapeError
from latentman.types import Correspondence

PIXEL_SCALE = 25.0
"""The released code multiplies pictures in [0, 1] by this before it squares differences."""


def bilinear(picture: Tensor, position: Tensor) -> Tensor:
    """Return the colours (C, K) of a picture (C, H, W) at continuous (row, col) indices (K, 2).

    Whole numbers are samples. Positions outside of them take the nearest sample's colour.
    """
    limit = torch.tensor(picture.shape[-2:], device=picture.device, dtype=position.dtype) - 1
    position = torch.minimum(position.clamp_min(0), limit)
    corner = torch.minimum(position.floor(), (limit - 1).clamp_min(0))
    (row, col), (down, right) = corner.long().T, (position - corner).to(picture.dtype).T
    below, beside = (row + 1).clamp_max(picture.shape[-2] - 1), (col + 1).clamp_max(picture.shape[-1] - 1)
    upper = picture[:, row, col] * (1 - right) + picture[:, row, beside] * right
    lower = picture[:, below, col] * (1 - right) + picture[:, below, beside] * right
    return upper * (1 - down) + lower * down


def painted_colours(colours: Tensor, target: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Paint colours (C, K) at the pixels ``target`` (K, 2) of a ``size`` x ``size`` grid.

    Returns:
        The painted picture (C, size, size), zero elsewhere, and the weight (size, size), 1 at painted pixels.
    """
    painted, weight = colours.new_zeros(len(colours), size, size), colours.new_zeros(size, size)
    painted[:, target[:, 0], target[:, 1]] = colours
    weight[target[:, 0], target[:, 1]] = 1
    return painted, weight


def matched_target(reference: Tensor, target: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """Paint the reference's colours where the frame's matched pixels lie.

    Args:
        reference: (C, H, W) picture of the reference frame.
        target: (K, 2) row and column of the matched pixels in the frame.
        source: (K, 2) row and column of the same points in the reference.

    Returns:
        The painted picture (C, H, W), zero elsewhere, and the weight (H, W), 1 at matched pixels.
    """
    return painted_colours(reference[:, source[:, 0], source[:, 1]], target, reference.shape[-1])


def guidance_loss(picture: Tensor, painted: Tensor, weight: Tensor, loss: str = "mean") -> Tensor:
    """Return the loss of a picture (C, H, W) in [0, 1]: mean of (25 d)^2 over the matched values, or sum of d^2."""
    if loss == "sum":
        return (weight * (picture - painted) ** 2).sum()
    return (weight * (PIXEL_SCALE * (picture - painted)) ** 2).sum() / (len(picture) * weight.sum())


def pixel_wise_guidance(
    pred_original: Tensor,
    correspondence: Correspondence,
    decode: Callable[[Tensor], Tensor],
    *,
    loss: str = "mean",
    on_loss: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Return the gradient of the guidance loss of every frame with respect to x0, frame by frame.

    A map with sub-pixel positions takes its colours from the reference's full picture, bilinearly; another from the
    reference's sample on the map's grid.

    Args:
        pred_original: x0 as predicted at this step, (T, C, h, w).
        correspondence: the map M on the guidance grid, whose size divides the picture's.
        decode: x0 (1, C, h, w) -> picture (1, 3, H, W) clamped to [0, 1], differentiable.
        loss: ``mean`` or ``sum``.
        on_loss: called at the end with the loss of every frame, (T,); NaN where there is nothing to compare with.

    Returns:
        (T, C, h, w); zero for frame 0, which has no reference, and for frames without matches.

    Raises:
        ShapeError: if the picture cannot be sampled on the map's grid.
    """
    gradient = torch.zeros_like(pred_original)
    losses = torch.full((len(pred_original),), torch.nan, device=pred_original.device)
    pictures: dict[int, Tensor] = {}
    for i, (pixels, _) in enumerate(correspondence.pairs):
        is_guided = len(pixels) > 0
        with torch.enable_grad():
            x0 = pred_original[i : i + 1].detach().requires_grad_(is_guided)
            picture = decode(x0)[0].float()
            sampled = _on_grid(picture, correspondence.size)
            if is_guided:
                painted, weight = _painted(correspondence, i, pictures[correspondence.source_frame(i)])
                value = guidance_loss(sampled, painted, weight, loss)
                (gradient[i : i + 1],) = torch.autograd.grad(value, x0)
                losses[i] = value.detach()
        pictures = {j: kept for j, kept in pictures.items() if j == 0 and correspondence.reference == "first"}
        pictures[i] = picture.detach()
    if on_loss is not None:
        on_loss(losses)
    return gradient


def _painted(correspondence: Correspondence, frame: int, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a frame is pulled towards, and where, from its reference's full picture (C, H, W)."""
    size = correspondence.size
    target, source = (torch.from_numpy(x.astype("int64")).to(picture.device) for x in correspondence.pairs[frame])
    if correspondence.positions is None:
        return matched_target(_on_grid(picture, size), target, source)
    position = torch.from_numpy(correspondence.positions[frame]).to(picture.device) * (picture.shape[-1] // size)
    return painted_colours(bilinear(picture, position), target, size)


def _on_grid(picture: Tensor, size: int) -> Tensor:
    """Take the top-left sample of every block, as the map does: (C, H, W) -> (C, size, size)."""
    height, width = picture.shape[-2:]
    if height % size or width % size or height != width:
        raise ShapeError(
            f"pixel-wise guidance: a picture of {height}x{width} cannot be sampled on a {size}x{size} grid"
        )
    return picture[:, :: height // size, :: width // size]
