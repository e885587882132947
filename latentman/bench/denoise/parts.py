"""The parts of making a video, by the released code's route and by ours, ready to be timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor

from latentman.bench.denoise.model import Subject
from latentman.bench.denoise.released import Released, batch_loss, released_networks
from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import anchored
from latentman.diffusion.decode import decode, decode_frames
from latentman.diffusion.denoise import Plan, Sampling, State, denoise, one_step
from latentman.diffusion.predict import Prediction, in_chunks_that_fit
from latentman.diffusion.pwg import GuidancePlan, guidance_step
from latentman.diffusion.schedule import build_schedule
from latentman.diffusion.sla import spatial_latent_alignment

NUM_STEPS, ALIGNED, GUIDED = 100, range(0, 40), range(20, 70)
"""The paper's video: T, and the windows A and B."""

AT_STEP = 50
"""The step that is timed: in the middle of B, where nothing is aligned."""

GRADIENTS = ("direct", "official_uncond", "full")
PARTS = ("plain", *GRADIENTS, "align", "decode")
"""A step; a guided step by each gradient; the alignment of the latents; the finished frames."""

RELEASED_GRADIENT = "official_uncond"
"""The gradient of the released code: every guided step of ours is compared with its guided step."""

Work = Callable[[], object]
Parts = Mapping[str, Work]
Route = Callable[[Subject], AbstractContextManager[Parts]]
"""Prepares the networks for a route and restores them at the end."""


def counterpart(part: str) -> str:
    """Return the part of the released route that corresponds to a part of ours."""
    return RELEASED_GRADIENT if part in GRADIENTS else part


def make_plan(subject: Subject, gradient: str, *, num_steps: int = NUM_STEPS) -> Plan:
    """Return the plan of the paper's video, its windows shortened with ``num_steps``."""
    aligned, led = (
        range(round(w.start * num_steps / NUM_STEPS), round(w.stop * num_steps / NUM_STEPS)) for w in (ALIGNED, GUIDED)
    )
    return Plan(
        num_steps=num_steps,
        guidance_scale=subject.guidance_scale,
        seed=0,
        anchor_modules=("unet", "controlnet"),
        sla_steps=aligned,
        guidance=GuidancePlan(steps=led, gradient=gradient, strength=subject.pwg_strength),
    )


def _at_step(subject: Subject, gradient: str | None) -> Plan:
    """Return a plan in which the timed step is guided by ``gradient``, or not at all."""
    plan = make_plan(subject, gradient or "direct")
    if gradient is None:
        return replace(plan, guidance=replace(plan.guidance, steps=range(0)))
    return plan


@contextmanager
def ours(subject: Subject) -> Iterator[Parts]:
    """The package's own functions, as a run calls them."""
    backbone, clip = subject.backbone, subject.clip
    plan = make_plan(subject, "direct")
    schedule = build_schedule(backbone.scheduler, plan.num_steps, eta=plan.eta, seed=plan.seed)
    anchor = Anchor(plan.anchor)
    networks = Prediction(backbone, clip.text, clip.control, anchor, plan.guidance_scale, plan.chunk_size)
    latents = clip.noise.to(backbone.device)
    placed = Sampling.of(schedule, clip, plan, backbone.device)
    with anchored(backbone.networks(plan.anchor_modules), anchor):

        @torch.no_grad()
        def step(gradient: str | None) -> Tensor:
            nonlocal networks
            sampling = replace(placed, plan=_at_step(subject, gradient))
            work = partial(one_step, sampling=sampling, state=State(AT_STEP, latents))
            after, networks = in_chunks_that_fit(networks, len(latents), work)
            return after.latents

        yield MappingProxyType({
            "plain": partial(step, None),
            **{gradient: partial(step, gradient) for gradient in GRADIENTS},
            "align": partial(spatial_latent_alignment, latents, placed.latent_map),
            "decode": partial(decode_frames, backbone, latents),
        })  # fmt: skip


@contextmanager
def released(subject: Subject) -> Iterator[Parts]:
    """The released code's route. Its guided step has one gradient only."""
    backbone, clip = subject.backbone, subject.clip
    latents = clip.noise.to(backbone.device, backbone.dtype)
    schedule = build_schedule(backbone.scheduler, NUM_STEPS, eta=0.0, seed=0)
    with released_networks(subject):

        def step(gradient: str | None) -> Tensor:
            return Released(subject, schedule, _at_step(subject, gradient)).step(AT_STEP, latents)

        loop = Released(subject, schedule, make_plan(subject, "official_uncond"))
        yield MappingProxyType({
            "plain": partial(step, None),
            "official_uncond": partial(step, "official_uncond"),
            "align": partial(spatial_latent_alignment, latents, clip.latent_map),
            "decode": partial(loop.decoded, latents),
        })  # fmt: skip


ROUTES: Mapping[str, Route] = MappingProxyType({"released": released, "ours": ours})


def whole_video(subject: Subject, route: str, gradient: str, *, num_steps: int = NUM_STEPS) -> None:
    """Make all frames of the video, from noise to pixels, and discard them."""
    plan = make_plan(subject, gradient, num_steps=num_steps)
    if route == "ours":
        decode_frames(subject.backbone, denoise(subject.backbone, subject.clip, plan))
        return
    schedule = build_schedule(subject.backbone.scheduler, num_steps, eta=plan.eta, seed=plan.seed)
    with released_networks(subject):
        Released(subject, schedule, plan).video()


def batched_gradient(subject: Subject, pred_original: Tensor, frames_at_once: int) -> Tensor:
    """Return what :func:`pixel_wise_guidance` returns, several frames in a graph: a lever, not what the package does.

    Args:
        subject: networks and clip; the map's reference is the frame before.
        pred_original: x0 of every frame (T, C, h, w).
        frames_at_once: frames that the VAE decodes, and whose graph it keeps, at a time.
    """
    gradients: list[Tensor] = []
    before = None
    for start in range(0, len(pred_original), frames_at_once):
        frames = range(start, min(start + frames_at_once, len(pred_original)))
        with torch.enable_grad():
            x0 = pred_original[frames.start : frames.stop].detach().requires_grad_()
            pictures = decode(subject.backbone, x0)
            loss = batch_loss(pictures, subject.clip.guidance_map, frames, before)
            if loss.requires_grad:
                gradients += torch.autograd.grad(loss, x0)
            else:
                gradients.append(torch.zeros_like(x0))
        before = pictures[-1].detach()
    return torch.cat(gradients)


@dataclass(frozen=True)
class Batched:
    """The route ``ours`` with the guidance of :func:`batched_gradient`, for its direct step alone."""

    frames_at_once: int

    @contextmanager
    def __call__(self, subject: Subject) -> Iterator[Parts]:
        """Prepare the networks as ``ours`` does."""
        plan, backbone = make_plan(subject, "direct"), subject.backbone
        schedule = build_schedule(backbone.scheduler, plan.num_steps, eta=plan.eta, seed=plan.seed)
        latents = subject.clip.noise.to(backbone.device)
        anchor = Anchor(plan.anchor)
        text, control = subject.clip.text, subject.clip.control
        networks = Prediction(backbone, text, control, anchor, plan.guidance_scale, plan.chunk_size)

        @torch.no_grad()
        def direct() -> Tensor:
            timestep = schedule.timesteps[AT_STEP]
            before, x0, _ = schedule.step_back(networks(latents, timestep), AT_STEP, latents)
            gradient = batched_gradient(subject, x0, self.frames_at_once)
            level = schedule.level(AT_STEP)
            return before - guidance_step(plan.guidance, networks, gradient, latents, timestep=timestep, level=level)

        with anchored(backbone.networks(plan.anchor_modules), anchor):
            yield MappingProxyType({"direct": direct})
