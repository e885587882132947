"""One piece of the training on a machine that keeps nothing: from the parts of the last piece to new parts.

The pictures are not among the parts: they depend only on their seed, and every piece draws them again.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

from latentman.errors import ConfigError
from latentman.files.folder_parts import check_target, join_parts, split_folder
from latentman.train.mini.parts import Show, draw_scenes, train_all
from latentman.train.mini.settings import MiniTraining

logger = logging.getLogger("latentman.train")

FOR_SAVING = 0.15
"""Share of the minutes that is kept for what follows the last step: saving the state, and writing the parts."""

_NOT_CARRIED = ("scenes", "pictures")
"""Folders, at any depth, that stay on the machine: what is drawn again, and samples."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a piece starts and what it leaves."""

    after: Path
    """A new folder for the parts of this piece."""
    before: Path | None = None
    """The parts of the piece before; None for the first."""
    part_mb: float = 8.0
    """The most that one part may hold, in MiB."""

    @property
    def part_bytes(self) -> int:
        """The same in bytes."""
        return int(self.part_mb * 2**20)


def train_piece(settings: MiniTraining, piece: Piece, show: Show) -> bool:
    """Continue all parts of the training for ``settings.minutes``; return whether they are finished.

    The limit is kept to within one step, or one picture file, of the training: the share :data:`FOR_SAVING` absorbs it.

    Raises:
        ConfigError: if the target is not a new folder, ``out`` is not, the settings differ from those of the piece
            before, or the pictures alone take all of the time.
        DataError: if a part of the piece before is missing or damaged.
    """
    check_target(piece.after, piece.part_bytes)
    if piece.before is not None:
        if settings.folder.exists() and any(settings.folder.iterdir()):
            raise ConfigError(
                f"cannot continue from {piece.before} in out={settings.out}: it is not empty; choose a new folder"
            )
        join_parts(piece.before, settings.folder)
    finished = _train(settings, show)
    write_parts(settings.folder, piece)
    return finished


def _train(settings: MiniTraining, show: Show) -> bool:
    """Draw the pictures and train in what is left of the time; return whether all is finished."""
    if settings.minutes is None:
        return train_all(settings, show)
    started, minutes = time.monotonic(), settings.minutes * (1 - FOR_SAVING)
    is_drawn = draw_scenes(replace(settings, minutes=minutes), show)
    left = minutes - (time.monotonic() - started) / 60
    if not is_drawn or left <= 0:
        raise ConfigError(
            f"minutes={settings.minutes} is not enough to draw scenes.number={settings.scenes.number} pictures, which "
            "every piece does again: give more minutes or workers, or begin again with fewer pictures"
        )
    return train_all(replace(settings, minutes=left), show)


def write_parts(folder: Path, piece: Piece) -> None:
    """Write the parts that the next piece starts from: all of the training's folder but its pictures."""
    manifest = split_folder(folder, _carried(folder), piece.after, piece.part_bytes)
    logger.info("%d parts are in %s: give it as before=... to the next piece", len(manifest.parts), piece.after)


def _carried(folder: Path) -> list[str]:
    """Return the names of the files that the next piece needs."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [name.as_posix() for name in files if not set(_NOT_CARRIED) & set(name.parts)]


def parse_piece(arguments: list[str]) -> tuple[Piece, list[str]]:
    """Return the piece from ``after=``, ``before=`` and ``part_mb=``, and the other arguments.

    Raises:
        ConfigError: if ``after`` is missing or ``part_mb`` is not a number above 0.
    """
    own = {key: value for key, _, value in (one.partition("=") for one in arguments) if key in _KEYS}
    if not own.get("after"):
        raise ConfigError(
            "latentman train piece needs after=...: a new folder for the parts that the next piece starts from"
        )
    try:
        size = float(own.get("part_mb", 8))
        in_range = 0 < size <= _MOST_MB
    except ValueError:
        in_range = False
    if not in_range:
        raise ConfigError(f"part_mb={own['part_mb']} must be a number of MiB above 0 and at most {_MOST_MB}")
    before = Path(own["before"]).expanduser() if own.get("before") else None
    others = [one for one in arguments if one.partition("=")[0] not in _KEYS]
    return Piece(Path(own["after"]).expanduser(), before, size), others


_KEYS = ("after", "before", "part_mb")
_MOST_MB = 1024
