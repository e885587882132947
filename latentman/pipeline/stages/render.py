"""The render stage: the mesh to depth, mask and IUV."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from latentman.config import Config
from latentman.pipeline.run import Advance, Run
from latentman.pipeline.stage import Sharing, Stage
from latentman.system.paths import write_npz
from latentman.types import BodySequence, Conditions


def conditions_of(config: Config, body: BodySequence, advance: Advance | None = None) -> Conditions:
    """Return what is drawn of a moving mesh: depth, mask and IUV (T, S, S, ...), S = ``setup.image_size``.

    Args:
        config: of the run: the groups ``camera``, ``depth``, ``renderer`` and ``setup.image_size`` are read.
        body: the moving mesh.
        advance: called with (frames done, frames in all).
    """
    from latentman.render.conditions import render_conditions

    return render_conditions(
        body,
        camera=config.camera,
        depth=config.depth,
        size=config.setup.image_size,
        renderer=config.renderer.name,
        progress=advance,
    )


def make_conditions(run: Run, advance: Advance) -> None:
    """Write the conditions, and videos of depth and IUV."""
    from latentman.render.pictures import depth_frames, iuv_frames
    from latentman.video import write_mp4

    config = run.config
    conditions = conditions_of(config, run.body(), advance)
    write_npz(run.folder / "conditions.npz", conditions.arrays())
    for name, frames in (("depth", depth_frames(conditions)), ("iuv", iuv_frames(conditions))):
        write_mp4(run.folder / "conditions" / f"{name}.mp4", frames, config.fps, config.video.crf)


def _settings(run: Run) -> list[Any]:
    config = run.config
    return [
        config.camera.result(),
        *(asdict(group) for group in (config.depth, config.renderer, config.iuv, config.video)),
        *(config.setup.image_size, config.fps),
    ]


STAGE = Stage(
    name="render",
    reads=("body",),
    settings=_settings,
    outputs=lambda run: ["conditions.npz", "conditions/depth.mp4", "conditions/iuv.mp4"],
    make=make_conditions,
    length=lambda run: run.config.num_frames,
    sharing=Sharing(
        code=("motion", "body", "render", "pipeline/stages/render.py"),
        packages=("numpy", "scipy", "pillow", "imageio-ffmpeg"),
    ),
)
