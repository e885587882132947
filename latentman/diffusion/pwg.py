"""Pixel-Wise Guidance: the loss of Eq. 7, its gradient, and the step of Eq. 8.

**Eq. 7.** Every frame's prediction of the clean picture, D(x0), is pulled towards the colours that its reference frame
shows at the matched pixels. With ``loss="mean"`` the loss is that of the released code, the mean over 3 |M| values of
(25 d)^2 with d in [0, 1]: the paper's strength delta = 0.01 belongs to it. ``loss="sum"`` is Eq. 7 as written, the sum
of d^2. Frames are guided one at a time, and the result is exact: the reference picture is detached, so no gradient
crosses frames, and the memory does not grow with the number of frames.

**Eq. 8** has three readings. With g = d loss / d x0, abar of the step and s = guidance_scale,
x0 = (x_t - sqrt(1 - abar) noise) / sqrt(abar) and noise = (1 - s) noise_uncond + s noise_cond:

- ``full`` is Eq. 8 read literally, the gradient with respect to x_t along every path: straight through x_t, and through
  the UNet and the ControlNet in both halves of the guidance.
- ``official_uncond`` is what the released code computes. It differentiates the doubled input of the UNet and keeps the
  unconditional half, without the path straight through x_t: (s - 1) sqrt((1 - abar) / abar) J_uncond^T g. (The other
  half alone would have the opposite sign.)
- ``direct`` leaves out the networks: strength sqrt((1 - abar) / abar) g, with strength = s - 1. It needs no pass
  through a UNet, and is near ``official_uncond`` where the UNet's Jacobian is near the identity, at high noise levels.

Networks that predict a velocity v, with x0 = x_t - sigma v, have the readings with 1 in place of 1 / sqrt(abar) and
sigma in place of sqrt((1 - abar) / abar): ``full`` is g - sigma J^T g through the velocity, ``direct`` is
strength sigma g. ``official_uncond`` is refused there: the released code's networks predict the noise. The Jacobian of
a velocity changes its sign where there is more signal than noise (for Gaussian data), and later steps would climb.

The anchor of a frame is a constant: no gradient crosses frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.config import PwgConfig
from latentman.diffusion.figure_window import Window, decoded_in, figure_windows
from latentman.diffusion.matches import Matches, placed
from latentman.diffusion.predict import Prediction, guided
from latentman.diffusion.schedule import Level
from latentman.errors import ShapeError
from latentman.system.device import needing_memory
from latentman.types import Correspondence

PIXEL_SCALE = 25.0
"""The released code multiplies pictures in [0, 1] by this before it squares differences."""

GRADIENT_MEMORY = needing_memory(
    "the gradient of Pixel-Wise Guidance",
    "set pwg.gradient=direct or pwg.chunk_size=1, pwg.checkpointing=true, or pwg=none",
)
"""What to say when the device's memory does not hold a gradient."""


@dataclass(frozen=True)
class GuidancePlan:
    """How strongly and along which path pixels guide: the group ``pwg``, whose defaults these are, and ``strength``."""

    steps: range = range(0)
    gradient: str = PwgConfig.gradient
    loss: str = PwgConfig.loss
    delta: float = PwgConfig.delta
    strength: float = 0.0
    """The setup's ``pwg_strength``, which only ``direct`` reads."""
    chunk_size: int = PwgConfig.chunk_size
    checkpointing: bool = PwgConfig.checkpointing
    decoder: str = PwgConfig.decoder
    region: str = PwgConfig.region
    margin: int = PwgConfig.margin


def guidance_windows(plan: GuidancePlan, correspondence: Correspondence, grid: int) -> tuple[Window | None, ...] | None:
    """Return the part of every frame that is decoded, or None where all of them are decoded whole.

    The VAE decodes frame 0 whole, whose group statistics the other frames' windows take; a tiny decoder has no groups.
    """
    if not plan.steps or plan.region == "picture":
        return None
    windows = figure_windows(correspondence, grid, plan.margin)
    return windows if plan.decoder == "tiny" else (None, *windows[1:])


@GRADIENT_MEMORY
def pixel_wise_guidance(
    pred_original: Tensor,
    correspondence: Correspondence | Matches,
    decode: Callable[[Tensor], Tensor],
    *,
    loss: str = "mean",
    background: Matches | None = None,
    windows: Sequence[Window | None] | None = None,
    on_loss: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Return the gradient of the guidance loss of every frame with respect to x0, frame by frame.

    A map with sub-pixel positions reads its colours from the reference's full picture, bilinearly. Other maps read them
    from the reference's samples on the map's grid.

    Args:
        pred_original: x0 as predicted at this step, (T, C, h, w).
        correspondence: the map M on the guidance grid, whose size divides the picture's.
        decode: x0 (1, C, h, w) -> picture (1, 3, H, W) clamped to [0, 1], differentiable.
        loss: ``mean`` or ``sum``.
        background: a second map on the same grid, of the background, whose loss is added. Each loss has a mean of its
            own, so that the figure is guided as strongly as without it.
        windows: the part of every frame that is decoded, or None for the whole picture; by default all are whole.
        on_loss: called at the end with the loss of every frame, (T,); NaN where there is nothing to compare with.

    Returns:
        (T, C, h, w); zero for frame 0, which has no reference, and for frames without matches.

    Raises:
        ShapeError: if the picture cannot be sampled on the map's grid.
        DeviceMemoryError: if the device's memory does not hold one frame's gradient.
    """
    gradient = torch.zeros_like(pred_original)
    losses = torch.full((len(pred_original),), torch.nan, device=pred_original.device)
    pictures: dict[int, Tensor] = {}
    matches = placed(correspondence, pred_original.device)
    maps = (matches,) if background is None else (matches, background)
    for i in range(len(matches)):
        guides = [guide for guide in maps if guide.target[i].shape[1] > 0]
        with torch.enable_grad():
            x0 = pred_original[i : i + 1].detach().requires_grad_(bool(guides))
            picture = decoded_in(windows[i] if windows else None, decode, x0).float()
            sampled = _on_grid(picture, matches.size)
            if guides:
                painted = [_painted(guide, i, pictures[guide.source_frame(i)]) for guide in guides]
                value = torch.stack([guidance_loss(sampled, *target, loss) for target in painted]).sum()
                (gradient[i : i + 1],) = torch.autograd.grad(value, x0)
                losses[i] = value.detach()
        pictures = {j: kept for j, kept in pictures.items() if j == 0 and matches.reference == "first"}
        pictures[i] = picture.detach()
    if on_loss is not None:
        on_loss(losses)
    return gradient


def _painted(matches: Matches, frame: int, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a frame is pulled towards, and where, from its reference's full picture (C, H, W)."""
    size, target = matches.size, matches.target[frame].T
    if matches.positions is None:
        return matched_target(_on_grid(picture, size), target, matches.source[frame].T)
    position = matches.positions[frame] * (picture.shape[-1] // size)
    return painted_colours(bilinear(picture, position), target, size)


def _on_grid(picture: Tensor, size: int) -> Tensor:
    """Take the top-left sample of every block, as the map does: (C, H, W) -> (C, size, size)."""
    height, width = picture.shape[-2:]
    if height % size or width % size or height != width:
        raise ShapeError(
            f"pixel-wise guidance: a picture of {height}x{width} cannot be sampled on a {size}x{size} grid"
        )
    return picture[:, :: height // size, :: width // size]


def bilinear(picture: Tensor, position: Tensor) -> Tensor:
    """Return the colours (C, K) of a picture (C, H, W) at continuous (row, col) indices (K, 2).

    Whole numbers are samples. Positions outside of them take the nearest sample's colour.
    """
    (row, down), (col, right) = (
        _corner(place, length, picture.dtype) for place, length in zip(position.T, picture.shape[-2:], strict=True)
    )
    below, beside = (row + 1).clamp_max(picture.shape[-2] - 1), (col + 1).clamp_max(picture.shape[-1] - 1)
    upper = picture[:, row, col] * (1 - right) + picture[:, row, beside] * right
    lower = picture[:, below, col] * (1 - right) + picture[:, below, beside] * right
    return upper * (1 - down) + lower * down


def _corner(place: Tensor, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the samples (K,) before continuous indices along an axis of ``length`` samples, and the rest after them.

    The bounds are numbers, not tensors, which would have to be copied to the device.
    """
    place = place.clamp(0, length - 1)
    corner = place.floor().clamp_max(max(length - 2, 0))
    return corner.long(), (place - corner).to(dtype)


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


@GRADIENT_MEMORY
def guidance_step(
    plan: GuidancePlan,
    networks: Prediction,
    gradient_x0: Tensor,
    latents: Tensor,
    *,
    timestep: float,
    level: Level,
) -> Tensor:
    """Return what Eq. 8 subtracts from x_{t-1}: delta times the gradient, (T, C, h, w) in fp32.

    Args:
        plan: the reading and its strength.
        networks: the prediction that x0 was made with.
        gradient_x0: of the loss with respect to x0, (T, C, h, w).
        latents: x_t as the UNet read it, (T, C, h, w).
        timestep: t.
        level: how x0 followed from x_t.

    Raises:
        DeviceMemoryError: if the device's memory does not hold the networks' gradient.
    """
    ratio = level.ratio
    if plan.gradient == "direct":
        return float(plan.delta * plan.strength * ratio) * gradient_x0
    uncond = plan.gradient == "official_uncond"
    with _checkpointing(networks, enabled=plan.checkpointing):
        jacobian = through_networks(networks, latents, gradient_x0, timestep, plan.chunk_size, uncond=uncond)
    if uncond:
        return plan.delta * (networks.guidance_scale - 1) * ratio * jacobian
    return plan.delta * (gradient_x0 / level.signal - ratio * jacobian)


def through_networks(
    networks: Prediction, latents: Tensor, vectors: Tensor, timestep: float, chunk_size: int, *, uncond: bool
) -> Tensor:
    """Return J^T v of the predicted noise with respect to x_t, frame by frame in chunks, (T, C, h, w) in fp32.

    Args:
        networks: the prediction whose Jacobian is meant.
        latents: x_t (T, C, h, w).
        vectors: v (T, C, h, w).
        timestep: t.
        chunk_size: frames differentiated at once.
        uncond: of the unconditional half through the UNet alone; else of the guided noise through all networks.
    """
    text = networks.text.group(0) if uncond and networks.text.groups > 1 else networks.text
    products = torch.empty_like(latents, dtype=torch.float32)
    for frames in networks.chunks(len(latents), chunk_size):
        vector, exponent = _scaled(vectors[frames])
        with networks.passing(frames, text), torch.enable_grad():
            x = latents[frames].detach().requires_grad_()
            noise = networks.noise(x, timestep, text, frames, control_gradient=not uncond)
            if not uncond:
                noise = guided(noise, text.groups, networks.guidance_scale)
            # Within the pass: checkpointed layers run again on the way back.
            (product,) = torch.autograd.grad(noise, x, vector)
        products[frames] = torch.ldexp(product, -exponent)
    return products


def _scaled(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Return vectors scaled by a power of two to a largest value between 1 and 2, and its exponent.

    Networks in half precision would lose small gradients; a power of two loses nothing.
    """
    largest = vectors.abs().max()
    exponent = torch.where(largest > 0, 1 - torch.frexp(largest).exponent, 0)
    return torch.ldexp(vectors, exponent), exponent


@contextmanager
def _checkpointing(networks: Prediction, *, enabled: bool) -> Iterator[None]:
    """Let the UNet and the ControlNets keep fewer activations for the time of a backward pass."""
    modules = networks.modules() if enabled else []
    for module in modules:
        module.enable_gradient_checkpointing()
    try:
        yield
    finally:
        for module in modules:
            module.disable_gradient_checkpointing()
