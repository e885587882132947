"""The render stage: the mesh to depth, mask and IUV."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from latentman.config import Config, check_surface
from latentman.pipeline.iuv_files import iuv_origins
from latentman.pipeline.run import Advance, Run
from latentman.pipeline.stage import Sharing, Stage
from latentman.system.paths import write_npz
from latentman.types import BodySequence, Conditions


def conditions_of(config: Config, body: BodySequence, advance: Advance | None = None) -> Conditions:
    """Return what is drawn of a moving mesh: depth, mask and IUV (T, S, S, ...), S = ``setup.image_size``.

    ``iuv=smpl_densepose`` replaces the charts of the mesh, ``iuv=images`` the finished IUV maps; everything else is
    drawn from the mesh in any case.

    Args:
        config: of the run: the groups ``camera``, ``scene``, ``depth``, ``renderer``, ``iuv`` and ``setup.image_size``.
        body: the moving mesh.
        advance: called with (frames done, frames in all).

    Raises:
        ConfigError: if the renderer is unknown, ``iuv`` does not fit the characters, or a
            camera or a character is outside the scene.
        DataError: if the camera cannot be placed, or a file that ``iuv`` names cannot be used.
    """
    from latentman.body.densepose_atlas import read_atlas, with_atlas
    from latentman.render.conditions import render_conditions
    from latentman.render.iuv_images import read_maps

    check_surface(config.iuv, config.body, config.companions)
    if config.iuv.file is not None:
        body = with_atlas(body, read_atlas(config.iuv.file), 1 + len(config.companions))
    conditions = render_conditions(
        body,
        camera=config.camera,
        depth=config.depth,
        size=config.setup.image_size,
        scene=config.scene,
        renderer=config.renderer.name,
        progress=advance,
    )
    if config.iuv.folder is None:
        return conditions
    frames, size = conditions.mask.shape[:2]
    maps = read_maps(config.iuv.folder, frames=frames, size=size, channels=config.iuv.channels)
    return replace(conditions, iuv=maps)


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
        *([asdict(config.scene)] if config.scene.is_known else []),
        config.depth.result(scene=config.scene.is_known),
        *(asdict(config.renderer), config.iuv.result(), asdict(config.video)),
        *(config.setup.image_size, config.fps),
        *iuv_origins(config),
    ]


STAGE = Stage(
    name="render",
    reads=("body",),
    settings=_settings,
    outputs=lambda run: ["conditions.npz", "conditions/depth.mp4", "conditions/iuv.mp4"],
    make=make_conditions,
    length=lambda run: run.config.num_frames,
    sharing=Sharing(
        code=("motion", "body", "render", "pipeline/iuv_files.py", "pipeline/stages/render.py"),
        packages=("numpy", "scipy", "pillow", "imageio-ffmpeg", "pytorch3d"),
    ),
)
