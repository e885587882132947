"""The groups of the configuration: one dataclass per folder of ``conf/``, each with the checks of its own values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from omegaconf import MISSING

from latentman.errors import ConfigError, check_choice
from latentman.system.whole_number import whole_number


def positive(key: str, value: float) -> None:
    """Refuse a value that is not above 0, NaN included."""
    if not value > 0:
        raise ConfigError(f"{key}={value} must be above 0")


def at_least(key: str, value: float, low: float) -> None:
    """Refuse a value below ``low``, and NaN."""
    if not value >= low:
        raise ConfigError(f"{key}={value} must be {low} or more")


def settings_without(group: Any, *keys: str) -> dict[str, object]:
    """Return the settings of a group without keys that change nothing here."""
    return {key: value for key, value in asdict(group).items() if key not in keys}


@dataclass
class NamedConfig:
    """A choice that has a name and no settings."""

    name: str = MISSING


@dataclass
class CorrespondenceConfig:
    """How pixels of one frame are matched with pixels of its reference frame."""

    name: str = MISSING
    features: str = "official"
    """Features of a pixel: official (as the released code's) or paper; for ``densepose_lap``."""
    e_weight: float = 1.0
    """Weight of the feature E, a pixel's distance from the middle of its part."""
    workers: int | None = None
    """Threads that match parts in parallel; null means ``threads``, else all cores. Does not change the result."""
    cache: bool = True
    """Share the maps through paths.stage_cache with all runs that need the same ones."""

    def __post_init__(self) -> None:
        check_choice("correspondence.features", self.features, ("official", "paper"))
        at_least("correspondence.e_weight", self.e_weight, 0)
        if self.workers is not None:
            at_least("correspondence.workers", self.workers, 1)

    def result(self) -> dict[str, object]:
        """Return the settings that change the map; the others change only the speed."""
        return {"name": self.name, "features": self.features, "e_weight": self.e_weight}


@dataclass
class PromptEntry:
    """One prompt of a set; ``mini`` is its wording for the embedded model."""

    text: str = MISSING
    """The prompt."""
    mini: str | None = None
    """Its wording for the embedded model."""
    motion: str | None = None
    """The text of the motion; null uses the prompt."""
    seed: int | None = None
    """Added to ``seed``."""


@dataclass
class PromptsConfig:
    """A named set of prompts; an empty set stands for the single ``prompt``."""

    name: str = MISSING
    entries: list[PromptEntry] = field(default_factory=list)
    shard: str | None = None
    """``i/n``: this job makes every n-th prompt, starting with prompt i (counted from 0)."""

    def __post_init__(self) -> None:
        if self.shard is None:
            return
        index, count = (whole_number(part) for part in self.shard.partition("/")[::2])
        if index is None or count is None or index >= count:
            raise ConfigError(f"prompts.shard='{self.shard}' must be i/n with 0 <= i < n, such as 0/4")


@dataclass
class MetricsConfig:
    """The scores that a run computes."""

    names: list[str] = field(default_factory=list)
    """The scores to compute."""
    clip: str | None = None
    """Folder of the CLIP model for clip_text and clip_frames; null means ``clip`` in the folder of weights."""
    lpips: str | None = None
    """Folder of the weights for lpips_frames and lpips_aligned; null means ``lpips`` in the folder of weights."""


@dataclass
class VideoConfig:
    """The video file."""

    interpolate: str = "none"
    """Frames between the frames; only none."""
    crf: int = 12
    """H.264 quality: 0 is lossless, 51 the worst."""

    def __post_init__(self) -> None:
        check_choice("video.interpolate", self.interpolate, ("none",))
        if not 0 <= self.crf <= 51:
            raise ConfigError(f"video.crf={self.crf} must be between 0 and 51")


@dataclass
class PathsConfig:
    """Folders outside the run folder."""

    runs: str = "runs"
    """Folder in which new runs and sweeps are made."""
    weights: str | None = None
    """Folder of the user's own weights; null means $LATENTMAN_WEIGHTS, else ~/.cache/latentman."""
    stage_cache: bool = True
    """Cache motions, bodies, pictures and maps by content in $LATENTMAN_CACHE or ~/.cache/latentman, for all runs."""
