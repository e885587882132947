"""Where a search for settings looks: for each key an interval of numbers or a list of values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hydra.core.override_parser.types import IntervalSweep, Override

from latentman.config import NOT_PART_OF_THE_RESULT
from latentman.errors import ConfigError
from latentman.files.opening import FlawError

DIGITS = 4
"""Significant digits of a number that is tried: more change no picture, and make folder names and tables long."""

NOT_SEARCHED = (*NOT_PART_OF_THE_RESULT, "seed", "prompt", "prompts", "exp")
"""Keys that cannot be searched, since they are not part of a method, by their first part."""

EXAMPLE = "'pwg.delta=interval(0.001,0.05)'"


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from ``low`` to ``high``, both included."""

    low: float
    high: float
    is_whole: bool = False
    is_log: bool = False

    def text(self, value: float) -> str:
        """Return a number of the interval as the value of an override."""
        short = round(value) if self.is_whole else float(f"{value:.{DIGITS}g}")
        return repr(min(max(short, self.low), self.high))


@dataclass(frozen=True, slots=True)
class Choices:
    """Values of a list, as Hydra's overrides write them; their order has no meaning."""

    values: tuple[str, ...]

    def text(self, value: object) -> str:
        """Return a value of the list as the value of an override.

        Raises:
            FlawError: if it is none of them.
        """
        if value not in self.values:
            raise FlawError(f"{value!r} is none of {', '.join(self.values)}")
        return str(value)


Axis = Interval | Choices


@dataclass(frozen=True, slots=True)
class Space:
    """What is searched, and what every trial has."""

    axes: dict[str, Axis]
    """By key; a group that is added has its plus."""
    fixed: tuple[str, ...]
    """Overrides of every trial."""

    def job(self, values: dict[str, str]) -> tuple[str, ...]:
        """Return the overrides of a trial.

        Args:
            values: the value of each key.
        """
        # What is searched comes first: the names of the folders, which are cut off, begin with it.
        return (*(f"{key}={values[key]}" for key in self.axes), *self.fixed)

    def samples(self) -> list[tuple[str, ...]]:
        """Return jobs that have every bound and every value of a list at least once, to be checked before the first."""
        columns = {
            key: axis.values if isinstance(axis, Choices) else (axis.text(axis.low), axis.text(axis.high))
            for key, axis in self.axes.items()
        }
        most = max(len(column) for column in columns.values())
        return [
            self.job({key: column[min(row, len(column) - 1)] for key, column in columns.items()}) for row in range(most)
        ]


def search_space(overrides: Iterable[Override]) -> Space:
    """Return the space that the overrides of a search describe; a later one replaces an earlier one of the same key.

    Args:
        overrides: of the experiment file first, then of the command line.

    Raises:
        ConfigError: if nothing is searched, or a key cannot be, naming it.
    """
    axes: dict[str, tuple[str, Axis]] = {}
    fixed: dict[str, str] = {}
    for override in overrides:
        key, line = override.key_or_group, str(override.input_line)
        axes.pop(key, None)
        fixed.pop(key, None)
        if override.is_sweep_override():
            axes[key] = (line.partition("=")[0], _axis(override))
        else:
            fixed[key] = line
    if not axes:
        raise ConfigError(
            f"the search has no key to search: give one or more an interval or several values, such as {EXAMPLE}, "
            "on the command line or under hydra.sweeper.params"
        )
    return Space(dict(axes.values()), tuple(fixed.values()))


def _axis(override: Override) -> Axis:
    """Return the interval or the list of one key."""
    key, line = override.key_or_group, override.input_line
    if key.partition(".")[0] in NOT_SEARCHED:
        raise ConfigError(f"{line}: {key} cannot be searched, since it is not part of the method; give it one value")
    value = override.value()
    if not isinstance(value, IntervalSweep):
        values = tuple(dict.fromkeys(override.sweep_string_iterator()))
        if len(values) < 2:
            raise ConfigError(f"{line}: {key} has one value, and a search needs several; write {key}={values[0]}")
        return Choices(values)
    low, high, tags = value.start, value.end, set(value.tags or ())
    assert low is not None
    assert high is not None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f"{line}: the interval of {key} must go from a number to a larger one, such as {EXAMPLE}")
    if tags - {"log"}:
        raise ConfigError(f"{line}: {key} has the tag {min(tags - {'log'})}; the only tag of a search is log")
    is_log = "log" in tags
    if is_log and low <= 0:
        raise ConfigError(
            f"{line}: {key} is searched on a log scale, so its interval must begin above 0, not at {low:g}; "
            "raise the bound or leave out the tag"
        )
    return Interval(low, high, isinstance(low, int), is_log)
