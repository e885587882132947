"""What ``status.json`` and ``metrics.json`` hold, as types that their readers check.

A field that is missing is fine, since runs of older versions lack some; one that has another type is damage. Fields
that are not listed are not looked at.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from latentman.files.model_file import validated
from latentman.files.opening import FlawError
from latentman.types import COLUMN_PREFIXES, COLUMNS

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class StageEntry(_Model):
    """One stage of a run."""

    state: str | None = None
    hash: str | None = None
    seconds: _Number | None = None
    seconds_fetching: _Number | None = None
    peak_memory_bytes: _Number | None = None
    shared: bool | None = None


class StatusFile(_Model):
    """``status.json``."""

    format: Annotated[int, Field(ge=1)] = 1
    kind: str | None = None
    state: str | None = None
    name: str | None = None
    stage: str | None = None
    prompt: str | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    asked_seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    num_frames: _Count | None = None
    num_steps: _Count | None = None
    num_prompts: _Count | None = None
    commit: str | None = None
    command: str | None = None
    started: str | None = None
    finished: str | None = None
    resumed: str | None = None
    stages: dict[str, StageEntry] | None = None
    choices: dict[str, Any] | None = None
    swept: dict[str, Any] | None = None
    baseline: dict[str, Any] | None = None
    weights: dict[str, Any] | None = None
    versions: dict[str, Any] | None = None
    overrides: list[str] | None = None


def check_status(status: dict[str, Any]) -> None:
    """Compare the content of a ``status.json`` with its type.

    Raises:
        FlawError: naming the first field that does not fit, and why.
    """
    validated(StatusFile, status)


def check_metrics(metrics: dict[str, Any]) -> None:
    """Refuse a ``metrics.json`` in which a metric has the name of a column, so that no run is shown as another.

    Values of other types than numbers and texts are for later versions and are skipped by every reader.

    Raises:
        FlawError: naming the first such metric.
    """
    for name in metrics:
        if name not in ("per_pair", "num_prompts") and (name in COLUMNS or name.startswith(COLUMN_PREFIXES)):
            raise FlawError(f"the metric {name[:80]!a} has the name of a column of the tables")
