"""The command ``latentman train prepare-bvh``; the work is done in :mod:`latentman.train.motion.bvh_set`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from latentman.cli import Arguments
from latentman.errors import ConfigError
from latentman.system.whole_number import whole_number

DESCRIPTION = """\
Create a training folder for `latentman train motion` from all BVH files below DIR and their captions.

OUT gets motions.npz (HumanML3D's 263 features at 20 frames per second, mean, std), index.jsonl (one clip per line) and
report.json (skipped items, with reasons). A damaged file is reported and skipped; it never stops the others.

Captions are given as JSON lines or as a table; a name is a file's path below DIR without .bvh, or only its last part:
  captions.jsonl   {"name": "01_01", "captions": ["a person jumps", "someone hops forward"], "category": "jump"}
  captions.csv     name,caption,category     one caption per line; the column category is optional"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = Arguments(
        prog="latentman train prepare-bvh",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("dir", metavar="DIR", type=Path, help="folder of BVH files, including subfolders")
    made.add_argument("out", metavar="OUT", type=Path, help="new folder for the training set")
    made.add_argument("--captions", metavar="FILE", type=Path, required=True, help="captions.jsonl or captions.csv")
    made.add_argument("--rig", default="auto", help="auto, a known rig's name, or a YAML file (default: auto)")
    made.add_argument(
        "--mirror",
        action="store_true",
        help="add every clip's mirror image, with left and right exchanged in its captions; `latentman train motion` "
        "creates its own mirror images and does not need them",
    )
    made.add_argument(
        "--skip-frames",
        metavar="N",
        default="auto",
        help="frames to skip at the start of every file, or auto: skip an initial T-pose (default: auto)",
    )
    made.add_argument("--frame-time", metavar="S", type=float, help="seconds per frame, if the files are wrong")
    made.add_argument("--min-frames", metavar="N", type=int, default=40, help="shortest clip (default: 40)")
    made.add_argument("--max-frames", metavar="N", type=int, default=196, help="longest clip (default: 196)")
    return made


def main(argv: list[str]) -> int:
    """Run the command and return its exit status.

    Raises:
        LatentManError: if an argument is not allowed, the captions cannot be read, or no clip remains.
    """
    arguments = parser().parse_args(argv)
    skip = _skip_frames(arguments.skip_frames)
    if arguments.frame_time is not None and not 1e-4 <= arguments.frame_time <= 10:
        raise ConfigError(f"--frame-time {arguments.frame_time} must be seconds per frame, such as 0.008333")
    if not 2 <= arguments.min_frames * 2 <= arguments.max_frames:
        raise ConfigError(
            f"--min-frames {arguments.min_frames}, --max-frames {arguments.max_frames}: the longest clip must be at "
            "least twice the shortest, so that any long file can be cut into clips"
        )
    from latentman.train.motion.bvh_set import Settings, prepare

    report = prepare(
        arguments.dir.expanduser(),
        arguments.out.expanduser(),
        Settings(
            captions=arguments.captions.expanduser(),
            rig=arguments.rig,
            mirror=arguments.mirror,
            skip_frames=skip,
            frame_time=arguments.frame_time,
            min_frames=arguments.min_frames,
            max_frames=arguments.max_frames,
        ),
        say=lambda line: print(line, flush=True),  # noqa: T201
    )
    sys.stdout.write(report.text() + "\n")
    return 0


def _skip_frames(value: str) -> int | None:
    if value == "auto":
        return None
    number = whole_number(value)
    if number is None:
        raise ConfigError(f"--skip-frames {value} must be auto or a number of frames, 0 or more")
    return number
