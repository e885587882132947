"""All conditions of the pictures, drawn for a whole clip."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from latentman.config import CameraConfig, DepthConfig, SceneConfig
from latentman.render.camera import place_cameras, project, to_cameras
from latentman.render.depth import encode_background, encode_depth
from latentman.render.fragments import NEAR, Fragments
from latentman.render.iuv import draw_iuv
from latentman.render.rasterize import get_rasterizer
from latentman.render.scene import build_scene, scene_depth
from latentman.types import Array, BodySequence, Camera, Conditions

_log = logging.getLogger("latentman.render")

SMALL_FIGURE = 0.35
"""Share of the picture's height below which a figure has too few pixels for good matches and pictures."""


def render_conditions(
    sequence: BodySequence,
    *,
    camera: CameraConfig,
    depth: DepthConfig,
    size: int,
    scene: SceneConfig | None = None,
    renderer: str = "torch",
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Conditions:
    """Draw depth, disparity, IUV and mask of every frame, in pictures of ``size`` x ``size`` pixels.

    The scene behind the figures is part of the result, but of no picture, except of the disparity with
    ``depth.scene``.

    Warns, once each, through the logger ``latentman.render``, when a part of the figure is outside the picture, and
    when the figure is small.

    Args:
        sequence: the moving mesh.
        camera: the camera's position and motion.
        depth: how metric depth becomes disparity.
        size: height and width in pixels.
        scene: what is behind the figures; None is nothing.
        renderer: name of the rasteriser.
        device: the torch device to draw on.
        progress: called with (frames done, frames in total) after each frame.

    Raises:
        ConfigError: if ``renderer`` is unknown, or a camera or a character is outside the scene.
        MissingExtraError: if it needs a package that is not installed.
        DataError: if the camera cannot be placed.
    """
    cameras = place_cameras(sequence, camera, size)
    behind = build_scene(sequence, cameras, scene) if scene is not None else None
    seen = draw_seen(sequence, cameras, renderer=renderer, device=device, progress=progress)
    _warn_of_framing(to_cameras(sequence.vertices, cameras), seen.mask, cameras)
    pelvis = to_cameras(sequence.joints[:, 0], cameras)[:, 2]
    disparity = encode_depth(seen.depth, depth, pelvis)
    if behind is not None and depth.scene:
        grey = encode_background(scene_depth(behind, cameras), seen.depth, depth, pelvis)
        disparity = np.where(seen.mask, disparity, grey)
    return replace(seen, disparity=disparity, scene=behind)


def draw_seen(
    sequence: BodySequence,
    cameras: Sequence[Camera],
    *,
    renderer: str = "torch",
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Conditions:
    """Draw what these cameras see, without disparity, which is zero in the result.

    Args:
        sequence: the moving mesh, T frames.
        cameras: one for each frame.
        renderer: name of the rasteriser.
        device: the torch device to draw on.
        progress: called with (frames done, frames in total) after each frame.

    Raises:
        ConfigError: if ``renderer`` is unknown.
        MissingExtraError: if it needs a package that is not installed.
    """
    draw = get_rasterizer(renderer)
    faces = torch.from_numpy(sequence.faces.astype(np.int64)).to(device)
    points = to_cameras(sequence.vertices, cameras)
    frames = []
    for frame, (vertices, placed) in enumerate(zip(points, cameras, strict=True), start=1):
        frames.append(_to_arrays(draw(torch.from_numpy(vertices[None]).to(device), faces, placed)))
        if progress is not None:
            progress(frame, len(points))
    face, bary, metres = (np.concatenate(values) for values in zip(*frames, strict=True))
    return Conditions(
        depth=metres,
        disparity=np.zeros_like(metres),
        iuv=draw_iuv(face, bary, sequence.part, sequence.corner_uv),
        mask=np.asarray(face >= 0),
        face=face,
        bary=bary,
        cameras=tuple(cameras),
    )


def _to_arrays(fragments: Fragments) -> tuple[Array, Array, Array]:
    """Return face (int32), barycentric coordinates and depth (float32) as arrays."""
    return fragments.face.int().cpu().numpy(), fragments.bary.cpu().numpy(), fragments.depth.cpu().numpy()


def _warn_of_framing(points: Array, mask: Array, cameras: Sequence[Camera]) -> None:
    """Warn of bad framing of a clip: vertices (T, V, 3) in camera axes, mask (T, H, W)."""
    height, width = mask.shape[1:]
    behind = (points[..., 2] <= NEAR).any(1)
    ahead = np.where(points[..., 2:] > NEAR, points, (0.0, 0.0, 1.0))
    pixels = np.stack([project(*of_frame) for of_frame in zip(ahead, cameras, strict=True)])
    outside = behind | ((pixels < 0) | (pixels > (width, height))).any((1, 2))
    empty = ~mask.any((1, 2))
    if (outside | empty).any():
        _log.warning(
            "the figure is partly outside the picture in %d of %d frames (%d of them are empty): set camera.distance "
            "to null or to a larger value",
            int((outside | empty).sum()),
            len(mask),
            int(empty.sum()),
        )
    rows: Array = np.asarray(mask.any(2))
    heights = height - rows.argmax(1) - rows[:, ::-1].argmax(1)
    smallest = np.min(heights, where=~empty, initial=height)
    if smallest < SMALL_FIGURE * height:
        _log.warning(
            "the figure is only %d of %d pixels high: choose a motion that travels less, fewer frames, or a smaller "
            "camera.margin",
            int(smallest),
            height,
        )
