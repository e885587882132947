"""``latentman bench``: how good and how fast the parts are, side by side on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable

from latentman.errors import ConfigError, nearest

HELP = """\
latentman bench: how good and how fast the parts are, side by side on this machine.

  latentman bench motion [KEY=VALUE ...] [--seeds N] [--markdown FILE]
      every motion source that can run here, over twelve prompts: sliding feet, feet below the floor, jitter,
      stretching bones, before and after the fit of a body, and seconds a clip relative to the procedural source. Takes
      the settings of `latentman run`, such as motion.checkpoint=DIR of a source chosen with motion=mdm. --markdown
      writes the table between <!-- table --> and <!-- end of table --> of a file
"""


def main(argv: list[str]) -> int:
    """Carry out ``latentman bench`` and return the exit status.

    Raises:
        ConfigError: for an unknown benchmark or setting.
    """
    commands: dict[str, Callable[[list[str]], int]] = {"motion": _motion}
    if not argv or {"-h", "--help"} & set(argv):
        sys.stdout.write(HELP)
        return 0
    if argv[0] not in commands:
        raise ConfigError(f"'{argv[0]}' is no benchmark{nearest(argv[0], commands)}\nbenchmarks: {', '.join(commands)}")
    return commands[argv[0]](argv[1:])


def _motion(arguments: list[str]) -> int:
    from latentman.bench.motion import motion_command

    return motion_command(arguments)


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["bench", *sys.argv[1:]]))
