"""Algorithm 1 of the paper: from shared noise to the latents of every frame.

Steps are the outer loop and frames the inner one: at each step all frames are aligned (Eq. 6), the networks predict
their noise in chunks, DDIM takes them one step back, and the pixels are guided (Eq. 7 and 8). The chunk that holds
frame 0 goes first and leaves its keys and values to the others, so that chunks change nothing but memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.diffusion.attention import Anchor, anchored, repeat_for_groups
from latentman.diffusion.backbone import Backbone
from latentman.diffusion.pwg import pixel_wise_guidance, step_size
from latentman.diffusion.schedule import build_schedule, seeded_noise
from latentman.diffusion.sla import spatial_latent_alignment
from latentman.errors import NumericsError
from latentman.types import Correspondence


@dataclass(frozen=True)
class Plan:
    """Everything about a run of the loop that is not a network or a tensor."""

    num_steps: int
    guidance_scale: float
    control_scale: float
    seed: int
    anchor_modules: tuple[str, ...]
    sla_steps: range
    pwg_steps: range
    pwg_delta: float
    pwg_strength: float
    chunk_size: int
    eta: float = 0.0


@dataclass(frozen=True)
class State:
    """Where the loop stands: ``latents`` (T, C, h, w) before step ``step``. All that a resumed run needs."""

    step: int
    latents: Tensor


def initial_state(backbone: Backbone, num_frames: int, grid: tuple[int, int], seed: int) -> State:
    """Return x_T: the same standard normal noise for every frame."""
    noise = seeded_noise((1, backbone.latent_channels, *grid), seed, stream=0)
    return State(0, (noise * backbone.scheduler.init_noise_sigma).repeat(num_frames, 1, 1, 1))


@torch.no_grad()
def denoise(
    backbone: Backbone,
    prompt_embeds: Tensor,
    control: Tensor,
    latent_map: Correspondence,
    guidance_map: Correspondence,
    plan: Plan,
    *,
    state: State | None = None,
    on_step: Callable[[State], None] | None = None,
) -> Tensor:
    """Return the clean latents x_0 of every frame, (T, C, h, w) in fp32.

    Args:
        backbone: the networks.
        prompt_embeds: (groups, tokens, channels).
        control: the ControlNet stem's features (T, channels, h, w).
        latent_map: the map M on the latent grid, for Spatial Latent Alignment.
        guidance_map: the map M on the guidance grid, for Pixel-Wise Guidance.
        plan: steps, strengths and windows.
        state: where to go on; None starts from noise.
        on_step: called with the state after every step.

    Raises:
        NumericsError: if latents stop being finite, naming the step and the frame.
    """
    schedule = build_schedule(backbone.scheduler, plan.num_steps, eta=plan.eta, seed=plan.seed)
    if state is None:
        state = initial_state(backbone, len(control), (control.shape[2], control.shape[3]), plan.seed)
    latents = state.latents.to(backbone.device, torch.float32)
    anchor = Anchor()
    networks = {name: getattr(backbone, name) for name in plan.anchor_modules}
    with anchored(networks, anchor):
        for step in range(state.step, plan.num_steps):
            if step in plan.sla_steps:
                latents = spatial_latent_alignment(latents, latent_map)
            noise_pred = predict_noise(
                backbone, latents, schedule.timesteps[step], prompt_embeds, control, plan, anchor
            )
            latents, pred_original = schedule.step_back(noise_pred, step, latents)
            if step in plan.pwg_steps:
                gradient = pixel_wise_guidance(pred_original, guidance_map, lambda x0: decode(backbone, x0))
                latents = (
                    latents - step_size(plan.pwg_delta, plan.pwg_strength, schedule.alpha_cumprod(step)) * gradient
                )
            check_finite(latents, step)
            if on_step is not None:
                on_step(State(step + 1, latents))
    return latents


def predict_noise(
    backbone: Backbone,
    latents: Tensor,
    timestep: int,
    prompt_embeds: Tensor,
    control: Tensor,
    plan: Plan,
    anchor: Anchor,
) -> Tensor:
    """Return the guided noise prediction of every frame, (T, C, h, w) in fp32, in chunks of frames."""
    groups = len(prompt_embeds)
    predictions = []
    for start in range(0, len(latents), plan.chunk_size):
        frames = slice(start, start + plan.chunk_size)
        noisy = repeat_for_groups(latents[frames].to(backbone.dtype), groups)
        # (G, L, C) -> (G F, L, C), group after group like the latents.
        text = prompt_embeds.repeat_interleave(len(latents[frames]), dim=0)
        with anchor.passing("record" if start == 0 else "read", groups):
            down, mid = backbone.controlnet(
                noisy,
                timestep,
                encoder_hidden_states=text,
                controlnet_cond=repeat_for_groups(control[frames], groups),
                conditioning_scale=plan.control_scale,
                return_dict=False,
            )
            (noise,) = backbone.unet(
                noisy,
                timestep,
                encoder_hidden_states=text,
                down_block_additional_residuals=down,
                mid_block_additional_residual=mid,
                return_dict=False,
            )
        predictions.append(guided(noise.float(), groups, plan.guidance_scale))
    return torch.cat(predictions)


def guided(noise: Tensor, groups: int, guidance_scale: float) -> Tensor:
    """Combine [unconditional, conditional] predictions (groups * F, C, h, w) into (F, C, h, w)."""
    if groups == 1:
        return noise
    uncond, cond = noise.chunk(2)
    return uncond + guidance_scale * (cond - uncond)


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


def decode(backbone: Backbone, latents: Tensor) -> Tensor:
    """Return the pictures of latents (N, C, h, w) as (N, 3, H, W), clamped to 0 to 1 and differentiable."""
    picture = backbone.vae.decode((latents / backbone.vae.config.scaling_factor).to(backbone.dtype)).sample
    return (picture.float() / 2 + 0.5).clamp(0, 1)


@torch.no_grad()
def decode_frames(backbone: Backbone, latents: Tensor, on_frame: Callable[[], None] | None = None) -> Tensor:
    """Return finished frames (T, H, W, 3) uint8 on the CPU, decoded one at a time.

    Raises:
        NumericsError: if a frame cannot be decoded to finite values.
    """
    frames = []
    for index, latent in enumerate(latents):
        picture = decode(backbone, latent[None].to(backbone.device))[0]
        if not torch.isfinite(picture).all():
            raise NumericsError(f"frame {index} decodes to values that are not finite; use setup.dtype=float32")
        frames.append((picture * 255).round().to(torch.uint8).permute(1, 2, 0).cpu())
        if on_frame is not None:
            on_frame()
    return torch.stack(frames)
