"""``latentman train``: how the shipped models are made."""

from __future__ import annotations

import sys

from latentman.errors import ConfigError, nearest

HELP = """\
latentman train: how the shipped models are made.

  latentman train motion data=DIR out=DIR [preset=cpu|h100|smoke] [KEY=VALUE ...]
      a small MDM with its own text encoder. DIR of data is made by prepare-bvh; data=procedural needs none. The same
      command goes on where it stopped; minutes=N stops and saves in time. The finished model is OUT/model: use it with
      latentman run motion=mdm motion.checkpoint=OUT/model
  latentman train prepare-bvh DIR OUT --captions FILE
      a training folder from BVH files and their captions; its own --help tells the rest

log.csv in OUT holds the loss, and beside it the error near pure noise with the right, no and a wrong caption: a model
whose three figures are equal ignores its text.
"""


def main(argv: list[str]) -> int:
    """Carry out ``latentman train`` and return the exit status.

    Raises:
        ConfigError: for an unknown model or setting.
    """
    if argv[:1] == ["prepare-bvh"]:
        from latentman.training.prepare_bvh import main as prepare

        return prepare(argv[1:])
    if not argv or {"-h", "--help"} & set(argv):
        sys.stdout.write(HELP)
        return 0
    if argv[0] != "motion":
        known = ("motion", "prepare-bvh")
        raise ConfigError(
            f"latentman train: '{argv[0]}' is unknown{nearest(argv[0], known)}\nknown: {', '.join(known)}"
        )
    return _motion(argv[1:])


def _motion(arguments: list[str]) -> int:
    import logging

    from latentman.training.motion_settings import parse_settings

    settings = parse_settings(arguments)
    from latentman.training.motion import train

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("latentman.training")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        train(settings)
    finally:
        logger.removeHandler(handler)
    return 0


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["train", *sys.argv[1:]]))
