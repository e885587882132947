"""Videos, decoded by ffmpeg: one file of a known container, and nothing that it points to."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latentman.errors import DataError, LatentManError, RecordError
from latentman.files.opening import FlawError, open_file, printable, reading

MAX_DECODED_BYTES = 4 * 2**30
"""The most bytes that are decoded into memory: 1365 frames of 1024 x 1024, 690 of 1920 x 1080."""

MAX_PIXELS = 64_000_000
MAX_SECONDS = 1800.0
"""How long ffmpeg may take for one file."""

CONTAINERS = (
    "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,gif,apng,ogg,asf,h264,hevc,ivf,av1,obu,m4v,nut,mxf,dv,yuv4mpegpipe"
)
"""ffmpeg's names of the containers that are read. A playlist (HLS, DASH, concat) would read other files."""

_INPUT = re.compile(r"Stream #0:\d+.*?: Video:")
_OUTPUT = re.compile(r"Video: rawvideo.*?, (\d+)x(\d+)\D.*?, ([\d.]+) fps")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pixels (rgb24, frame after frame), width, height and frames per second."""

    pixels: bytes
    width: int
    height: int
    fps: float


def ffmpeg() -> str:
    """Return the path of the ffmpeg program.

    Raises:
        RecordError: if there is none.
    """
    try:
        import imageio_ffmpeg

        program = str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise RecordError(
            "no ffmpeg found: reinstall imageio-ffmpeg (pip install --force-reinstall imageio-ffmpeg), "
            "or set IMAGEIO_FFMPEG_EXE to the path of one"
        ) from error
    if "/" in program and not Path(program).is_file():
        raise RecordError(f"IMAGEIO_FFMPEG_EXE={program} is not a file: unset it or set it to the path of an ffmpeg")
    return program


def decode(
    path: Path,
    *,
    options: Sequence[str] = (),
    max_bytes: int = MAX_DECODED_BYTES,
    error: type[LatentManError] = DataError,
    advice: str = "",
    what: str = "cannot decode",
) -> Decoded:
    """Decode the video of a file.

    Args:
        path: the file.
        options: of ffmpeg, for its output.
        max_bytes: the most bytes of pixels.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        what: what was being done, for the message.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``; RecordError if there is no ffmpeg.
    """
    program = ffmpeg()
    with reading(path, error=error, advice=advice, what=what):
        open_file(path).close()
        command = [
            *(program, "-nostdin", "-protocol_whitelist", "file", "-format_whitelist", CONTAINERS),
            *("-max_pixels", str(MAX_PIXELS), "-i", f"file:{path.absolute()}", *options),
            *("-fs", str(max_bytes + 1), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
        ]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=MAX_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise FlawError(f"ffmpeg did not finish within {MAX_SECONDS:.0f} s") from late
        said = done.stderr.decode(errors="replace")
        facts = _OUTPUT.search(said)
        if done.returncode != 0 or facts is None or not done.stdout:
            raise FlawError(_why(said))
        width, height, fps = int(facts[1]), int(facts[2]), float(facts[3])
        if len(done.stdout) > max_bytes:
            raise FlawError(f"it has more than {max_bytes // (3 * width * height)} frames of {width}x{height}")
        if len(done.stdout) % (3 * width * height):
            raise FlawError("its last frame is incomplete")
        return Decoded(done.stdout, width, height, fps)
    raise AssertionError  # reading() never swallows


def _why(said: str) -> str:
    """Return in a few words why ffmpeg gave no pictures."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if lines and "Input #0" in said and not _INPUT.search(said):
        return "it has no video stream"
    if "not on whitelist" in said.lower():
        return "it is not in a container that is read, such as mp4, mkv, webm, avi or gif"
    return printable(lines[-1][:300]) if lines else "no message"
