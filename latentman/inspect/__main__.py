"""``latentman motion``: what is found in a motion file before a run uses it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from latentman.cli import Arguments
from latentman.config import BodyConfig, MotionConfig
from latentman.config.character import AXES, MIRRORS
from latentman.errors import ConfigError, nearest
from latentman.inspect.contact_sheet import write_sheet
from latentman.inspect.description import Inspected, describe
from latentman.motion.recorded.door import examine_clip, to_motion
from latentman.motion.recorded.source import ClipSource

HELP = """\
latentman motion: what is found in a motion file before a run uses it.

  latentman motion inspect FILE [--sheet PNG | --no-sheet] [OPTIONS]
      prints the rig, which joint is which, rate, axes, unit, length and whatever is implausible, and draws a contact
      sheet of depth pictures, from the front and from the side; exit status 2 if anything is implausible.
      The options are those of `latentman run motion=clip`: --rig, --track, --up, --forward, --mirror, --file-fps
"""

FRAMES = 8
"""Moments that a contact sheet shows."""


def main(argv: list[str]) -> int:
    """Carry out ``latentman motion`` and return the exit status: 2 if something about the motion is implausible.

    Raises:
        ConfigError: for an unknown command or option.
        LatentManError: what reading the file raises.
    """
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(HELP)
        return 0
    if argv[0] != "inspect":
        raise ConfigError(
            f"'{argv[0]}' is not a command of latentman motion{nearest(argv[0], ['inspect'])}\ncommands: inspect"
        )
    arguments = _parser().parse_args(argv[1:])
    cfg = MotionConfig(
        name="clip",
        file=arguments.file,
        rig=arguments.rig,
        track=arguments.track,
        up=arguments.up,
        forward=arguments.forward,
        mirror=arguments.mirror,
        file_fps=arguments.file_fps,
    )
    sheet = arguments.sheet or Path(f"{Path(arguments.file).stem}.png")
    return _inspect(cfg, BodyConfig(name=arguments.body), None if arguments.no_sheet else sheet)


def _parser() -> Arguments:
    parser = Arguments(prog="latentman motion inspect", description="What is found in a motion file.")
    parser.add_argument("file", metavar="FILE", help="the motion file")
    parser.add_argument(
        "--sheet", metavar="PNG", type=Path, help="where the contact sheet goes: <name of FILE>.png here"
    )
    parser.add_argument("--no-sheet", action="store_true", help="draw no contact sheet")
    parser.add_argument("--body", choices=("anny", "smpl", "smplx"), default="anny", help="the body that is drawn")
    parser.add_argument("--rig", default="auto", help="which joint is which: auto, a rig's name, or a YAML file")
    parser.add_argument("--track", help="which of a file's motions")
    parser.add_argument("--up", choices=("auto", *AXES), default="auto", help="the axis that is up, such as --up=-y")
    parser.add_argument("--forward", choices=("auto", *AXES), default="auto", help="the axis that faces the camera")
    parser.add_argument("--mirror", choices=MIRRORS, default="auto", help="what is done to left and right")
    parser.add_argument("--file-fps", metavar="FPS", type=float, help="frames a second, instead of the file's own")
    return parser


def _inspect(cfg: MotionConfig, body: BodyConfig, sheet: Path | None) -> int:
    from latentman.body.build import build
    from latentman.body.skinning import rest_joints
    from latentman.system.paths import weights_dir

    shape = build(body, weights_dir(None))
    warnings = _Collected()
    logger = logging.getLogger("latentman.motion")
    logger.addHandler(warnings)
    propagated, logger.propagate = logger.propagate, False  # what is warned of is part of the description
    try:
        clip = ClipSource(cfg, lambda: rest_joints(shape)).clip()
    finally:
        logger.removeHandler(warnings)
        logger.propagate = propagated
    inspected = Inspected(clip, tuple(warnings.messages), examine_clip(clip))
    sys.stdout.write(describe(inspected))
    if sheet is not None:
        write_sheet(sheet, shape, to_motion(clip, cfg.fps, ""), frames=FRAMES)
        sys.stdout.write(f"contact sheet: {sheet}\n")
    return 2 if inspected.doubtful else 0


class _Collected(logging.Handler):
    """Keeps the warnings of reading a file."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.messages.append(record.getMessage())
