"""The inputs of the metrics, and the reasons to report when one is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentman.metrics.clip import Clip, Vectors, load_clip
from latentman.metrics.clip import files_behind as clip_files
from latentman.metrics.clip import why_missing as why_no_clip
from latentman.metrics.grid import metric_grid
from latentman.metrics.judge import Judge, call_judge
from latentman.metrics.lpips import Lpips, load_lpips
from latentman.metrics.lpips import files_behind as lpips_files
from latentman.metrics.lpips import why_missing as why_no_lpips
from latentman.types import BodySequence, Conditions, Correspondence

NEEDS = ("mask", "mesh", "map", "prompt", "clip", "lpips")
"""What a metric may need besides the frames: the figure's mask, the mesh behind the conditions, the map M of a run, the
prompt, the CLIP weights, the LPIPS weights."""

_NOT_GIVEN = {
    "mask": "there is no mask of the figure",
    "mesh": "there is no mesh for this video",
    "map": "there is no map M for this video",
    "prompt": "there is no prompt to compare with",
}


@dataclass(frozen=True)
class Networks:
    """Folders with the weights of learned metrics, and the torch device to run on."""

    clip: Path
    lpips: Path
    device: str = "cpu"

    def why_missing(self, need: str) -> str | None:
        """Return which files of ``clip`` or ``lpips`` are missing and how to get them, or None if all exist."""
        return why_no_clip(self.clip) if need == "clip" else why_no_lpips(self.lpips)

    def files_behind(self, need: str) -> tuple[Path, ...]:
        """Return the existing files of ``clip`` or ``lpips`` that scores depend on."""
        return clip_files(self.clip) if need == "clip" else lpips_files(self.lpips)


@dataclass(frozen=True)
class Evidence:
    """A finished video and its inputs. Derived values, such as the exact map, are computed once, on first use.

    ``frames`` (T, H, W, 3) uint8 RGB; ``mask`` (T, H, W) bool, True on the figure; ``conditions`` and ``body`` that the
    video follows, at its size, both or neither; ``correspondence``, the map M to judge, whose grid is the metric grid;
    ``absent``, specific reasons why an entry of :data:`NEEDS` is missing, replacing the general ones.
    """

    frames: NDArray[np.uint8]
    networks: Networks
    prompt: str | None = None
    mask: NDArray[np.bool_] | None = None
    camera_moves: bool = False
    conditions: Conditions | None = None
    body: BodySequence | None = None
    correspondence: Correspondence | None = None
    absent: Mapping[str, str] = field(default_factory=dict)

    def lacks(self, need: str) -> str | None:
        """Return why an entry of :data:`NEEDS` is missing, or None if it exists."""
        if need in ("clip", "lpips"):
            return self.networks.why_missing(need)
        held = {"mask": self.mask, "mesh": self.body, "map": self.correspondence, "prompt": self.prompt or None}[need]
        return self.absent.get(need, _NOT_GIVEN[need]) if held is None else None

    @cached_property
    def judge(self) -> Judge:
        """The exact maps of the mesh."""
        assert self.body is not None
        assert self.conditions is not None
        found = self.correspondence
        size = metric_grid(self.conditions.mask.shape[1]) if found is None else found.size
        return call_judge(self.body, self.conditions, size=size, reference="prev" if found is None else found.reference)

    @cached_property
    def clip(self) -> Clip:
        """The loaded CLIP model."""
        return load_clip(self.networks.clip, self.networks.device)

    @cached_property
    def frame_vectors(self) -> Vectors:
        """CLIP's unit vectors (T, D) of the frames."""
        return self.clip.embed_frames(self.frames)

    @cached_property
    def lpips(self) -> Lpips:
        """The loaded weights of LPIPS."""
        return load_lpips(self.networks.lpips, self.networks.device)
