"""Algorithm 1 of the paper: from noise to the latents of every frame.

Steps are the outer loop and frames the inner one. At each step all frames are aligned (Eq. 6), the networks predict
their noise in chunks, the schedule takes them one step back, and their pixels are guided (Eq. 7 and 8). One step is
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

from latentman.correspondence.background import BackgroundMap
from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import Installed, anchored
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.background import keep_background, shared_background
from latentman.diffusion.conditioning import Control
from latentman.diffusion.decode import Decode, decoding
from latentman.diffusion.figure_window import Window
from latentman.diffusion.latentwarp import LatentWarp, warped_latents
from latentman.diffusion.mapped_background import (
    BackgroundCells,
    follow_background,
    guiding_background,
    placed_background,
)
from latentman.diffusion.matches import Matches, placed
from latentman.diffusion.predict import Prediction, in_chunks_that_fit
from latentman.diffusion.pwg import GuidancePlan, guidance_step, guidance_windows, pixel_wise_guidance
from latentman.diffusion.schedule import History, Schedule
from latentman.diffusion.schedules import choose_schedule, reads_guidance
from latentman.diffusion.sla import spatial_latent_alignment
from latentman.diffusion.t2v_zero_motion import LatentMotion, moving_latents
from latentman.diffusion.text import Text
from latentman.diffusion.token_maps import TokenMaps, token_counts
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
    schedule: str = "ddim"
    eta: float = 0.0
    steps_offset: int | None = None


@dataclass(frozen=True)
class Frames:
    """What the frames are made from.

    ``noise`` is x_T (T, C, h, w), standard normal. ``latent_map`` and ``guidance_map`` are the map M: on the latent
    grid, for Spatial Latent Alignment, and on the guidance grid, for Pixel-Wise Guidance. ``figures`` (T, h, w) bool is
    true where a cell shows the character. ``masks`` are set where figure and background attend separately.
    ``background_moves`` is whether the background has a flow of its own; ``iuv`` (T, H, W, 3) uint8 are the part, U and
    V of every pixel. Both are read by the related methods only. ``background`` is the background's map on the latent
    grid, where it follows a scene, and ``guidance_background`` the one to the previous frame on the guidance grid,
    where it is guided.
    """

    text: Text
    control: Control
    noise: Tensor
    latent_map: Correspondence
    guidance_map: Correspondence
    figures: Tensor | None = None
    masks: AnchorMasks | None = None
    background_moves: bool = False
    iuv: NDArray[np.uint8] | None = None
    background: BackgroundMap | None = None
    guidance_background: BackgroundMap | None = None


@dataclass(frozen=True)
class Sampling:
    """What stays the same from step to step, the networks apart.

    The maps and ``figures`` are those of the frames on the device of the networks, so that no step copies them there.
    ``windows`` are the parts of the frames that guidance decodes; None decodes them whole.
    """

    schedule: Schedule
    plan: Plan
    latent_map: Matches
    guidance_map: Matches
    figures: Tensor | None
    windows: tuple[Window | None, ...] | None = None
    background: BackgroundCells | None = None
    guidance_background: Matches | None = None

    @classmethod
    def of(cls, schedule: Schedule, frames: Frames, plan: Plan, device: torch.device) -> Sampling:
        """Copy what the steps read of the frames to a device."""
        figures = None if frames.figures is None else frames.figures.to(device)
        latents, pixels = frames.background, frames.guidance_background
        # Guidance of the background needs all of the picture.
        windows = guidance_windows(plan.guidance, frames.guidance_map, frames.noise.shape[-1])
        return cls(
            schedule.placed(device),
            plan,
            placed(frames.latent_map, device),
            placed(frames.guidance_map, device),
            figures,
            windows=windows if pixels is None else None,
            background=None if latents is None else placed_background(latents, device),
            guidance_background=None if pixels is None else guiding_background(pixels, device),
        )


@dataclass(frozen=True)
class State:
    """Progress of the loop: ``latents`` (T, C, h, w) before step ``step``, and the history of the schedule's solver.

    A resumed run needs nothing else.
    """

    step: int
    latents: Tensor
    history: History = ()

    def to(self, device: torch.device) -> State:
        """Return the same on a device, in fp32."""
        latents, *history = (x.to(device, torch.float32) for x in (self.latents, *self.history))
        return State(self.step, latents, tuple(history))


def one_step(
    networks: Prediction, sampling: Sampling, state: State, on_loss: Callable[[Tensor], None] | None = None
) -> State:
    """Return the state after x_{t-1} of every frame was made from x_t: one round of Algorithm 1.

    Args:
        networks: the prediction at this step.
        sampling: schedule, frames and settings.
        state: x_t of every frame, (T, C, h, w) in fp32, before step ``state.step``, counted from 0 for t = T.
        on_loss: called in a guided step with the loss of each frame, (T,); NaN for a frame that is not guided.
    """
    schedule, plan, step = sampling.schedule, sampling.plan, state.step
    timestep = schedule.timesteps[step]
    # What a solver remembers of a cell goes where the cell's latents go.
    x_t, *history = (carried_over(x, sampling, step) for x in (state.latents, *state.history))
    noise = networks(x_t, timestep)
    back = schedule.step_back(noise, step, x_t, tuple(history))
    if step not in plan.guidance.steps:
        return State(step + 1, back.x_before, back.history)
    gradient = gradient_of_clean(networks.backbone, sampling, back.x_0, on_loss)
    subtracted = guidance_step(  # Eq. 8
        plan.guidance, networks, gradient, x_t, timestep=timestep, level=schedule.level(step)
    )
    return State(step + 1, back.x_before - subtracted, schedule.moved(back.history, step, subtracted))


def carried_over(latents: Tensor, sampling: Sampling, step: int) -> Tensor:
    """Return latents (T, C, h, w) whose cells come from other frames where the plan of a step says so."""
    plan = sampling.plan
    if step in plan.sla_steps:  # Eq. 6
        latents = spatial_latent_alignment(latents, sampling.latent_map, plan.sla_blend)
    if step in plan.background_steps:  # not in the paper
        if sampling.background is not None:
            latents = follow_background(latents, sampling.background)
        elif sampling.figures is not None:
            latents = keep_background(latents, shared_background(sampling.figures))
    if step in plan.latentwarp.steps:  # LatentWarp, a related method
        latents = warped_latents(latents, sampling.latent_map, sampling.figures, plan.latentwarp)
    return latents


def gradient_of_clean(
    backbone: Backbone, sampling: Sampling, x_0: Tensor, on_loss: Callable[[Tensor], None] | None = None
) -> Tensor:
    """Return the gradient of the guidance loss (Eq. 7) with respect to x_0, (T, C, h, w), by the plan's decoder."""
    plan, losses = sampling.plan.guidance, list[Tensor]()

    def guide(decode: Decode) -> Tensor:
        return pixel_wise_guidance(
            *(x_0, sampling.guidance_map, decode),
            loss=plan.loss, background=sampling.guidance_background, windows=sampling.windows, on_loss=losses.append,
        )  # fmt: skip

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
    sampling = Sampling.of(schedule_of(backbone, plan), frames, plan, backbone.device)
    networks = prediction(backbone, frames, plan)
    with installed_attention(networks, plan) as installed:
        reached = first_state(networks, sampling, frames.noise) if state is None else state.to(backbone.device)
        for step in range(reached.step, plan.num_steps):
            installed.check()
            work = partial(one_step, sampling=sampling, state=reached, on_loss=on_loss)
            reached, networks = in_chunks_that_fit(networks.at(step), len(reached.latents), work)
            check_finite(reached.latents, step)
            if on_step is not None:
                on_step(reached)
    return reached.latents


def schedule_of(backbone: Backbone, plan: Plan) -> Schedule:
    """Return the schedule of a plan with the noise levels of a model.

    Raises:
        ConfigError: if there are fewer timesteps than steps.
    """
    return choose_schedule(
        plan.schedule,
        backbone.scheduler,
        plan.num_steps,
        seed=plan.seed,
        eta=plan.eta,
        steps_offset=plan.steps_offset,
        packed_tokens=backbone.packed_tokens,
    )


def prediction(backbone: Backbone, frames: Frames, plan: Plan) -> Prediction:
    """Return the networks of a run with what they read besides the latents."""
    # Where no network follows the anchor, no step does.
    rule = plan.anchor if plan.anchor_modules else replace(plan.anchor, steps=range(0))
    maps = None
    if plan.tokens is not None:
        maps = TokenMaps(frames.latent_map, frames.figures, still=not frames.background_moves, iuv=frames.iuv)
        for tokens in token_counts(maps.size, len(backbone.unet.config.block_out_channels) - 1):
            plan.tokens.prepare(maps, tokens, backbone.device)
    if frames.masks is not None:
        frames.masks.place(backbone.device)
    anchor = Anchor(rule, masks=frames.masks, maps=maps)
    is_input = reads_guidance(plan.schedule, backbone.unet.config)
    return Prediction(
        *(backbone, frames.text, frames.control, anchor, plan.guidance_scale, plan.chunk_size),
        tokens=plan.tokens, guidance_input=plan.guidance_scale if is_input else None,
    )  # fmt: skip


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
    latents = (noise * getattr(backbone.scheduler, "init_noise_sigma", 1.0)).to(backbone.device, torch.float32)
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
