"""A contact sheet of a motion: depth pictures of a body at moments over the clip, from the front and from the side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from latentman.body.fit import fit_motion
from latentman.body.skinning import Body
from latentman.config import BodyConfig, CameraConfig, DepthConfig
from latentman.errors import RecordError
from latentman.render.camera import place_cameras, to_cameras
from latentman.render.conditions import draw_seen
from latentman.render.depth import encode_depth
from latentman.render.pictures import depth_frames
from latentman.types import BodySequence, Motion

TILE = 160
"""Pixels of a picture's side."""

_VIEWS = {"front": 0.0, "side": 90.0}
_LABEL = 14
_INK, _PAPER = (230, 230, 230), (24, 24, 24)


def write_sheet(path: Path, body: Body, motion: Motion, *, frames: int) -> None:
    """Draw a motion and write the picture, one row for each view and one column for each moment.

    Args:
        path: the PNG file.
        body: the body to draw.
        motion: the whole motion.
        frames: moments, evenly spread from the first frame to the last.

    Raises:
        RecordError: if the file cannot be written.
    """
    chosen = np.unique(np.linspace(0, len(motion.joints) - 1, frames).round().astype(int))
    fitted = _on_the_spot(
        fit_motion(body, replace(motion, joints=motion.joints[chosen]), BodyConfig("any", refine="never"))
    )
    rows = [_row(fitted, yaw) for yaw in _VIEWS.values()]
    height = _LABEL + TILE * len(rows)
    sheet = Image.new("RGB", (TILE * len(chosen), height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, frame in enumerate(chosen):
        draw.text((TILE * column + 4, 1), f"{frame / motion.fps:.2f} s", fill=_INK)
        for row, pictures in enumerate(rows):
            sheet.paste(Image.fromarray(pictures[column]), (TILE * column, _LABEL + TILE * row))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path, format="PNG")
    except OSError as error:
        raise RecordError(
            f"cannot write the contact sheet {path}: {error.strerror or error}; give another --sheet"
        ) from error


def _on_the_spot(body: BodySequence) -> BodySequence:
    """Return the body with its pelvis over the origin in every frame, so that each picture shows all of it."""
    shift = body.joints[:, :1] * np.array([1.0, 0.0, 1.0], dtype=body.joints.dtype)
    return replace(body, vertices=body.vertices - shift, joints=body.joints - shift)


def _row(body: BodySequence, yaw: float) -> NDArray[np.uint8]:
    """Return the depth pictures (T, H, W, 3) of one view."""
    cameras = place_cameras(body, CameraConfig(yaw_deg=yaw), TILE)
    seen = draw_seen(body, cameras)
    pelvis = to_cameras(body.joints[:, 0], cameras)[:, 2]
    pictures: NDArray[np.uint8] = depth_frames(replace(seen, disparity=encode_depth(seen.depth, DepthConfig(), pelvis)))
    return pictures
