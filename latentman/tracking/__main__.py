"""``python -m latentman.tracking wandb-sync DIR``: uploads the runs that were tracked offline."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from latentman.cli import fail
from latentman.errors import LatentManError


def main(argv: list[str]) -> int:
    """Run the command and return its exit status: 0, or 2 for an error that the user can fix."""
    parser = argparse.ArgumentParser(prog="python -m latentman.tracking", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("wandb-sync", help="upload the offline W&B runs below a folder")
    command.add_argument("dir", metavar="DIR", type=Path, help="the folder of a run or a sweep")
    command.add_argument("--dry-run", action="store_true", help="only print what would be uploaded")
    arguments = parser.parse_args(argv)
    from latentman.tracking.wandb_sync import sync

    try:
        number = sync(arguments.dir, dry_run=arguments.dry_run)
    except LatentManError as error:
        return fail(str(error))
    sys.stdout.write(f"{number} offline run(s) {'would be' if arguments.dry_run else 'were'} uploaded\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
