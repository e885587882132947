"""``latentman train``: trains the shipped models."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from latentman.errors import ConfigError, nearest

HELP = """\
latentman train: how the shipped models are made.

  latentman train motion data=DIR out=DIR [preset=cpu|h100|smoke] [KEY=VALUE ...]
      a small MDM with its own text encoder. DIR of data is made by prepare-bvh; data=procedural needs none. The same
      command continues where it stopped; minutes=N stops and saves in time. The finished model is OUT/model: use it
      with latentman run motion=mdm motion.checkpoint=OUT/model
  latentman train prepare-bvh DIR OUT --captions FILE
      a training folder from BVH files and their captions; its own --help gives the rest

  latentman train all out=DIR preset=cpu_smoke|h100_30min [KEY=VALUE ...]
      the embedded text-to-image model, part by part; the same command continues where it stopped, minutes=N stops and
      saves in time. Dotted keys change a preset, such as vae.steps=500. The finished model is OUT/mini-sd: use it with
      latentman run setup.model=OUT/mini-sd
  latentman train scenes|judges|vae|t2i|controlnet|export out=DIR preset=... [KEY=VALUE ...]
      one part of it: the pictures that are learnt from; the networks that judge; the autoencoder; the UNet with its
      text encoder; the depth ControlNet; the finished folder. metrics.jsonl in OUT/PART holds the losses,
      OUT/PART/pictures what it can do
  latentman train piece out=DIR after=PARTS [before=PARTS] [part_mb=8] minutes=N preset=... [KEY=VALUE ...]
      N minutes of `all` on a machine that keeps nothing: it continues from the parts of the piece before, in a new DIR,
      and writes parts of at most part_mb MiB. The pictures are drawn again by every piece
  latentman train decoder out=DIR preset=cpu_decoder [decoder.model=FOLDER] [KEY=VALUE ...]
      the tiny decoder of a finished model, for pwg.decoder=tiny: it learns what the model's VAE decodes, and the
      gradients, from the pictures that `latentman train scenes` drew into OUT. It is OUT/mini-decoder: use it with
      latentman run pwg.decoder=tiny setup.tiny_decoder=OUT/mini-decoder
  latentman train evaluate out=DIR preset=... [models.NAME=FOLDER ...]
      paints held-out prompts with every model (by default the shipped one and OUT/mini-sd) and lets the judges of
      OUT say how well; preset=cpu_judges trains judges on a CPU. The table is OUT/evaluation/table.md

For motion, log.csv in OUT holds the loss, and next to it the error near pure noise with the right, no and a wrong
caption: a model whose three figures are equal ignores its text.
"""


MINI_PARTS = ("all", "scenes", "judges", "vae", "decoder", "t2i", "controlnet", "export", "evaluate", "piece")
"""Subcommands for the embedded text-to-image model."""


def main(argv: list[str]) -> int:
    """Run ``latentman train`` and return the exit status.

    Raises:
        ConfigError: for an unknown model or setting.
    """
    if argv[:1] == ["prepare-bvh"]:
        from latentman.train.motion.prepare_bvh import main as prepare

        return prepare(argv[1:])
    if not argv or {"-h", "--help"} & set(argv):
        sys.stdout.write(HELP)
        return 0
    if argv[0] in MINI_PARTS:
        return _mini(argv[0], argv[1:])
    if argv[0] != "motion":
        known = ("motion", "prepare-bvh", *MINI_PARTS)
        raise ConfigError(
            f"latentman train: '{argv[0]}' is unknown{nearest(argv[0], known)}\nknown: {', '.join(known)}"
        )
    return _motion(argv[1:])


def _motion(arguments: list[str]) -> int:
    from latentman.train.motion.settings import parse_settings

    settings = parse_settings(arguments)
    from latentman.train.motion.train import train

    with _messages():
        train(settings)
    return 0


def _mini(part: str, arguments: list[str]) -> int:
    from latentman.train.mini.settings import parse_settings

    if part == "piece":
        return _piece(arguments)
    settings = parse_settings(part, arguments)
    from latentman.system.progress import Progress
    from latentman.train.mini.parts import PARTS, train_all

    carry_out = train_all if part == "all" else PARTS[part]
    with _messages(), Progress() as progress:
        finished = carry_out(settings, progress.stage)
        if finished:
            progress.closing([f"latentman train {part}: done, in {settings.folder}"])
        else:
            progress.closing([f"latentman train {part}: stopped at its time limit; run the same command to continue"])
    return 0


def _piece(arguments: list[str]) -> int:
    from latentman.system.progress import Progress
    from latentman.train.mini.piece import parse_piece, train_piece
    from latentman.train.mini.settings import parse_settings

    piece, others = parse_piece(arguments)
    settings = parse_settings("piece", others)
    with _messages(), Progress() as progress:
        finished = train_piece(settings, piece, progress.stage)
        state = "done" if finished else "stopped at its time limit; continue with another piece"
        progress.closing([f"latentman train piece: {state}; its parts are in {piece.after}"])
    return 0


@contextmanager
def _messages() -> Iterator[None]:
    """Print the trainers' messages with the time."""
    import logging

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("latentman.train")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["train", *sys.argv[1:]]))
