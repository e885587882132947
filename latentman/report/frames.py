"""The frames of a run's videos, as pages and plots read them, and the frame rate that the run asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from latentman.errors import RecordError
from latentman.record.run_config import read_configuration
from latentman.types import Array
from latentman.video import frame_paths, read_mp4, read_png_frames

DEFAULT_FPS = 10.0
"""Frames per second of a run whose configuration does not give any."""


def load_frames(run_dir: Path, name: str) -> Array | None:
    """Return the frames (T, H, W, 3) of a folder of PNGs or of an MP4 in a run folder.

    Returns:
        None if the file or folder is missing or damaged.
    """
    try:
        if name.endswith(".mp4"):
            return read_mp4(run_dir / name).frames
        return read_png_frames(run_dir / name)
    except RecordError:
        return None


def load_video(run_dir: Path) -> Array | None:
    """Return a run's video (T, H, W, 3), from ``frames/`` or else from ``video.mp4``; None if neither can be read."""
    frames = load_frames(run_dir, "frames")
    return load_frames(run_dir, "video.mp4") if frames is None else frames


def frame_count(run_dir: Path) -> int:
    """Return the number of frames of a run's video, without decoding them where possible; 0 if it has no video."""
    count = len(frame_paths(run_dir / "frames"))
    if count:
        return count
    frames = load_video(run_dir)
    return 0 if frames is None else len(frames)


def to_picture(frame: Array) -> Image.Image:
    """Return a frame (H, W, 3) uint8 as a picture."""
    return Image.fromarray(np.ascontiguousarray(frame))


def resized(picture: Image.Image, width: int) -> Image.Image:
    """Return a picture at most ``width`` pixels wide, with its proportions kept."""
    if picture.width <= width:
        return picture
    return picture.resize((width, max(1, round(width * picture.height / picture.width))), Image.Resampling.LANCZOS)


def run_fps(run_dir: Path) -> float:
    """Return the frames per second in a run's configuration; ``DEFAULT_FPS`` if it does not give them."""
    fps = read_configuration(run_dir).get("fps")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps < 100_000:
        return DEFAULT_FPS
    return float(fps)
