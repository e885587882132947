"""The video stage: latents to frames, the video, and the video of the correspondences."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from latentman.pipeline.run import Advance, Run
from latentman.pipeline.stage import Stage


def make_video(run: Run, advance: Advance) -> None:
    """Write the frames and both videos."""
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


def _settings(run: Run) -> list[Any]:
    return [asdict(run.config.video), run.config.fps]


STAGE = Stage(
    name="video",
    reads=("render", "correspondence", "denoise"),
    settings=_settings,
    outputs=lambda run: [
        *("video.mp4", "correspondence.mp4"),
        *(f"frames/{index:03d}.png" for index in range(run.config.num_frames)),
    ],
    make=make_video,
    length=lambda run: run.config.num_frames,
    needs_networks=True,
)
