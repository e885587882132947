"""The part of a configuration that may leave the machine: everything except paths and secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

LEFT_OUT = ("run_dir", "sweep_dir", "paths", "overwrite", "logger")
"""Keys that set where a run is written and mirrored, and do not describe the run itself."""

SECRET = re.compile(r"(^|_)(key|token|password|passwd|secret|credentials?)$", re.IGNORECASE)
PATH = re.compile(r"/|~|\.\.?/|[A-Za-z]:[\\/]|file:")
FREE_TEXT = ("prompt", "text", "suffix", "negative")
"""Keys whose values are free text, which may begin like a path."""


def public_config(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plain configuration without secrets, with every path replaced by its last part.

    >>> public_config({"seed": 1, "run_dir": "/home/me/x", "setup": {"model": "/data/sd15", "api_key": "abc"}})
    {'seed': 1, 'setup': {'model': 'sd15'}}
    """
    return {
        str(key): _public(key, value) for key, value in plain.items() if key not in LEFT_OUT and not _is_secret(key)
    }


def _is_secret(key: object) -> bool:
    return SECRET.search(str(key)) is not None


def _public(key: object, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _public(name, item) for name, item in value.items() if not _is_secret(name)}
    if isinstance(value, list | tuple):
        return [_public(key, item) for item in value]
    if isinstance(value, str) and key not in FREE_TEXT and PATH.match(value):
        return PurePath(value.replace("\\", "/")).name
    return value
