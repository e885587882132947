"""``config.yaml`` of a run, read as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.files.yaml_file import read_yaml

CONFIG_FILE = "config.yaml"


def read_configuration(folder: Path) -> Mapping[Any, Any]:
    """Return a run's configuration; an empty one if its ``config.yaml`` is missing or damaged."""
    try:
        loaded = read_yaml(folder / CONFIG_FILE, error=RecordError)
    except (FileNotFoundError, RecordError):
        return {}
    return loaded if isinstance(loaded, Mapping) else {}
