"""``latentman assets``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from latentman.errors import ConfigError, nearest

HELP = """\
latentman assets: what is installed, what is missing, and how to get it.

  latentman assets check [KEY=VALUE ...] [--all]
      one table of everything that a run needs: whether it is installed, where it is expected, licence, source, size.
      Takes the settings of `latentman run`, such as motion=mdm body=smpl; exit status 2 if anything is missing. --all
      also lists what other choices would need
  latentman assets list
      what ships inside the package: size, files and licence
  latentman assets import-smpl FILE [OUT] [--gender neutral|male|female] [--force]
      converts an official SMPL or SMPL-X file to plain arrays; no code in the file is executed
  latentman assets seal
      for developers who change what ships: writes the hashes that check compares with
"""


def main(argv: list[str]) -> int:
    """Run ``latentman assets`` and return the exit status: 2 if a run would lack something.

    Raises:
        ConfigError: for an unknown command or setting.
    """
    commands: dict[str, Callable[[list[str]], int]] = {
        "check": _check, "list": _list, "import-smpl": _import_smpl, "seal": _seal,
    }  # fmt: skip
    wants_help = bool({"-h", "--help"} & set(argv))
    if not argv or argv[0] in ("-h", "--help") or (wants_help and argv[0] != "import-smpl"):
        sys.stdout.write(HELP)
        return 0
    if argv[0] not in commands:
        known = ", ".join(commands)
        raise ConfigError(
            f"'{argv[0]}' is not a command of latentman assets{nearest(argv[0], commands)}\ncommands: {known}"
        )
    return commands[argv[0]](argv[1:])


def _check(arguments: list[str]) -> int:
    from latentman.assets.check import check_command

    return check_command(arguments)


def _import_smpl(arguments: list[str]) -> int:
    from latentman.assets.import_smpl import import_command

    return import_command(arguments)


def _list(arguments: list[str]) -> int:
    from latentman.assets.finding import size_of
    from latentman.assets.shipped import licence, shipped
    from latentman.system.paths import asset

    if arguments:
        raise ConfigError(f"latentman assets list takes no settings, got {' '.join(arguments)}")
    for folder in shipped():
        sys.stdout.write(f"{folder.name:<12} {size_of(folder):>8}  {licence(folder)}\n")
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".safetensors", ".npz", ".pt"):
                sys.stdout.write(f"  {file.relative_to(folder).as_posix():<50} {size_of(file):>8}\n")
    sys.stdout.write(f"in {asset()}; the CARD.md of each folder describes how it was made\n")
    return 0


def _seal(arguments: list[str]) -> int:
    from latentman.assets.shipped import seal

    if arguments:
        raise ConfigError(f"latentman assets seal takes no settings, got {' '.join(arguments)}")
    sys.stdout.write(f"written: {seal()}\n")
    return 0


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["assets", *sys.argv[1:]]))
