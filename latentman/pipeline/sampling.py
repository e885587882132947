"""From a configuration and its rendered conditions to what the denoising loop works on."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch

from latentman.config import Config
from latentman.config.sampling import StepGate
from latentman.correspondence.background import map_background
from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.animatediff import Animation
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.background import figures_on_grid
from latentman.diffusion.conditioning import build_control
from latentman.diffusion.denoise import Frames, Plan
from latentman.diffusion.flow import FlowSchedule, build_flow
from latentman.diffusion.generative_rendering import GenerativeRendering
from latentman.diffusion.latentwarp import LatentWarp
from latentman.diffusion.mapped_background import carried_noise
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.pwg import GuidancePlan
from latentman.diffusion.schedules import check_negative, check_schedule, reads_guidance
from latentman.diffusion.t2v_zero_motion import LatentMotion
from latentman.diffusion.text import encode_prompt
from latentman.diffusion.token_method import TokenMethod
from latentman.diffusion.token_warping import TokenWarping
from latentman.diffusion.tokenflow import TokenFlow
from latentman.diffusion.vidtome import VidToMe
from latentman.networks.backbone import Backbone
from latentman.render.control_pictures import draw_control
from latentman.types import Array, BodySequence, Conditions, Correspondence

TOKEN_METHODS: dict[str, Any] = {
    "token_warping": TokenWarping,
    "tokenflow": TokenFlow,
    "vidtome": VidToMe,
    "generative_rendering": GenerativeRendering,
}
"""The method of each group; their settings have the names of the group's keys."""


def animation_of(
    config: Config, backbone: Backbone, *, prompt: str, body: BodySequence, conditions: Conditions
) -> Animation:
    """Return what a clip of the trained model is made from; the arguments are those of :func:`sampling_frames`."""
    pictures, nets = _pictures(config, body, conditions), config.conditioner.nets
    shape = (len(conditions.mask), backbone.latent_channels, config.setup.latent_size, config.setup.latent_size)
    return Animation(
        text=encode_prompt(backbone, prompt, config.text.negative, config.setup.guidance_scale),
        pictures=tuple(pictures[net.kind] for net in nets),
        scales=tuple(config.conditioner.scale * net.scale for net in nets),
        noise=initial_noise(config.noise.name, shape, config.seed, iuv=conditions.iuv, texels=config.noise.texels),
    )


def _pictures(config: Config, body: BodySequence, conditions: Conditions) -> dict[str, Array]:
    """Return the pictures that the networks of ``conditioner.nets`` take, by their kind."""
    return {net.kind: draw_control(net.kind, body, conditions) for net in config.conditioner.nets}


def sampling_frames(
    config: Config,
    backbone: Backbone,
    *,
    prompt: str,
    body: BodySequence,
    conditions: Conditions,
    latent_map: Correspondence,
    guidance_map: Correspondence,
) -> Frames:
    """Return what the frames of a run are made from.

    Args:
        config: of the run.
        backbone: its networks.
        prompt: the text that the text encoder reads.
        body: the moving mesh.
        conditions: what was drawn from it.
        latent_map: the map M on the latent grid.
        guidance_map: the map M on the guidance grid.

    Raises:
        ConfigError: if the schedule does not suit the networks.
    """
    count, size = len(conditions.mask), config.setup.latent_size
    networks, guidance_scale = backbone.unet.config, config.setup.guidance_scale
    check_schedule(config.schedule, guidance_scale, unet=networks, scheduler=backbone.scheduler.config)
    check_negative(config.text.negative, networks)
    if reads_guidance(config.schedule.name, networks):
        guidance_scale = 1.0
    pictures = _pictures(config, body, conditions)
    shape = (count, backbone.latent_channels, size, size)
    noise = initial_noise(config.noise.name, shape, config.seed, iuv=conditions.iuv, texels=config.noise.texels)
    is_mapped, guide = config.background.is_mapped, config.background.guide and config.pwg.enabled
    background = map_background(conditions, size=size) if is_mapped else None
    if background is not None and config.background.noise:
        noise = carried_noise(noise, background, config.seed)
    return Frames(
        text=encode_prompt(backbone, prompt, config.text.negative, guidance_scale),
        control=build_control(
            *(backbone, config.conditioner, pictures),
            num_frames=count,
            grid=(size, size),
            guidance_scale=config.setup.guidance_scale,
        ),
        noise=noise,
        latent_map=latent_map,
        guidance_map=guidance_map,
        figures=figures_on_grid(conditions.mask, size),
        masks=_anchor_masks(config, conditions),
        background_moves=conditions.background_moves,
        iuv=conditions.iuv if config.generative_rendering.enabled else None,
        background=background,
        guidance_background=map_background(conditions, size=config.pwg.size, sources="previous")
        if is_mapped and guide
        else None,
    )


def _anchor_masks(config: Config, conditions: Conditions) -> AnchorMasks | None:
    """Return the masks by which figure and background attend separately; None where they do not."""
    sampler, size = config.sampler, config.setup.latent_size
    if not sampler.masked:
        return None
    is_nearest = sampler.mask_reduction == "nearest"
    figure = torch.from_numpy(conditions.mask) if is_nearest else figures_on_grid(conditions.mask, size)
    return AnchorMasks(figure, size**2, reduction=sampler.mask_reduction, masks_frame0=sampler.mask_frame0)


def sampling_plan(config: Config, backbone: Backbone) -> Plan:
    """Return the loop's plan for a configuration.

    Windows are shares of the schedule. Flow matching has other noise levels at the same share, so its windows are
    brought over by noise level.

    Args:
        config: of the run.
        backbone: its networks, whose noise levels are asked with ``schedule=flow``.

    Raises:
        ConfigError: if a window holds no step of the schedule.
    """
    levels = _flow_levels(config, backbone)
    steps, sampler, motion = config.num_steps, config.sampler, config.sampler.latent_motion
    return Plan(
        num_steps=steps,
        guidance_scale=config.setup.guidance_scale,
        seed=config.seed,
        anchor_modules=tuple(sampler.modules),
        anchor=AnchorRule(
            sampler.anchor,
            _follows_from(sampler.start, steps, levels),
            sampler.layers,
            sampler.first_layer,
            sampler.union,
        ),
        sla_steps=_steps(config.sla, "sla", steps, levels),
        sla_blend=config.sla.blend,
        background_steps=_steps(config.background, "background", steps, levels),
        latentwarp=LatentWarp(
            _steps(config.latentwarp, "latentwarp", steps, levels),
            config.latentwarp.background,
            config.latentwarp.interpolation,
        ),
        tokens=_token_method(config),
        guidance=GuidancePlan(
            steps=_steps(config.pwg, "pwg", steps, levels),
            gradient=config.pwg.gradient,
            loss=config.pwg.loss,
            delta=config.pwg.delta_at(steps),
            strength=config.setup.pwg_strength,
            chunk_size=config.pwg.chunk_size,
            checkpointing=config.pwg.checkpointing,
            decoder=config.pwg.decoder,
            region=config.pwg.region,
            margin=config.pwg.margin,
        ),
        latent_motion=None
        if motion is None
        else LatentMotion((motion.shift[0], motion.shift[1]), motion.t0, motion.t1, motion.smooth_background),
        chunk_size=sampler.chunk_size,
        schedule=config.schedule.name,
        eta=sampler.eta,
        steps_offset=sampler.steps_offset,
    )


def _flow_levels(config: Config, backbone: Backbone) -> FlowSchedule | None:
    """Return the schedule whose noise levels windows are brought over to; None where shares of the steps are meant."""
    if config.schedule.name != "flow":
        return None
    return build_flow(backbone.scheduler, config.num_steps, seed=config.seed, packed_tokens=backbone.packed_tokens)


def _steps(gate: StepGate, key: str, steps: int, levels: FlowSchedule | None) -> range:
    """Return the steps at which a part of the method acts."""
    if levels is None or not gate.enabled or gate.window is None:
        return gate.indices(key, steps)
    return levels.window(f"{key}.window", gate.window)


def _follows_from(start: float, steps: int, levels: FlowSchedule | None) -> range:
    """Return the steps at which frames read their anchor: from a share of the schedule on."""
    if levels is None or start in (0.0, 1.0):
        return range(round(start * steps), steps)
    return range(levels.window("sampler.start, to 1,", [start, 1.0]).start, steps)


def _token_method(config: Config) -> TokenMethod | None:
    """Return the related method that acts on the tokens of self-attention; at most one is on."""
    for name, method in TOKEN_METHODS.items():
        group = getattr(config, name)
        if group.enabled:
            values = {item.name: getattr(group, item.name) for item in fields(method) if item.name != "steps"}
            values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
            chosen: TokenMethod = method(steps=group.indices(name, config.num_steps), **values)
            return chosen
    return None
