"""Algorithm 1 of the paper: from noise to the latents of every frame.

Steps are the outer loop and frames the inner one. At each step all frames are aligned (Eq. 6), the networks predict
their noise in chunks, DDIM takes them one step back, and their pixels are guided (Eq. 7 and 8). One step is
:func:`one_step`; it is read in five files: this one, ``sla.py``, ``predict.py``, ``schedule.py`` and ``pwg.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.attention import Anchor, Installed, anchored
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.background import keep_background, shared_background
from latentman.diffusion.conditioning import Control
from latentman.diffusion.decode import Decode, decoding
from latentman.diffusion.figure_window import Window
from latentman.diffusion.latentwarp import LatentWarp, warped_latents
from latentman.diffusion.matches import Matches, placed
from latentman.diffusion.predict import Prediction, in_chunks_that_fit
from latentman.diffusion.pwg import GuidancePlan, guidance_step, guidance_windows, pixel_wise_guidance
from latentman.diffusion.schedule import Schedule, build_schedule
from latentman.diffusion.sla import spatial_latent_alignment
from latentman.diffusion.t2v_zero_motion import LatentMotion, moving_latents
from latentman.diffusion.text import Text
from latentman.diffusion.token_maps import TokenMaps
from latentman.diffusion.token_method import TokenMethod
from latentman.errors import NumericsError
from latentman.networks.backbone import Backbone
from latentman.types import Correspondence


@dataclass(frozen=True)
class Plan:
    """The settings of the loop: everything that is neither a network nor a tensor."""

    num_steps: int
    guidance_scale: float
    seed: int
    anchor_modules: tuple[str, ...]
    anchor: AnchorRule = field(default_factory=AnchorRule)
    sla_steps: range = range(0)
    sla_blend: float = 1.0
    background_steps: range = range(0)
    latentwarp: LatentWarp = field(default_factory=LatentWarp)
    tokens: TokenMethod | None = None
    guidance: GuidancePlan = field(default_factory=GuidancePlan)
    latent_motion: LatentMotion | None = None
    chunk_size: int = 8
    eta: float = 0.0
    steps_offset: int | None = None


@dataclass(frozen=True)
class Frames:
    """What the frames are made from.

    ``noise`` is x_T (T, C, h, w), standard normal. ``latent_map`` and ``guidance_map`` are the map M: on the latent
    grid, for Spatial Latent Alignment, and on the guidance grid, for Pixel-Wise Guidance. ``figures`` (T, h, w) bool is
    true where a cell shows the character. ``masks`` are set where figure and background attend separately.
    ``camera_moves`` is whether the background has a flow of its own; ``iuv`` (T, H, W, 3) uint8 are the part, U and V
    of every pixel. Both are read by the related methods only.
    """

    text: Text
    control: Control
    noise: Tensor
    latent_map: Correspondence
    guidance_map: Correspondence
    figures: Tensor | None = None
    masks: AnchorMasks | None = None
    camera_moves: bool = False
    iuv: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Sampling:
    """What stays the same from step to step, the networks apart.

    ``latent_map``, ``guidance_map`` and ``figures`` are those of the frames on the device of the networks, so that no
    step copies them there. ``windows`` are the parts of the frames that guidance decodes; None decodes them whole.
    """

    schedule: Schedule
    plan: Plan
    latent_map: Matches
    guidance_map: Matches
    figures: Tensor | None
    windows: tuple[Window | None, ...] | None = None

    @classmethod
    def of(cls, schedule: Schedule, frames: Frames, plan: Plan, device: torch.device) -> Sampling:
        """Copy what the steps read of the frames to a device."""
        figures = None if frames.figures is None else frames.figures.to(device)
        windows = guidance_windows(plan.guidance, frames.guidance_map, frames.noise.shape[-1])
        maps = (placed(frames.latent_map, device), placed(frames.guidance_map, device))
        return cls(schedule, plan, *maps, figures, windows)


@dataclass(frozen=True)
class State:
    """Progress of the loop: ``latents`` (T, C, h, w) before step ``step``. A resumed run needs nothing else."""

    step: int
    latents: Tensor


def one_step(
    networks: Prediction,
    sampling: Sampling,
    step: int,
    x_t: Tensor,
    on_loss: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Return x_{t-1} of every frame from x_t, both (T, C, h, w) in fp32: one round of Algorithm 1.

    Args:
        networks: the prediction at this step.
        sampling: schedule, frames and settings.
        step: the index of the step, from 0 for t = T.
        x_t: the latents of every frame.
        on_loss: called in a guided step with the loss of each frame, (T,); NaN for a frame that is not guided.
    """
    schedule, plan = sampling.schedule, sampling.plan
    timestep = schedule.timesteps[step]
    if step in plan.sla_steps:  # Eq. 6
        x_t = spatial_latent_alignment(x_t, sampling.latent_map, plan.sla_blend)
    if step in plan.background_steps and sampling.figures is not None:  # not in the paper
        x_t = keep_background(x_t, shared_background(sampling.figures))
    if step in plan.latentwarp.steps:  # LatentWarp, a related method
        x_t = warped_latents(x_t, sampling.latent_map, sampling.figures, plan.latentwarp)
    noise = networks(x_t, timestep)
    x_before, x_0 = schedule.step_back(noise, step, x_t)
    if step not in plan.guidance.steps:
        return x_before
    gradient = gradient_of_clean(networks.backbone, sampling, x_0, on_loss)
    alpha_cumprod = schedule.alpha_cumprod(step)
    return x_before - guidance_step(  # Eq. 8
        plan.guidance, networks, gradient, x_t, timestep=timestep, alpha_cumprod=alpha_cumprod
    )


def gradient_of_clean(
    backbone: Backbone, sampling: Sampling, x_0: Tensor, on_loss: Callable[[Tensor], None] | None = None
) -> Tensor:
    """Return the gradient of the guidance loss (Eq. 7) with respect to x_0, (T, C, h, w), by the plan's decoder."""
    plan, losses = sampling.plan.guidance, list[Tensor]()

    def guide(decode: Decode) -> Tensor:
        return pixel_wise_guidance(
            x_0, sampling.guidance_map, decode, loss=plan.loss, windows=sampling.windows, on_loss=losses.append
        )

    is_tiny = plan.decoder == "tiny"
    vae = backbone.tiny_decoder if is_tiny else backbone.vae
    gradient = decoding(vae, guide, x_0, first_is_whole=sampling.windows is not None and not is_tiny)
    if on_loss is not None:
        on_loss(losses[-1])
    return gradient


@torch.no_grad()
def denoise(
    backbone: Backbone,
    frames: Frames,
    plan: Plan,
    *,
    state: State | None = None,
    on_step: Callable[[State], None] | None = None,
    on_loss: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Return the clean latents x_0 of every frame, (T, C, h, w) in fp32.

    Args:
        backbone: the networks.
        frames: what the frames are made from.
        plan: the settings.
        state: where to continue; None starts from noise.
        on_step: called with the state after every step.
        on_loss: called in every guided step, before ``on_step``, with the loss of each frame, (T,).

    Raises:
        NumericsError: if latents are no longer finite, naming the step and the frame.
        WeightsError: if other code replaces the attention processors during the loop.
        DeviceMemoryError: if the device's memory does not hold one frame.
    """
    schedule = build_schedule(
        backbone.scheduler, plan.num_steps, eta=plan.eta, seed=plan.seed, steps_offset=plan.steps_offset
    )
    sampling = Sampling.of(schedule, frames, plan, backbone.device)
    networks = prediction(backbone, frames, plan)
    with installed_attention(networks, plan) as installed:
        if state is None:
            state = first_state(networks, sampling, frames.noise)
        latents = state.latents.to(backbone.device, torch.float32)
        for step in range(state.step, plan.num_steps):
            installed.check()
            work = partial(one_step, sampling=sampling, step=step, x_t=latents, on_loss=on_loss)
            latents, networks = in_chunks_that_fit(networks.at(step), len(latents), work)
            check_finite(latents, step)
            if on_step is not None:
                on_step(State(step + 1, latents))
    return latents


def prediction(backbone: Backbone, frames: Frames, plan: Plan) -> Prediction:
    """Return the networks of a run with what they read besides the latents."""
    # Where no network follows the anchor, no step does.
    rule = plan.anchor if plan.anchor_modules else replace(plan.anchor, steps=range(0))
    maps = None
    if plan.tokens is not None:
        maps = TokenMaps(frames.latent_map, frames.figures, still=not frames.camera_moves, iuv=frames.iuv)
    if frames.masks is not None:
        frames.masks.place(backbone.device)
    anchor = Anchor(rule, masks=frames.masks, maps=maps)
    return Prediction(
        *(backbone, frames.text, frames.control, anchor, plan.guidance_scale, plan.chunk_size), tokens=plan.tokens
    )


def installed_attention(networks: Prediction, plan: Plan) -> AbstractContextManager[Installed]:
    """Return the context in which frames read each other, by the sampler's rule and the plan's token method."""
    backbone, tokens = networks.backbone, plan.tokens
    following = backbone.networks(plan.anchor_modules)
    if tokens is None:
        return anchored(following, networks.anchor)
    return anchored(following, networks.anchor, opened={"unet": backbone.unet}, layers=tokens.layers)


def first_state(networks: Prediction, sampling: Sampling, noise: Tensor) -> State:
    """Return where the loop begins: x_T from standard normal noise, or latents into which motion has been written."""
    backbone, plan = networks.backbone, sampling.plan
    latents = (noise * backbone.scheduler.init_noise_sigma).to(backbone.device, torch.float32)
    if plan.latent_motion is None:
        return State(0, latents)
    work = partial(
        moving_latents,
        schedule=sampling.schedule, motion=plan.latent_motion, noise=latents, seed=plan.seed, figures=sampling.figures,
    )  # fmt: skip
    begun, _ = in_chunks_that_fit(networks.alone(), 1, work)
    return State(*begun)


def check_finite(latents: Tensor, step: int) -> None:
    """Stop the run when latents are no longer finite.

    Raises:
        NumericsError: naming the step and the first frame.
    """
    finite = torch.isfinite(latents).flatten(1).all(1)
    if not finite.all():
        frame = int((~finite).nonzero()[0])
        raise NumericsError(
            f"the latents of frame {frame} are not finite after step {step}; "
            "use setup.dtype=float32, or lower pwg.delta and setup.guidance_scale"
        )
