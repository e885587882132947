"""Paths on the command line, taken as typed: ``motion.file=my dance, take 2 (a=b).bvh`` names one file.

Only two forms of a value are a sweep over several paths: Hydra's own ``choice(...)`` and ``glob(...)``, and a list with
commas of which every part is there while the whole is not.
"""

from __future__ import annotations

import re
from pathlib import Path

PATH_KEYS = (
    "motion.file",
    "motion.rig",
    "motion.checkpoint",
    "motion.statistics",
    "motion.text_encoder",
    "motion.trajectory",
    "body.model",
    "paths.runs",
    "paths.weights",
    "metrics.clip",
    "metrics.lpips",
    "setup.model",
    "setup.controlnet",
    "setup.architecture",
    "setup.ip_adapter.image",
    "setup.ip_adapter.model",
)
"""Keys whose value is a path; besides these, every key of ``iuv`` but ``iuv.name``."""

_NOT_ONLY_PATHS = {
    "motion.rig": r"[\w-]+",
    "motion.text_encoder": r"[\w.-]+/[\w.-]+",
    "setup.model": r"asset:[\w.-]+|[\w.-]+/[\w.-]+",
    "setup.controlnet": r"asset:[\w.-]+|[\w.-]+/[\w.-]+",
    "setup.architecture": r"asset:[\w.-]+|[\w.-]+/[\w.-]+",
    "setup.ip_adapter.model": r"[\w.-]+/[\w.-]+",
}
"""What else the value of a key may be: a rig's name, an asset, a hub id."""

_SWEEP = re.compile(r"(?:choice|glob)\(.*\)", re.DOTALL)
_PART = re.compile(r"\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<plain>[^,]*?))\s*,", re.DOTALL)


def is_path_key(key: str) -> bool:
    """Return whether the value of a key is a path."""
    return key in PATH_KEYS or (key.startswith("iuv.") and key != "iuv.name")


def is_hydra_sweep(value: str) -> bool:
    """Return whether a value is ``choice(...)`` or ``glob(...)``, and not a file of that name."""
    return _SWEEP.fullmatch(value) is not None and not _is_there(value)


def swept_paths(key: str, value: str) -> list[str] | None:
    """Return the paths that a list with commas names, or None if the value is one path.

    It is a list if it is not there as a whole and each part is: a file, a folder, ``null``, or what else the key takes.
    """
    if "," not in value or _is_there(value):
        return None
    parts, place = [], 0
    while place <= len(value):
        match = _PART.match(f"{value},", place)
        if match is None:
            return None
        parts.append(next(part for part in match.groups() if part is not None))
        place = match.end()
    other = _NOT_ONLY_PATHS.get(key, r"(?!)")
    known = all(part == "null" or re.fullmatch(other, part, re.ASCII) or _is_there(part) for part in parts)
    return parts if len(parts) > 1 and known else None


def _is_there(text: str) -> bool:
    """Return whether a path exists, as typed or with ``~`` for the home folder."""
    try:
        return bool(text) and (Path(text).exists() or Path(text).expanduser().exists())
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, or the home folder of nobody
        return False
