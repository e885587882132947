"""The denoise stage: Algorithm 1, from noise to latents, saved after every step."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentman.pipeline.run import Advance, Run
from latentman.pipeline.stage import Stage

if TYPE_CHECKING:
    from torch import Tensor

    from latentman.diffusion.denoise import Frames
    from latentman.networks.backbone import Backbone


logger = logging.getLogger("latentman")

UNFINISHED = "latents"
"""The folder in which the state after the last step is kept until the stage is done."""


def make_latents(run: Run, advance: Advance) -> None:
    """Write the latents, continuing from the last saved step."""
    from latentman.diffusion.denoise import State, denoise
    from latentman.pipeline.latent_file import read_state, remove_state, write_latents, write_state
    from latentman.pipeline.sampling import sampling_plan

    if run.config.sampler.is_animatediff:
        write_latents(run.folder / "latents.safetensors", _animated(run, advance))
        return
    backbone = run.backbone()
    plan = sampling_plan(run.config, backbone)
    frames = _frames_of(run, backbone)
    state_file = _state_file(run.folder)
    before = read_state(state_file)
    if before is not None:
        logger.info("denoise: continues at step %d of %d", before.step, plan.num_steps)

    values: dict[str, float] = {}
    begun = time.perf_counter()

    def on_loss(losses: Tensor) -> None:
        values["guidance_loss"] = float(losses.nanmean())

    def on_step(state: State) -> None:
        nonlocal begun
        # Reported before it is saved: a step that is repeated after a kill is reported once, and none is left out.
        run.on_step("denoise", state.step, {"seconds": time.perf_counter() - begun, **values})
        values.clear()
        write_state(state_file, state)
        advance(state.step, plan.num_steps)
        begun = time.perf_counter()

    latents = denoise(backbone, frames, plan, state=before, on_step=on_step, on_loss=on_loss)
    write_latents(run.folder / "latents.safetensors", latents)
    remove_state(state_file)


def _animated(run: Run, advance: Advance) -> Tensor:
    """Return the latents of the trained model, whose loop is not ours: it begins again after an interruption."""
    from latentman.diffusion.animatediff import animate
    from latentman.networks.motion_adapter import load_motion_adapter
    from latentman.pipeline.sampling import animation_of

    config, backbone = run.config, run.backbone()
    adapter = load_motion_adapter(config.sampler, backbone.unet.config, config.num_frames, backbone.dtype)
    animation = animation_of(config, backbone, prompt=run.positive, body=run.body(), conditions=run.conditions())
    begun = time.perf_counter()

    def on_step(step: int) -> None:
        nonlocal begun
        run.on_step("denoise", step, {"seconds": time.perf_counter() - begun})
        advance(step, config.num_steps)
        begun = time.perf_counter()

    return animate(
        backbone,
        adapter,
        animation,
        num_steps=config.num_steps,
        guidance_scale=config.setup.guidance_scale,
        on_step=on_step,
    )


def _frames_of(run: Run, backbone: Backbone) -> Frames:
    """Return what the loop works on, from the files of earlier stages."""
    from latentman.pipeline.sampling import sampling_frames

    return sampling_frames(
        run.config,
        backbone,
        prompt=run.positive,
        body=run.body(),
        conditions=run.conditions(),
        latent_map=run.correspondence(run.config.setup.latent_size),
        guidance_map=run.correspondence(run.config.pwg.size),
    )


def _state_file(folder: Path) -> Path:
    return folder / UNFINISHED / "state.safetensors"


def _settings(run: Run) -> list[Any]:
    from latentman.diffusion.anchors import ANCHORS
    from latentman.networks.motion_adapter import motion_adapter_digest

    config = run.config
    texts = (run.positive, config.text.negative)
    plugin = ANCHORS.identity(config.sampler.anchor)
    settings = [config.setup.result(), config.sampler.result(), asdict(config.noise), asdict(config.sla)]
    settings += [config.pwg.result(), config.background.result(), asdict(config.conditioner)]
    settings += config.family.results()
    trained = [motion_adapter_digest(config.sampler)] if config.sampler.is_animatediff else []
    more = (*config.schedule.results(), *trained)
    return [*settings, *more, *texts, config.seed, config.num_steps, run.weights, *([plugin] if plugin else [])]


STAGE = Stage(
    name="denoise",
    reads=("body", "render", "correspondence"),
    settings=_settings,
    outputs=lambda run: ["latents.safetensors"],
    make=make_latents,
    length=lambda run: run.config.num_steps,
    unfinished=(UNFINISHED,),
    needs_networks=True,
)
