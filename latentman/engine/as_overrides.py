"""A configuration object written as the overrides that compose it, so that its record says how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentman.config import Config
from latentman.engine.compose import compose
from latentman.engine.overrides import quote


def overrides_of(config: Config) -> list[str]:
    """Return the settings in which a configuration differs from the default one, as overrides of single keys."""
    return [
        f"{key}={hydra_value(value)}"
        for key, value in _changes(_plain(compose([])), _plain(config))
        if key != "sweep_dir"
    ]


def hydra_value(value: Any) -> str:
    """Return a plain value in the grammar of Hydra's overrides.

    >>> print(hydra_value({"window": [0, 0.4], "steps": None}))
    {window: [0, 0.4], steps: null}
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(hydra_value, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {hydra_value(item)}" for key, item in value.items()) + "}"
    return str(value)


def _plain(config: Config) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(config)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return (dotted key, value) for every value that differs; tables that only one side has are given whole."""
    changes: list[tuple[str, Any]] = []
    for key, value in now.items():
        name = f"{prefix}{key}"
        if before.get(key) == value:
            continue
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and old.keys() == value.keys():
            changes += _changes(old, value, f"{name}.")
        else:
            changes.append((name, value))
    return changes
