"""The result of the check for one asset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PRESENT, MISSING, OPTIONAL, ON_DEMAND = "present", "missing", "optional", "on demand"
"""optional: not installed, and not needed by the chosen setup; on demand: downloaded when a run first needs it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One asset.

    Attributes:
        asset: its name.
        state: one of the states above.
        where: where it is, or where it was expected.
        terms: its licence and its source.
        expected: its size or hash.
        problem: what to do if it is missing.
    """

    asset: str
    state: str
    where: str
    terms: str = "-"
    expected: str = "-"
    problem: str | None = None


def size_of(path: Path) -> str:
    """Return the size of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB"
