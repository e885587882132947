"""Which of several motions in one file is meant: people of a video, samples of a model, animations of a scene."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from latentman.errors import ConfigError, nearest
from latentman.system.whole_number import whole_number

log = logging.getLogger("latentman.motion")

_SHOWN = 20


def choose_track(path: Path, names: Sequence[str], wanted: str | None, *, what: str, otherwise: int | None) -> int:
    """Return the index of the motion that ``motion.track`` names.

    Args:
        path: the file, for messages.
        names: the motions in the file, at least one.
        wanted: a name, or a number that counts from 0 where no name is that number; None takes the only one.
        what: what a motion is in this kind of file, such as "person".
        otherwise: which one is taken, with a warning, if there are several and none is named; None asks for one.

    Raises:
        ConfigError: if there is no such motion, or none is named where one must be.
    """
    listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    if wanted is not None:
        if wanted in names:
            return list(names).index(wanted)
        if (number := whole_number(wanted)) is not None and number < len(names):
            return number
        raise ConfigError(
            f"motion.track={wanted}: {path} has no such {what}; it has {listed}{nearest(wanted, names)}; name one, or "
            f"give its number from 0 to {len(names) - 1}"
        )
    if len(names) == 1:
        return 0
    if otherwise is None:
        raise ConfigError(f"{path} holds {len(names)} motions ({what}): {listed}; choose one with motion.track=NAME")
    log.warning(
        "%s holds %d motions (%s): %s; taken is %s, motion.track=NAME takes another one",
        path,
        len(names),
        what,
        listed,
        names[otherwise],
    )
    return otherwise


def only_track(path: Path, wanted: str | None) -> None:
    """Refuse ``motion.track`` for a file that holds one motion.

    Raises:
        ConfigError: if it is set.
    """
    if wanted is not None:
        raise ConfigError(f"motion.track={wanted}: {path} holds one motion only; leave motion.track out")
