"""One prompt's run: its folder, its configuration, and what earlier stages left for later ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentman.config import Config
from latentman.config.companions import Character, list_characters
from latentman.metrics.grid import metric_grid
from latentman.system.paths import read_npz
from latentman.types import BodySequence, Conditions, Correspondence, Video

if TYPE_CHECKING:
    from latentman.networks.backbone import Backbone


Advance = Callable[[int, int], None]
"""Called with (done, total)."""


OnStep = Callable[[str, int, Mapping[str, float]], None]
"""Called with the stage, the step counted from 1, and numbers of that step by name."""


def no_one_listens(stage: str, step: int, values: Mapping[str, float]) -> None:
    """Take the numbers of a step and do nothing."""


@dataclass(frozen=True)
class Run:
    """One prompt, one folder: what every stage works on."""

    config: Config
    folder: Path
    prompt: str
    motion_text: str
    weights: dict[str, str]
    backbone: Callable[[], Backbone]
    on_step: OnStep = no_one_listens

    @property
    def positive(self) -> str:
        """The text that the text encoder reads."""
        return self.prompt + self.config.text.suffix

    @property
    def texts(self) -> dict[str, str]:
        """What was typed, and what each reader of text is given."""
        return {
            "prompt": self.prompt,
            "positive": self.positive,
            "negative": self.config.text.negative,
            "motion": self.motion_text,
        }

    @property
    def metric_size(self) -> int:
        """The grid on which frames are compared."""
        return metric_grid(self.config.setup.image_size)

    @property
    def map_sizes(self) -> list[int]:
        """The grids on which the map M is needed."""
        return sorted({self.config.setup.latent_size, self.config.pwg.size, self.metric_size})

    @property
    def characters(self) -> list[Character]:
        """Everybody in the scene, the first character first."""
        return list_characters(self.motion_text, self.config.seed, self.config.body, self.config.companions)

    @property
    def motion_files(self) -> list[str]:
        """The file of each character's motion."""
        return ["motion.npz", *(f"motion_{number}.npz" for number in range(1, len(self.characters)))]

    def body(self) -> BodySequence:
        """The moving mesh that the body stage fitted."""
        data = read_npz(self.folder / "body.npz")
        return BodySequence(**{**data, "fps": float(data["fps"])})

    def conditions(self) -> Conditions:
        """What the render stage drew."""
        return Conditions.from_arrays(read_npz(self.folder / "conditions.npz"))

    def correspondence(self, size: int) -> Correspondence:
        """The map M on a grid."""
        return Correspondence.from_arrays(read_npz(self.folder / f"correspondence_{size}.npz"))


@dataclass(frozen=True)
class Stage:
    """A step of the run: what it depends on beside earlier stages, what it leaves behind, and how it is done."""

    name: str
    depends: Callable[[Run], Any]
    outputs: Callable[[Run], list[str]]
    work: Callable[[Run, Advance], None]
    length: Callable[[Run], int] = lambda run: 1


def frames_of(run: Run) -> Video:
    """Return the finished frames."""
    from latentman.video import read_png_frames

    return Video(np.asarray(read_png_frames(run.folder / "frames")), run.config.fps)
