"""The kinds of failure that a user can cause and fix.

The command line prints a ``LatentManError`` without a traceback and exits with status 2. A message says what was being
done, the value received, what is allowed and what to do next, and names the configuration key or the file. Anything
else that is raised is a defect in latentman and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LatentManError(Exception):
    """Base of every failure that the user can cause and fix."""


class ConfigError(LatentManError):
    """A configuration value, key or combination that cannot work."""


class WeightsError(LatentManError):
    """A model folder or file that is missing, incomplete, damaged or of the wrong shape."""


class ShapeError(LatentManError):
    """Data whose shape or type differs from what the next stage needs."""


class DataError(LatentManError):
    """Input data that is present but unusable: not finite, empty, out of range."""


class RecordError(LatentManError):
    """A run folder that cannot be read or written, or that belongs to something else."""


class NumericsError(LatentManError):
    """Sampling whose values are no longer finite."""


class DeviceMemoryError(LatentManError):
    """A device whose memory does not hold what the configuration asks for, even in the smallest chunks."""


class PromptsError(LatentManError):
    """A set of prompts some of which failed, while the others are done."""


class MissingExtraError(LatentManError):
    """An optional package that the chosen option needs and that is not installed."""


def nearest(value: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest choice, or an empty string when none is close."""
    close = difflib.get_close_matches(value, list(choices), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def check_choice(key: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a value that is not among the choices, naming the key, the choices and the nearest of them.

    Raises:
        ConfigError: if ``value`` is not one of ``choices``.
    """
    allowed = sorted(choices)
    if value not in allowed:
        raise ConfigError(f"{key}='{value}' is unknown: choose one of {', '.join(allowed)}{nearest(value, allowed)}")
