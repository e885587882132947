"""Reading videos that others made: files that ffmpeg decodes, and folders of numbered pictures."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentman.errors import DataError
from latentman.video import ffmpeg

PICTURES = (".png", ".jpg", ".jpeg")
MAX_BYTES = 4 * 2**30
"""Decoded bytes that are taken into memory; 1365 frames of 1024 x 1024, 690 of 1920 x 1080."""

EIGHT_BITS = ("1", "L", "P", "RGB", "RGBA", "LA")
"""Pillow's modes whose channels have at most 256 levels."""

_INPUT = re.compile(r"Stream #0:\d+.*?: Video:")
_OUTPUT = re.compile(r"Video: rawvideo.*?, (\d+)x(\d+)\D.*?, ([\d.]+) fps")
_HALF = 127

Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames (T, H, W, 3) uint8 RGB, T at least 2, and how many are shown in a second where that is known."""

    frames: Frames
    fps: float | None


def read_clip(path: Path) -> Clip:
    """Read a video file, or a folder of pictures in the order of the numbers in their names.

    Raises:
        DataError: if there is nothing, nothing that can be read, only one frame, frames of different sizes, or more
            than fits into :data:`MAX_BYTES`.
    """
    if path.is_dir():
        clip = Clip(_read_pictures(path), None)
    elif path.is_file():
        clip = _decode(path)
    else:
        raise DataError(f"there is no file or folder {path}")
    if len(clip.frames) < 2:
        raise DataError(f"{path} has only one frame: what changes from frame to frame can be told of two or more")
    return clip


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read where the figure is, (T, H, W): a video or a folder of pictures that are bright inside and dark outside.

    Raises:
        DataError: as :func:`read_clip`.
    """
    return np.asarray(read_clip(path).frames.max(axis=-1) > _HALF)


def expect_mask(mask: NDArray[np.bool_], frames: Frames) -> None:
    """Refuse a mask that is not of a video's frames.

    Raises:
        DataError: if number or size differ, or the mask is empty throughout.
    """
    if mask.shape != frames.shape[:3]:
        raise DataError(
            f"the mask has {_count(mask)} and the video {_count(frames)}: give one mask for each frame, of its size"
        )
    if not mask.any():
        raise DataError("the mask is black in every frame: it must be white where the figure is")


def _count(frames: NDArray[np.generic]) -> str:
    return f"{len(frames)} frames of {frames.shape[2]}x{frames.shape[1]}"


def _read_pictures(folder: Path) -> Frames:
    paths = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith(".")]
    if not paths:
        inside = f": perhaps {folder / 'frames'} was meant" if (folder / "frames").is_dir() else ""
        raise DataError(f"{folder} holds no pictures ({', '.join(PICTURES)}){inside}")
    frames: list[Frames] = []
    for path in sorted(paths, key=_by_numbers):
        frames.append(_read_picture(path))
        if frames[-1].shape != frames[0].shape:
            sizes = [f"{frame.shape[1]}x{frame.shape[0]}" for frame in (frames[0], frames[-1])]
            raise DataError(
                f"the pictures in {folder} differ in size: the first is {sizes[0]}, {path.name} is {sizes[1]}; "
                "give a folder of one video's frames"
            )
        if frames[0].nbytes * len(frames) > MAX_BYTES:
            raise DataError(_too_long(folder, frames[0].shape[1], frames[0].shape[0]))
    return np.stack(frames)


def _by_numbers(path: Path) -> list[tuple[int, int, str]]:
    """Return a key that sorts ``2.png`` before ``10.png``."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _read_picture(path: Path) -> Frames:
    try:
        with Image.open(path) as picture:
            if picture.mode not in EIGHT_BITS:
                raise DataError(f"{path} has pixels of kind {picture.mode}: save it with 8 bits for each colour")
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a picture: {error}") from error


def _decode(path: Path) -> Clip:
    start = [ffmpeg(), "-nostdin", "-i", str(path.absolute()), "-map", "0:v:0", "-fps_mode", "passthrough"]
    # The first frame tells the size, which rotation and cropping in the file may have changed.
    _, width, height, fps = _run([*start, "-frames:v", "1"], path)
    most = max(2, MAX_BYTES // (3 * width * height))
    raw, width, height, fps = _run([*start, "-frames:v", str(most + 1)], path)
    frames = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
    if len(frames) > most:
        raise DataError(_too_long(path, width, height))
    return Clip(frames, fps)


def _run(command: list[str], path: Path) -> tuple[bytes, int, int, float]:
    """Return what ffmpeg decodes, as rgb24, with width, height and frames a second."""
    done = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"], capture_output=True, check=False)
    said = done.stderr.decode(errors="replace")
    facts = _OUTPUT.search(said)
    if done.returncode != 0 or facts is None or not done.stdout:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        why = "it has no pictures" if lines and not _INPUT.search(said) and "Input #0" in said else lines[-1:]
        reason = why if isinstance(why, str) else (why[0] if why else "no message")
        raise DataError(f"{path} is no video that ffmpeg can decode: {reason}")
    return done.stdout, int(facts[1]), int(facts[2]), float(facts[3])


def _too_long(path: Path, width: int, height: int) -> str:
    most = MAX_BYTES // (3 * width * height)
    return (
        f"{path} has more than {most} frames of {width}x{height}, which is more than is taken at once: cut it shorter"
    )
