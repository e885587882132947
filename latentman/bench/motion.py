"""``latentman bench motion``: the quality of every motion source, and its cost relative to the procedural one."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from latentman.body.build import build as build_body
from latentman.body.fit import fit_motion
from latentman.body.skinning import Body, rest_joints
from latentman.cli import Arguments
from latentman.config import Config
from latentman.engine.compose import compose
from latentman.engine.overrides import split_arguments
from latentman.errors import ConfigError, DataError, WeightsError
from latentman.motion.build import SOURCES
from latentman.motion.build import build as build_source
from latentman.motion.quality import Quality, measure
from latentman.motion.source import MotionSource, Surroundings
from latentman.system.paths import weights_dir, write_text
from latentman.types import Motion

PROMPTS = (
    "a person walks forward",
    "a person walks slowly",
    "a person runs forward",
    "a person jumps",
    "a person waves with the right hand",
    "a person kicks with the left leg",
    "a person punches",
    "a person dances",
    "a person dances salsa",
    "a person bows",
    "a person turns around",
    "a person does martial arts",
)
"""Common verbs, some of which only some sources know."""

NUM_FRAMES = 80
"""Frames of a motion, 4 seconds: a length that every source can make."""

MARKERS = re.compile(r"(<!-- table -->\n).*?(<!-- end of table -->)", re.S)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a source, means over its motions: as made, and after the fit; seconds per motion."""

    source: str
    made: Quality
    fitted: Quality
    seconds: float
    clips: int


def motion_command(arguments: list[str]) -> int:
    """Measure, print the table, and return the exit status.

    Raises:
        ConfigError: for unknown settings, or a --markdown file without the marks of a table.
    """
    parser = Arguments(prog="latentman bench motion", add_help=False)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--markdown", type=Path)
    options, overrides = parser.parse_known_args(arguments)
    if options.seeds < 1:
        raise ConfigError(f"--seeds {options.seeds} must be 1 or more")
    if options.markdown is not None and not MARKERS.search(_text(options.markdown)):
        raise ConfigError(f"--markdown {options.markdown}: it needs the lines <!-- table --> and <!-- end of table -->")
    logging.getLogger("latentman.motion").setLevel(logging.ERROR)  # some sources do not know all verbs
    table = markdown(list(measure_sources(split_arguments(overrides).overrides, options.seeds)))
    sys.stdout.write(table)
    if options.markdown is not None:
        text = _text(options.markdown)
        write_text(options.markdown, MARKERS.sub(lambda match: match[1] + table + match[2], text))
    return 0


def measure_sources(overrides: Sequence[str], seeds: int) -> Iterator[Row]:
    """Yield a row for every source that can run here; the procedural one first."""
    for name in SOURCES:
        given = [override for override in overrides if not override.startswith("motion=")]
        chosen = f"motion={name}" in overrides or (name == "clip" and any(o.startswith("motion.file=") for o in given))
        try:
            config = compose(
                [f"motion={name}", *(given if chosen or name in ("procedural", "mdm_mini") else _plain(given))]
            )
            weights = weights_dir(config.paths.weights)
            body = build_body(config.body, weights)
            source = build_source(config.motion, Surroundings(weights, rest_joints=partial(rest_joints, body)))
            yield measure_source(config, source, body, seeds)
        except (ConfigError, WeightsError, DataError) as error:
            if chosen:
                raise
            sys.stderr.write(f"motion={name} left out: {str(error).splitlines()[0][:100]}\n")


def measure_source(config: Config, source: MotionSource, body: Body, seeds: int) -> Row:
    """Return the figures of one source over all prompts and seeds."""
    made, fitted, seconds = [], [], []
    source(PROMPTS[0], num_frames=NUM_FRAMES, seed=0)  # loading is not counted
    for prompt in PROMPTS:
        for seed in range(seeds):
            before = time.perf_counter()
            motion = source(prompt, num_frames=NUM_FRAMES, seed=seed)
            seconds.append(time.perf_counter() - before)
            motion = Motion(motion.joints[:NUM_FRAMES], motion.fps, motion.text, motion.source)
            made.append(measure(motion.joints, motion.fps, floor=None))
            joints = fit_motion(body, motion, config.body).joints[:, :22].astype(np.float64)
            fitted.append(measure(joints, motion.fps, floor=None))
    return Row(config.motion.name, _mean(made), _mean(fitted), float(np.mean(seconds)), len(made))


def markdown(rows: Sequence[Row]) -> str:
    """Return the table; each pair of figures is as made and after the fit."""
    heads = (
        "source", "feet glide m/s", "longest slide cm", "feet below the floor mm", "jitter m/s³", "bones vary %",
        "root m/s", "seconds a clip", "clips",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "| :-- |" + " --: |" * (len(heads) - 1)]
    for row in rows:
        pairs = [
            (row.made.sliding, row.fitted.sliding, "{:.3f}"),
            (100 * row.made.longest_slide, 100 * row.fitted.longest_slide, "{:.1f}"),
            (1000 * row.made.penetration, 1000 * row.fitted.penetration, "{:.1f}"),
            (row.made.jitter, row.fitted.jitter, "{:.0f}"),
            (row.made.bone_variation, row.fitted.bone_variation, "{:.2f}"),
        ]
        cells = [" → ".join((form.format(a), form.format(b))) for a, b, form in pairs]
        cost = "1" if row is rows[0] else f"× {row.seconds / rows[0].seconds:.3g}"
        lines.append("| " + " | ".join([row.source, *cells, f"{row.made.root_speed:.2f}", cost, str(row.clips)]) + " |")
    return "\n".join(lines) + "\n"


def _mean(qualities: Sequence[Quality]) -> Quality:
    return Quality(*(float(np.nanmean([getattr(q, field.name) for q in qualities])) for field in fields(Quality)))


def _plain(overrides: Sequence[str]) -> list[str]:
    """Return the settings that do not concern the files of one source."""
    return [override for override in overrides if not override.startswith("motion.")]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--markdown {path}: {error.strerror}") from error
