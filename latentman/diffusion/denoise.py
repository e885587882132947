"""Algorithm 1 of the paper: from noise to the latents of every frame.

Steps are the outer loop and frames the inner one: at each step all frames are aligned (Eq. 6), the networks predict
their noise in chunks, DDIM takes them one step back, and the pixels are guided (Eq. 7 and 8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.attention import Anchor, Installed, anchored
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.background import keep_background, shared_background
from latentman.diffusion.conditioning import Control
from latentman.diffusion.decode import decode
from latentman.diffusion.predict import Prediction
from latentman.diffusion.pwg import pixel_wise_guidance
from latentman.diffusion.pwg_gradient import GuidancePlan, guidance_step
from latentman.diffusion.schedule import Schedule, build_schedule
from latentman.diffusion.sla import spatial_latent_alignment
from latentman.diffusion.t2v_zero_motion import LatentMotion, moving_latents
from latentman.diffusion.text import Text
from latentman.errors import NumericsError
from latentman.networks.backbone import Backbone
from latentman.system.device import needing_memory
from latentman.types import Correspondence

GUIDANCE_ADVICE = "set pwg.gradient=direct or pwg.chunk_size=1, pwg.checkpointing=true, or pwg=none"


@dataclass(frozen=True)
class Plan:
    """Everything about a run of the loop that is not a network or a tensor."""

    num_steps: int
    guidance_scale: float
    seed: int
    anchor_modules: tuple[str, ...]
    anchor: AnchorRule = field(default_factory=AnchorRule)
    sla_steps: range = range(0)
    sla_blend: float = 1.0
    background_steps: range = range(0)
    guidance: GuidancePlan = field(default_factory=GuidancePlan)
    latent_motion: LatentMotion | None = None
    chunk_size: int = 8
    eta: float = 0.0
    steps_offset: int | None = None


@dataclass(frozen=True)
class Frames:
    """What the frames are made from.

    ``noise`` x_T (T, C, h, w), standard normal; ``latent_map`` and ``guidance_map``: the map M on the latent grid, for
    Spatial Latent Alignment, and on the guidance grid, for Pixel-Wise Guidance; ``figures`` (T, h, w) bool, where cells
    show the character; ``reads_apart``: whether figure and background attend apart.
    """

    text: Text
    control: Control
    noise: Tensor
    latent_map: Correspondence
    guidance_map: Correspondence
    figures: Tensor | None = None
    reads_apart: bool = False


@dataclass(frozen=True)
class State:
    """Where the loop stands: ``latents`` (T, C, h, w) before step ``step``. All that a resumed run needs."""

    step: int
    latents: Tensor


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
        frames: texts, pictures, noise and maps of the frames.
        plan: steps, strengths and windows.
        state: where to go on; None starts from noise.
        on_step: called with the state after every step.
        on_loss: called in every guided step with the loss of each frame, (T,); NaN where a frame is not guided.

    Raises:
        NumericsError: if latents stop being finite, naming the step and the frame.
        WeightsError: if somebody else replaces the attention on the way.
        DeviceMemoryError: if the device's memory does not hold one frame.
    """
    schedule = build_schedule(
        backbone.scheduler, plan.num_steps, eta=plan.eta, seed=plan.seed, steps_offset=plan.steps_offset
    )
    masks = AnchorMasks(frames.figures) if frames.reads_apart and frames.figures is not None else None
    anchor = Anchor(plan.anchor, masks=masks)
    networks = Prediction(backbone, frames.text, frames.control, anchor, plan.guidance_scale, plan.chunk_size)
    with anchored(backbone.networks(plan.anchor_modules), anchor) as installed:
        if state is None:
            state = first_state(networks, schedule, frames, plan)
        latents = state.latents.to(backbone.device, torch.float32)
        for step in range(state.step, plan.num_steps):
            latents = one_step(networks, schedule, frames, plan, step, latents, installed, on_loss)
            check_finite(latents, step)
            if on_step is not None:
                on_step(State(step + 1, latents))
    return latents


def first_state(networks: Prediction, schedule: Schedule, frames: Frames, plan: Plan) -> State:
    """Return where the loop begins: x_T, or latents that move already."""
    backbone = networks.backbone
    latents = (frames.noise * backbone.scheduler.init_noise_sigma).to(backbone.device, torch.float32)
    if plan.latent_motion is None:
        return State(0, latents)
    networks.follows = False  # frame 0 is alone
    return State(*moving_latents(networks, schedule, plan.latent_motion, latents, plan.seed, frames.figures))


def one_step(
    networks: Prediction,
    schedule: Schedule,
    frames: Frames,
    plan: Plan,
    step: int,
    latents: Tensor,
    installed: Installed,
    on_loss: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Return x_{t-1} of every frame from x_t, both (T, C, h, w): one round of Algorithm 1."""
    if step in plan.sla_steps:
        latents = spatial_latent_alignment(latents, frames.latent_map, plan.sla_blend)
    if step in plan.background_steps and frames.figures is not None:
        latents = keep_background(latents, shared_background(frames.figures))
    networks.follows = bool(plan.anchor_modules) and step in plan.anchor.steps
    timestep = schedule.timesteps[step]
    installed.check()
    before, pred_original = schedule.step_back(networks(latents, timestep), step, latents)
    if step not in plan.guidance.steps:
        return before
    with needing_memory("the gradient of Pixel-Wise Guidance", GUIDANCE_ADVICE):
        gradient = pixel_wise_guidance(
            pred_original,
            frames.guidance_map,
            lambda x0: decode(networks.backbone, x0),
            loss=plan.guidance.loss,
            on_loss=on_loss,
        )
        alpha_cumprod = schedule.alpha_cumprod(step)
        return before - guidance_step(plan.guidance, gradient, latents, timestep, alpha_cumprod, networks)


def check_finite(latents: Tensor, step: int) -> None:
    """Stop the run where latents leave the finite numbers.

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
