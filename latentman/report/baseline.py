"""Which row of a sweep another is compared with, as ``baseline`` in the experiment's configuration says.

``{sla: none, pwg: none}`` names one row for all. ``{method: {latentman: t2v_zero, latentman_masactrl: masactrl}}``
gives each row its own; a row that is neither on the left nor on the right is compared with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def target(baseline: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str] | None:
    """Return what the row that a run is compared with has for each key of the baseline.

    Args:
        baseline: of the experiment.
        values: the run's own choices and swept values.

    Returns:
        For a baseline's own run, its own values. None where the baseline names nothing for this run.
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
    """Return whether a run is one that others are compared with."""
    wanted = target(baseline, values)
    return wanted is not None and all(values.get(key) == option for key, option in wanted.items())
