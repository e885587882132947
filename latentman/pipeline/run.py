"""One prompt's run: its folder, its configuration, and what earlier stages left for later ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentman.config import Config
from latentman.config.companions import Character, list_characters
from latentman.files.run_file import read_body, read_conditions, read_correspondence
from latentman.metrics.grid import metric_grid
from latentman.types import BodySequence, Conditions, Correspondence, Video

if TYPE_CHECKING:
    from latentman.networks.backbone import Backbone
    from latentman.networks.resolved import ResolvedSetup


Advance = Callable[[int, int], None]
"""Called with (done, total)."""


OnStep = Callable[[str, int, Mapping[str, float]], None]
"""Called with the stage, the step counted from 1, and numbers of that step by name."""


def ignore_steps(stage: str, step: int, values: Mapping[str, float]) -> None:
    """Take the numbers of a step and do nothing."""


@dataclass(frozen=True)
class Run:
    """One prompt, one folder: what every stage works on."""

    config: Config
    folder: Path
    prompt: str
    motion_text: str
    weights: dict[str, str]
    """Digests of the setup's files by what they are, or hub ids with their revisions."""
    backbone: Callable[[], Backbone]
    """Return the setup's networks, loading them at the first call."""
    on_step: OnStep = ignore_steps
    is_loaded: Callable[[], bool] = lambda: False
    """Whether ``backbone`` has nothing left to load."""

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
        return map_sizes(self.config)

    @property
    def characters(self) -> list[Character]:
        """All characters in the scene, the first character first."""
        return list_characters(self.motion_text, self.config.seed, self.config.body, self.config.companions)

    @property
    def motion_files(self) -> list[str]:
        """The file of each character's motion."""
        return ["motion.npz", *(f"motion_{number}.npz" for number in range(1, len(self.characters)))]

    def body(self) -> BodySequence:
        """The moving mesh that the body stage fitted."""
        return read_body(self.folder / "body.npz")

    def conditions(self) -> Conditions:
        """What the render stage drew."""
        return read_conditions(self.folder / "conditions.npz")

    def correspondence(self, size: int) -> Correspondence:
        """The map M on a grid."""
        return read_correspondence(self.folder / f"correspondence_{size}.npz")

    def frames(self) -> Video:
        """The finished frames."""
        from latentman.video import read_png_frames

        return Video(np.asarray(read_png_frames(self.folder / "frames")), self.config.fps)


def map_sizes(config: Config) -> list[int]:
    """Return the sides of the grids on which a run needs the map M, ascending: of latents, guidance and metrics."""
    return sorted({config.setup.latent_size, config.pwg.size, metric_grid(config.setup.image_size)})


def motion_text_of(config: Config) -> str:
    """Return what the first character's motion source reads: ``motion.text``, else the prompt's motion."""
    from latentman.motion.text import motion_text

    return config.motion.text or motion_text(config.prompt)


def describe_run(
    config: Config,
    folder: Path,
    *,
    setup: ResolvedSetup | None = None,
    on_step: OnStep = ignore_steps,
    dtype: str | None = None,
) -> Run:
    """Return what the stages work on; the setup's files are hashed for it, and nothing is loaded.

    Args:
        config: of one prompt.
        folder: where the stages read and write; it need not exist.
        setup: the resolved setup of ``config``, where it is known; None resolves it here.
        on_step: called after every denoising step.
        dtype: the precision with which an earlier process began this run; it takes the place of ``setup.dtype=auto``.

    Raises:
        WeightsError: if a file of the setup is missing.
        ConfigError: if the setup's settings do not lead to a model, or the device is unknown.
    """
    from latentman.networks.loaded import is_loaded, load
    from latentman.networks.resolved import resolve_setup
    from latentman.system.device import choose_dtype, pick_device

    resolved = setup or resolve_setup(config.setup_in_use, config.conditioner)
    device = pick_device(config.device)
    precision = (
        dtype if dtype is not None and config.setup.dtype == "auto" else choose_dtype(config.setup.dtype, device)
    )
    config = replace(config, setup=replace(config.setup, dtype=precision))
    return Run(
        config=config,
        folder=folder,
        prompt=config.prompt,
        motion_text=motion_text_of(config),
        weights=dict(resolved.digests),
        backbone=lambda: load(resolved, device, precision),
        on_step=on_step,
        is_loaded=lambda: is_loaded(resolved, device, precision),
    )
