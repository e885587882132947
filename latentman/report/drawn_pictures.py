"""``latentman pictures RUN``: what was drawn of a run's body, as PNG frames for other programs."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentman.cli import Arguments
from latentman.errors import RecordError
from latentman.types import BodySequence, Conditions

GREY, IUV, SCENE = "grey", "iuv", "scene"
KINDS = (GREY, "depth", "normal", "pose", "canny", IUV, SCENE)

DESCRIPTION = """\
Write what was drawn of a run's body as 000.png, 001.png, ..., one picture per frame:
grey (the lit body, for a DensePose detector), depth, normal, pose and canny (the pictures of ControlNets), iuv
(I, U and V as the three channels, as iuv=images reads them), or scene (squares of a metre behind the body)."""

EPILOG = """\
  latentman pictures runs/run/20260101-120000 --kind grey --out grey
  latentman run iuv=images iuv.folder=maps correspondence=densepose_lap"""


def main(argv: list[str]) -> int:
    """Run the command and return its exit status.

    Raises:
        LatentManError: if the folder is not a run's, or the pictures cannot be written.
    """
    parser = Arguments(
        prog="latentman pictures", description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    parser.add_argument("--kind", choices=KINDS, default=GREY, help="which pictures (default: grey)")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="where to write them (default: RUN/pictures/KIND)")
    arguments = parser.parse_args(argv)
    folder = write_pictures(arguments.run.expanduser(), arguments.kind, arguments.out)
    sys.stdout.write(f"{folder}\n")
    return 0


def write_pictures(run: Path, kind: str, out: Path | None = None) -> Path:
    """Write the pictures of a run as PNG frames and return their folder.

    Args:
        run: the folder of a run that has drawn its pictures; it need not be finished.
        kind: one of ``KINDS``.
        out: where to write; None means the folder ``pictures/<kind>`` of the run.

    Raises:
        RecordError: if the folder lacks what a run draws, holds other files already, or cannot be written.
        DataError: if a run without a scene is asked for it.
    """
    from latentman.files.run_file import read_body, read_conditions
    from latentman.video import write_png_frames

    for name in ("body.npz", "conditions.npz"):
        if not (run / name).is_file():
            raise RecordError(f"{run} has no {name}: give the folder of a run that has drawn its pictures")
    body, conditions = read_body(run / "body.npz"), read_conditions(run / "conditions.npz")
    folder = run / "pictures" / kind if out is None else out.expanduser()
    if folder.is_dir() and any(folder.iterdir()):
        raise RecordError(f"{folder} is not empty: name another folder with --out, or empty it")
    write_png_frames(folder, draw_pictures(kind, body, conditions))
    return folder.absolute()


def draw_pictures(kind: str, body: BodySequence, conditions: Conditions) -> NDArray[np.uint8]:
    """Return the pictures of every frame, (T, H, W, 3) uint8."""
    from latentman.render.control_pictures import draw_control
    from latentman.render.grey_picture import draw_grey
    from latentman.render.scene_picture import draw_scene

    if kind == IUV:
        return np.asarray(conditions.iuv, dtype=np.uint8)
    draw = {GREY: draw_grey, SCENE: draw_scene}.get(kind) or partial(draw_control, kind)
    drawn = draw(body, conditions)
    return np.rint(255 * np.clip(drawn, 0, 1)).astype(np.uint8)
