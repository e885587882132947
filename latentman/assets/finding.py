"""What the doctor says of one asset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PRESENT, MISSING, OPTIONAL, ON_DEMAND = "present", "missing", "optional", "on demand"
"""optional: not there, and the chosen setup runs without it; on demand: fetched when a run first needs it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for.

    ``where`` is where it is or was looked for; ``terms`` its licence and where it comes from; ``expected`` its size or
    hash; ``problem`` says what to do about a missing one.
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
