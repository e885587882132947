"""The keys by which runs are filtered and sorted: swept values, choices, scores and configuration keys that differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from latentman.record.run_config import read_configuration
from latentman.report.pages.sections import COSTS, METRICS

Value = float | str

OF_RUN = {
    "variant": "variant", "state": "state", "seed": "seed", "prompt": "prompt", "num_frames": "frames",
    "name": "experiment", "job": "job", "stage": "stage", "version": "latentman", "commit": "commit",
    "weights": "weights",
}  # fmt: skip
"""Columns of the results that are offered, and their labels."""

TEXTS = frozenset(OF_RUN) - {"seed", "num_frames"}
"""Columns that stay text even if all their values look like numbers, as those of a commit may."""

GROUPS = ("Run", "Swept", "Scores", "Choices", "Time and memory", "Configuration")
"""The headings under which keys are offered, in this order."""

LARGEST_EXACT = 2**53
"""Greater whole numbers are not exact in a browser and stay text."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key in which runs differ: its name, its label, the heading above it, and whether all values are numbers."""

    name: str
    label: str
    group: str
    numeric: bool


def facts_of(labelled: pd.DataFrame, root: Path) -> tuple[list[Key], list[dict[str, Value]]]:
    """Return the keys in which runs differ, and the values of each run.

    Args:
        labelled: the results as from ``collect``, with a column ``variant``.
        root: the folder they were collected from.

    Returns:
        The keys in the order of ``GROUPS``; per run a dictionary from a key's name to a finite number or text.
    """
    records = [_facts_of_run(row, root) for row in labelled.to_dict("records")]
    groups: dict[str, tuple[str, str]] = {}
    for record in records:
        groups |= {name: about for name, (about, _) in record.items() if name not in groups}
    values = [{name: value for name, (_, value) in record.items()} for record in records]
    keys = []
    for name, (group, label) in groups.items():
        present = {mine.get(name) for mine in values}
        if len(present) < 2:  # a key that only some runs have counts as a difference: their value is None
            continue
        numbers = {value: as_number(value) for value in present if value is not None}
        numeric = name not in TEXTS and None not in numbers.values()
        keys.append(Key(name, label, group, numeric))
        for mine in values:
            if name in mine:
                number = numbers[mine[name]]
                mine[name] = number if numeric and number is not None else str(mine[name])
    offered = {key.name for key in keys}
    keys.sort(key=lambda key: GROUPS.index(key.group))
    return keys, [{name: value for name, value in mine.items() if name in offered} for mine in values]


def _facts_of_run(row: Mapping[Any, Any], root: Path) -> dict[str, tuple[tuple[str, str], Value]]:
    """Return a run's values: name to (group, label) and value."""
    facts: dict[str, tuple[tuple[str, str], Value]] = {}
    for name, value in ((str(name), value) for name, value in row.items()):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            continue
        about = _about(name, value)
        if about is not None:
            facts[name] = (about, value if isinstance(value, str | int | float) else str(value))
    for name, text in flatten(read_configuration(root / str(row["folder"]))):
        if name not in OF_RUN:  # a prompt, a seed
            facts[f"config.{name}"] = (("Configuration", name), text)
    return facts


def _about(name: str, value: object) -> tuple[str, str] | None:
    if name in OF_RUN:
        return "Run", OF_RUN[name]
    for prefix, group in (("swept.", "Swept"), ("choice.", "Choices")):
        if name.startswith(prefix):
            return group, name.removeprefix(prefix)
    if isinstance(value, str | bool) or not isinstance(value, int | float):
        return None
    if name.startswith(COSTS):
        return "Time and memory", name.replace("_", " ")
    return "Scores", METRICS[name][0] if name in METRICS else name.replace("_", " ")


def as_number(value: object) -> float | None:
    """Return a number, or a text that spells one, as a float; None if it is not finite or not exact in a browser."""
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number) or (text.lstrip("+-").isdigit() and abs(int(text)) > LARGEST_EXACT):
        return None
    return number


def flatten(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted path and the text of every leaf of a configuration; a list is one leaf."""
    if isinstance(value, Mapping) and (value or not path):
        for key, part in value.items():
            yield from flatten(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, str):
        yield path, value
    else:
        yield path, json.dumps(value, ensure_ascii=False, default=str)
