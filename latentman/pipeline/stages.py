"""The stages of one run, in the order in which data flows: motion, body, render, correspondence, denoise, video.

A stage reads the files of earlier stages and writes its own, so that a run which was cut off goes on with the very
bytes that an uninterrupted one would have used. Each names what its result depends on; the runner chains these into
hashes.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from latentman.pipeline.origins import body_origins, companion_origins, motion_origins
from latentman.pipeline.run import Advance, Run, Stage
from latentman.system.paths import read_npz, weights_dir, write_npz
from latentman.types import BodySequence, Motion

if TYPE_CHECKING:
    from torch import Tensor


logger = logging.getLogger("latentman")


def make_motion(run: Run, advance: Advance) -> None:
    """Text to joints, cut to the video's frames, for everybody in the scene."""
    from latentman.body.build import build as build_body
    from latentman.body.skinning import rest_joints
    from latentman.motion.build import build
    from latentman.motion.source import Surroundings
    from latentman.motion.window import cut, pace
    from latentman.system.device import pick_device

    config, cfg = run.config, run.config.motion
    weights = weights_dir(config.paths.weights)
    paced = pace(cfg, fps=config.fps, num_frames=config.num_frames)
    for name, character in zip(run.motion_files, run.characters, strict=True):
        around = Surroundings(
            weights=weights,
            device=str(pick_device(config.device)),
            rest_joints=lambda body=character.body: rest_joints(build_body(body, weights)),  # type: ignore[misc]
        )
        source = build(replace(cfg, fps=paced.source_fps), around)
        motion = cut(
            source(character.text, num_frames=paced.needed, seed=character.seed),
            num_frames=config.num_frames,
            stride=paced.stride,
            start=cfg.start,
            if_short=cfg.if_short,
            start_fps=cfg.fps,
        )
        write_npz(run.folder / name, motion.arrays())


def make_body(run: Run, advance: Advance) -> None:
    """Joints to one moving mesh of everybody in the scene."""
    from latentman.body.build import build
    from latentman.body.fit import fit_motion
    from latentman.body.scene import join, place_beside

    weights = weights_dir(run.config.paths.weights)
    placed: list[BodySequence] = []
    for name, character in zip(run.motion_files, run.characters, strict=True):
        motion = Motion.from_arrays(read_npz(run.folder / name))
        sequence = fit_motion(build(character.body, weights), motion, character.body)
        if placed:
            sequence = place_beside(sequence, placed[0], offset=character.offset, facing=character.facing)
        placed.append(sequence)
    write_npz(run.folder / "body.npz", {**asdict(join(placed))})


def make_conditions(run: Run, advance: Advance) -> None:
    """Mesh to depth, mask and IUV."""
    from latentman.render.conditions import render_conditions
    from latentman.render.pictures import depth_frames, iuv_frames
    from latentman.video import write_mp4

    config = run.config
    conditions = render_conditions(
        run.body(),
        camera=config.camera,
        depth=config.depth,
        size=config.setup.image_size,
        renderer=config.renderer.name,
        progress=advance,
    )
    write_npz(run.folder / "conditions.npz", conditions.arrays())
    for name, frames in (("depth", depth_frames(conditions)), ("iuv", iuv_frames(conditions))):
        write_mp4(run.folder / "conditions" / f"{name}.mp4", frames, config.fps, config.video.crf)


def make_correspondence(run: Run, advance: Advance) -> None:
    """IUV, or the mesh itself, to the map M on every grid that is needed."""
    from latentman.correspondence.build import build
    from latentman.correspondence.match import warn_of_losses

    config = run.config
    cfg = replace(config.correspondence, workers=config.correspondence.workers or config.threads)
    match = build(cfg, config.solver.name, config.reference.name)
    if cfg.name == "mesh" and config.solver.name != "auto":
        logger.warning(
            "solver=%s plays no part in correspondence=mesh: add correspondence=densepose_lap", config.solver.name
        )
    conditions, body = run.conditions(), run.body()
    sizes, maps = run.map_sizes, []
    for index, size in enumerate(sizes):

        def progress(done: int, total: int, before: int = index) -> None:
            advance(before * total + done, len(sizes) * total)

        maps.append(match(conditions, body, size, progress))
        write_npz(run.folder / f"correspondence_{size}.npz", maps[-1].arrays())
    warn_of_losses(maps)


def make_latents(run: Run, advance: Advance) -> None:
    """Algorithm 1, going on from the last saved step."""
    from latentman.diffusion.denoise import State, denoise
    from latentman.pipeline.latent_file import read_state, remove_state, write_latents, write_state
    from latentman.pipeline.sampling import sampling_clip, sampling_plan

    config = run.config
    backbone, plan = run.backbone(), sampling_plan(config)
    clip = sampling_clip(
        config,
        backbone,
        prompt=run.positive,
        body=run.body(),
        conditions=run.conditions(),
        latent_map=run.correspondence(config.setup.latent_size),
        guidance_map=run.correspondence(config.pwg.size),
    )
    state_file = run.folder / "latents" / "state.safetensors"
    before = read_state(state_file)
    if before is not None:
        logger.info("denoise: goes on at step %d of %d", before.step, plan.num_steps)

    values: dict[str, float] = {}
    begun = time.perf_counter()

    def on_loss(losses: Tensor) -> None:
        values["guidance_loss"] = float(losses.nanmean())

    def on_step(state: State) -> None:
        nonlocal begun
        # Told first: a step that is made again after a kill is told once, and none is left out.
        run.on_step("denoise", state.step, {"seconds": time.perf_counter() - begun, **values})
        values.clear()
        write_state(state_file, state)
        advance(state.step, plan.num_steps)
        begun = time.perf_counter()

    latents = denoise(backbone, clip, plan, state=before, on_step=on_step, on_loss=on_loss)
    write_latents(run.folder / "latents.safetensors", latents)
    remove_state(state_file)


def make_video(run: Run, advance: Advance) -> None:
    """Latents to frames, the video and the correspondence overlay."""
    from latentman.correspondence.overlay import overlay, track_colours
    from latentman.diffusion.decode import decode_frames
    from latentman.pipeline.latent_file import read_latents
    from latentman.system.device import needing_memory
    from latentman.video import write_mp4, write_png_frames

    config, done = run.config, 0
    latents = read_latents(run.folder / "latents.safetensors")

    def on_frame() -> None:
        nonlocal done
        done += 1
        advance(done, len(latents))

    with needing_memory("one decoded frame", "set setup.dtype=float16, or a smaller setup.image_size"):
        frames = decode_frames(run.backbone(), latents, on_frame).numpy()
    write_png_frames(run.folder / "frames", frames)
    write_mp4(run.folder / "video.mp4", frames, config.fps, config.video.crf)
    size, conditions = run.metric_size, run.conditions()
    step = config.setup.image_size // size
    colours = track_colours(conditions.mask[:, ::step, ::step], run.correspondence(size))
    write_mp4(run.folder / "correspondence.mp4", overlay(frames, colours, size), config.fps, config.video.crf)


STAGES = (
    Stage(
        "motion",
        lambda r: [
            *(asdict(r.config.motion), r.motion_text, r.config.seed, r.config.num_frames, r.config.stride),
            motion_origins(r.config), *companion_origins(r),
        ],
        lambda r: r.motion_files,
        make_motion,
    ),
    Stage(
        "body",
        lambda r: [
            asdict(r.config.body), body_origins(r.config),
            *([c.offset, c.facing] for c in r.characters[1:]), *companion_origins(r),
        ],
        lambda r: ["body.npz"],
        make_body,
    ),
    Stage(
        "render",
        lambda r: [
            r.config.camera.result(),
            *(asdict(x) for x in (r.config.depth, r.config.renderer, r.config.iuv, r.config.video)),
            *(r.config.setup.image_size, r.config.fps),
        ],
        lambda r: ["conditions.npz", "conditions/depth.mp4", "conditions/iuv.mp4"],
        make_conditions,
        lambda r: r.config.num_frames,
    ),
    Stage(
        "correspondence",
        lambda r: [
            *(r.config.correspondence.result(), asdict(r.config.solver), asdict(r.config.reference)), r.map_sizes
        ],
        lambda r: [f"correspondence_{size}.npz" for size in r.map_sizes],
        make_correspondence,
        lambda r: len(r.map_sizes) * (r.config.num_frames - 1),
    ),
    Stage(
        "denoise",
        lambda r: [
            asdict(x) for x in (
                r.config.setup, r.config.sampler, r.config.noise, r.config.sla, r.config.pwg, r.config.background,
                r.config.conditioner,
            )
        ] + [r.positive, r.config.text.negative, r.config.seed, r.config.num_steps, r.weights],
        lambda r: ["latents.safetensors"],
        make_latents,
        lambda r: r.config.num_steps,
    ),
    Stage(
        "video",
        lambda r: [asdict(r.config.video), r.config.fps],
        lambda r: ["video.mp4", "correspondence.mp4"] + [f"frames/{i:03d}.png" for i in range(r.config.num_frames)],
        make_video,
        lambda r: r.config.num_frames,
    ),
)  # fmt: skip
