"""The row of a sweep that another row is compared with, from ``baseline`` in the experiment's configuration.

``{sla: none, pwg: none}`` names one row for all. ``{method: {latentman: t2v_zero, latentman_masactrl: masactrl}}``
gives each row its own; a row that is neither on the left nor on the right is compared with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def target(baseline: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str] | None:
    """Return the values that the row to compare with has for the keys of the baseline.

    Args:
        baseline: the experiment's ``baseline``.
        values: the run's own choices and swept values.

    Returns:
        A baseline's own run gets its own values. None where the baseline has no entry for this run.
    """
    wanted = {}
    for key, option in baseline.items():
        if not isinstance(option, Mapping):
            wanted[key] = str(option)
            continue
        own, options = values.get(key), {str(row): str(other) for row, other in option.items()}
        if own is None or (own not in options and own not in options.values()):
            return None
        wanted[key] = options.get(own, own)
    return wanted or None


def is_baseline(baseline: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Return whether other runs are compared with this one."""
    wanted = target(baseline, values)
    return wanted is not None and all(values.get(key) == option for key, option in wanted.items())
