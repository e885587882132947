"""Frames to files and back: H.264 videos that play in every browser, and lossless PNG frames.

The same frames give the same bytes: one encoder thread, no time stamps, no version strings. Colours are converted with
the BT.709 matrix and tagged accordingly; players guess the matrix of untagged videos by their size, which shifts reds.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentman.errors import DataError, RecordError, ShapeError
from latentman.files.image_file import read_image
from latentman.files.opening import missing_as
from latentman.files.video_file import decode, ffmpeg
from latentman.system.paths import write_atomic
from latentman.types import Video

EIGHT_BITS = ("1", "L", "P", "RGB", "RGBA", "LA")
"""Pillow's modes whose channels have at most 256 levels."""

Frames = NDArray[np.uint8]

_BT709 = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
_BITEXACT = ["-threads", "1", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
# x264 writes its version and settings into the stream as SEI units.
_NO_SETTINGS = ["-bsf:v", "filter_units=remove_types=6"]
_RGB_TO_709 = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=accurate_rnd+full_chroma_int+bitexact"
_FRAME_NAME = re.compile(r"\d{3,}\.png")


def write_mp4(path: Path, frames: Frames, fps: float, crf: int) -> None:
    """Encode a video: H.264, 4:2:0, BT.709, index at the front.

    Odd sizes grow by one row or column that repeats the edge, since 4:2:0 needs even sizes.

    Args:
        path: where to write; an older file is replaced only when the new one is complete.
        frames: (T, H, W, 3) uint8 RGB, T at least 1.
        fps: frames shown in a second, above 0.
        crf: quality of x264, 0 (lossless) to 51.

    Raises:
        ShapeError: if the frames have another shape or type, or there are none.
        RecordError: if ffmpeg is missing or fails, or the folder cannot be written.
    """
    _expect_frames(frames)
    even = np.pad(frames, ((0, 0), (0, frames.shape[1] % 2), (0, frames.shape[2] % 2), (0, 0)), mode="edge")
    _, height, width, _ = even.shape
    rate = Fraction(fps).limit_denominator(100_000)
    command = [
        *(ffmpeg(), "-nostdin", "-y", "-loglevel", "error"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "pipe:0"),
        *("-an", "-vf", f"{_RGB_TO_709},format=yuv420p", "-c:v", "libx264", "-preset", "medium", "-crf", str(crf)),
        *(*_BITEXACT, *_NO_SETTINGS, *_BT709, "-movflags", "+faststart"),
    ]
    pixels = np.ascontiguousarray(even).tobytes()
    write_atomic(path, lambda temporary: _encode([*command, str(temporary)], pixels, path))


def _encode(command: list[str], pixels: bytes, path: Path) -> None:
    done = subprocess.run(command, input=pixels, capture_output=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = next((line for line in lines if "No space left" in line), lines[-1] if lines else "no message")
        raise RecordError(
            f"cannot write {path}: ffmpeg ended with status {done.returncode}: {reason}; "
            "free some space, or point IMAGEIO_FFMPEG_EXE at an ffmpeg with libx264"
        )


def read_mp4(path: Path) -> Video:
    """Decode a video.

    Raises:
        RecordError: if the file is missing or cannot be decoded.
    """
    with missing_as(path, error=RecordError):
        found = decode(path, error=RecordError, advice="delete it to have it made again")
    return Video(np.frombuffer(found.pixels, np.uint8).reshape(-1, found.height, found.width, 3), found.fps)


def write_png_frames(folder: Path, frames: Frames) -> None:
    """Write frames as ``000.png``, ``001.png``, ...; higher numbers left by a longer video are removed.

    Args:
        folder: created if it does not exist.
        frames: (T, H, W, 3) uint8 RGB, T at least 1.

    Raises:
        ShapeError: if the frames have another shape or type, or there are none.
        RecordError: if the folder cannot be written.
    """
    _expect_frames(frames)
    for index, frame in enumerate(frames):
        picture = Image.fromarray(frame)
        write_atomic(folder / f"{index:03d}.png", partial(picture.save, format="PNG"))
    for path in frame_paths(folder)[len(frames) :]:
        path.unlink(missing_ok=True)


def frame_paths(folder: Path) -> list[Path]:
    """Return the PNG frames of a folder in order; an empty list when there are none."""
    found = [path for path in folder.glob("*.png") if _FRAME_NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.stem))


def read_png_frames(folder: Path) -> Frames:
    """Return the frames of a folder as (T, H, W, 3) uint8 RGB.

    Raises:
        RecordError: if there are none, a number is missing, a file is damaged, or the sizes differ.
    """
    paths = frame_paths(folder)
    if [int(path.stem) for path in paths] != list(range(len(paths))) or not paths:
        raise RecordError(f"{folder} does not hold the frames 000.png, 001.png, ...: found {len(paths)} files")
    try:
        return read_pictures(paths)
    except DataError as error:
        raise RecordError(f"{error}; delete the folder to have it made again") from error


def read_pictures(paths: Sequence[Path], *, max_bytes: int | None = None) -> Frames:
    """Return PNG or JPEG pictures of one size, in the order given, as (T, H, W, 3) uint8 RGB.

    Args:
        paths: at least one.
        max_bytes: the most that the result may occupy.

    Raises:
        DataError: if a picture is damaged, has more than 8 bits for each colour or another size than the first, or
            all together are larger than ``max_bytes``.
    """
    frames: list[Frames] = []
    for path in paths:
        frames.append(_read_picture(path))
        height, width, _ = frames[0].shape
        if frames[-1].shape != frames[0].shape:
            raise DataError(
                f"the pictures in {path.parent} differ in size: the first is {width}x{height}, "
                f"{path.name} is {frames[-1].shape[1]}x{frames[-1].shape[0]}"
            )
        if max_bytes is not None and frames[0].nbytes * len(frames) > max_bytes:
            most = max_bytes // frames[0].nbytes
            raise DataError(f"{path.parent} has more than {most} frames of {width}x{height}, the most that are read")
    return np.stack(frames)


def _read_picture(path: Path) -> Frames:
    with missing_as(path):
        return np.asarray(read_image(path, modes=EIGHT_BITS, formats=("PNG", "JPEG")).convert("RGB"))
    raise AssertionError  # missing_as() never swallows


def _expect_frames(frames: Frames) -> None:
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
        raise ShapeError(f"frames: expected (T, H, W, 3) uint8 with T >= 1, got {frames.shape} {frames.dtype}")
