"""Reading videos of any origin: files that ffmpeg decodes, and folders of numbered pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentman.errors import DataError
from latentman.files.video_file import MAX_DECODED_BYTES, decode
from latentman.video import Frames, read_pictures

PICTURES = (".png", ".jpg", ".jpeg")
MAX_BYTES = MAX_DECODED_BYTES
_NO_VIDEO = "cannot decode the video"

_HALF = 127


@dataclass(frozen=True, slots=True)
class LoadedVideo:
    """Frames (T, H, W, 3) uint8 RGB, T at least 2, and the frames per second; None if that is not known."""

    frames: Frames
    fps: float | None


def read_video(path: Path) -> LoadedVideo:
    """Read a video file, or a folder of pictures in the order of the numbers in their names.

    Raises:
        DataError: if the path does not exist, cannot be read, or has only one frame, frames of different sizes or
            more than :data:`MAX_BYTES`.
    """
    if path.is_dir():
        video = LoadedVideo(_read_folder(path), None)
    elif path.is_file():
        video = _decode(path)
    else:
        raise DataError(f"there is no file or folder {path}")
    if len(video.frames) < 2:
        raise DataError(f"{path} has only one frame: the scores compare frames, so that a video needs two or more")
    return video


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read where the figure is, (T, H, W): a video or a folder of pictures that are bright inside and dark outside.

    Raises:
        DataError: as :func:`read_video`.
    """
    return np.asarray(read_video(path).frames.max(axis=-1) > _HALF)


def expect_mask(mask: NDArray[np.bool_], frames: Frames) -> None:
    """Refuse a mask that does not fit the frames of a video.

    Raises:
        DataError: if the number or the size of the frames differs, or the mask is empty in every frame.
    """
    if mask.shape != frames.shape[:3]:
        raise DataError(
            f"the mask has {_count(mask)} and the video {_count(frames)}: give one mask of the same size for each frame"
        )
    if not mask.any():
        raise DataError("the mask is black in every frame: it must be white where the figure is")


def _count(frames: NDArray[np.generic]) -> str:
    return f"{len(frames)} frames of {frames.shape[2]}x{frames.shape[1]}"


def _read_folder(folder: Path) -> Frames:
    paths = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith(".")]
    if not paths:
        inside = f": perhaps you meant {folder / 'frames'}" if (folder / "frames").is_dir() else ""
        raise DataError(f"{folder} holds no pictures ({', '.join(PICTURES)}){inside}")
    return read_pictures(sorted(paths, key=_by_numbers), max_bytes=MAX_BYTES)


def _by_numbers(path: Path) -> list[tuple[int, int, str]]:
    """Return a key that sorts ``2.png`` before ``10.png``."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _decode(path: Path) -> LoadedVideo:
    options = ("-map", "0:v:0", "-fps_mode", "passthrough")
    # Rotation and cropping in the file may change the size; the decoded first frame has the final one.
    first = decode(path, options=(*options, "-frames:v", "1"), what=_NO_VIDEO)
    most = max(2, MAX_BYTES // (3 * first.width * first.height))
    found = decode(path, options=(*options, "-frames:v", str(most + 1)), max_bytes=2 * MAX_BYTES, what=_NO_VIDEO)
    frames = np.frombuffer(found.pixels, np.uint8).reshape(-1, found.height, found.width, 3)
    if len(frames) > most:
        raise DataError(_too_long(path, found.width, found.height))
    return LoadedVideo(frames, found.fps)


def _too_long(path: Path, width: int, height: int) -> str:
    most = MAX_BYTES // (3 * width * height)
    return f"{path} has more than {most} frames of {width}x{height}, the most that are read: cut it shorter"
