"""``latentman bench denoise``: a step and a whole video, as the released code runs them and as we run them."""

from __future__ import annotations

import json
import os
import platform
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from latentman import __version__
from latentman.bench.denoise.levers import LEVERS, time_levers
from latentman.bench.denoise.measure import Memory, Row, Spec, matmul_tflops, memory_of, time_in_turns, time_video
from latentman.bench.denoise.model import MODELS, Subject, weights_of
from latentman.bench.denoise.parts import AT_STEP, PARTS, RELEASED_GRADIENT
from latentman.bench.denoise.plan import plan_command
from latentman.bench.denoise.results import Results, Video, added_up
from latentman.bench.denoise.table import tables
from latentman.bench.denoise.targets import target_lines
from latentman.bench.motion import MARKERS
from latentman.cli import Arguments
from latentman.errors import ConfigError, check_choice
from latentman.system.device import DTYPES, pick_device
from latentman.system.paths import write_json, write_text

_VIDEOS = (("released", RELEASED_GRADIENT), ("ours", "direct"), ("ours", "official_uncond"))


def denoise_command(arguments: Sequence[str]) -> int:
    """Measure, print the tables, write the requested files, and return the exit status.

    Raises:
        ConfigError: for unknown or invalid options, or a --markdown file without the marks of a table.
        DataError: if a measurement in a process of its own ends without figures.
    """
    if "--plan" in arguments:
        return plan_command(arguments)
    options = _options(arguments)
    results = measure(options)
    text = tables(results) + "\n" + target_lines(results)
    sys.stdout.write(text)
    if options.json is not None:
        write_json(options.json, json.loads(json.dumps(asdict(results))))
        write_json(options.json.with_name("environment.json"), environment(arguments, results))
    if options.markdown is not None:
        page = options.markdown.read_text(encoding="utf-8")
        write_text(options.markdown, MARKERS.sub(lambda match: match[1] + text + match[2], page))
    return 0


def measure(options: Namespace) -> Results:
    """Measure everything that the options request."""
    device = pick_device(options.device)
    if device.type == "cpu":
        torch.set_num_threads(options.threads)
    spec = Spec(options.model, options.frames, str(device), options.dtype, options.image_size, options.threads)
    # Before the networks are built: these measurements build their own.
    clips = tuple((frames, _memory_of_a_clip(spec, frames)) for frames in _lengths(options))
    subject = spec.build()
    dtype = subject.backbone.dtype
    peak = matmul_tflops(device, dtype)
    rows = time_in_turns(subject, options.repeats, options.parts)
    if device.type != "cuda":
        rows = [_with_memory(spec, row) for row in rows]
    videos = _videos(subject, rows, whole=options.whole)
    tflop = {row.part: row.tflop for row in rows if row.route == "ours"}
    for_levers = time_levers(subject, options.levers, options.repeats, tflop)
    videos += [
        video
        for route in dict.fromkeys(row.route for row in for_levers)
        for gradient in ("direct", "official_uncond")
        if (video := added_up(for_levers, route, gradient)) is not None
    ]
    return Results(
        model=options.model,
        device=str(device),
        card=torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} processor",
        dtype=str(dtype).removeprefix("torch."),
        frames=options.frames,
        image_size=subject.image_size,
        threads=options.threads,
        matmul_tflops=peak,
        rows=(*rows, *for_levers),
        videos=tuple(videos),
        clips=clips,
    )


def _lengths(options: Namespace) -> list[int]:
    """Return the numbers of frames whose memory is compared, ascending."""
    return sorted({options.frames, options.long}) if options.long else []


def _memory_of_a_clip(spec: Spec, frames: int) -> Memory | None:
    sys.stderr.write(f"memory of {frames} frames\n")
    return memory_of(replace(spec, frames=frames), "ours", "direct", 2)


def _with_memory(spec: Spec, row: Row) -> Row:
    """Return a row of the CPU with its peak; the alignment of the latents needs negligible memory."""
    if row.part == "align":
        return row
    sys.stderr.write(f"memory of {row.route}: {row.part}\n")
    memory = memory_of(spec, row.route, row.part)
    return row if memory is None else replace(row, before=memory.before, peak=memory.peak)


def _videos(subject: Subject, rows: Sequence[Row], *, whole: bool) -> list[Video]:
    videos = [video for route, gradient in _VIDEOS if (video := added_up(rows, route, gradient)) is not None]
    for route, gradient in _VIDEOS if whole else ():
        sys.stderr.write(f"the whole video: {route}, {gradient}\n")
        run = time_video(subject, route, gradient)
        if run is not None:
            videos.append(Video(route, gradient, run.ms / 1000, True, run.peak))
    return videos


def environment(arguments: Sequence[str], results: Results) -> dict[str, Any]:
    """Return the environment of the measurement."""
    return {
        "command": " ".join(["latentman bench denoise", *arguments]),
        "weights": weights_of(results.model),
        "versions": {
            "latentman": __version__, "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "diffusers", "numpy")},
        },
        "machine": {
            "system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count(),
            "device": results.card, "cuda": torch.version.cuda if results.on_cuda else None,
        },
        "timed_step": AT_STEP,
    }  # fmt: skip


def _options(arguments: Sequence[str]) -> Namespace:
    parser = Arguments(prog="latentman bench denoise", add_help=False)
    parser.add_argument("--model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--long", type=int, default=64)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--levers")
    parser.add_argument("--whole", action="store_true")
    for name in ("--json", "--markdown"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args(arguments)
    on_cuda = pick_device(options.device).type == "cuda"
    options.model = options.model or ("sd15" if on_cuda else "mini")
    check_choice("--model", options.model, MODELS)
    check_choice("--dtype", options.dtype, ("auto", *DTYPES))
    given = options.levers or ("all" if on_cuda else "none")
    options.levers = {"all": list(LEVERS), "none": []}.get(given, given.split(","))
    for lever in options.levers:
        check_choice("--levers", lever, ("all", "none", *LEVERS))
    options.parts = options.parts.split(",")
    for part in options.parts:
        check_choice("--parts", part, PARTS)
    _check_numbers(options)
    _check_files(options)
    return options


def _check_numbers(options: Namespace) -> None:
    if options.frames < 2:
        raise ConfigError(f"--frames {options.frames} must be 2 or more: the first frame has no reference")
    if options.long and options.long < 2:
        raise ConfigError(f"--long {options.long} must be 2 or more, or 0 to leave out the long video")
    for name in ("repeats", "threads"):
        if getattr(options, name) < 1:
            raise ConfigError(f"--{name} {getattr(options, name)} must be 1 or more")
    size = options.image_size
    if size is not None and options.model == "mini":
        raise ConfigError("--image-size: the embedded model has one size only; leave it out, or choose another --model")
    if size is not None and (size < 64 or size % 64):
        raise ConfigError(f"--image-size {size} must be a multiple of 64")


def _check_files(options: Namespace) -> None:
    """Refuse files that cannot be written, before anything is measured."""
    for name in ("json", "markdown"):
        path = getattr(options, name)
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise ConfigError(f"--{name} {path}: it must be a file in a folder that exists")
    if options.markdown is not None:
        text = options.markdown.read_text(encoding="utf-8") if options.markdown.is_file() else ""
        if not MARKERS.search(text):
            raise ConfigError(
                f"--markdown {options.markdown}: it needs the lines <!-- table --> and <!-- end of table -->"
            )
