"""Learned motion models as a source: text to joints, of the length for which the model was trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from latentman.config import MotionConfig
from latentman.errors import ConfigError, NumericsError
from latentman.motion.humanml3d import FPS
from latentman.motion.plausible.examine import examine, warn
from latentman.types import Array, Motion

Sample = Callable[[str, int, torch.Generator], Array]
"""Maps a text, a number of frames and a CPU generator to the model's own output, (T, F)."""


@dataclass(frozen=True, slots=True)
class LearnedSource:
    """Produces clips of ``motion.length`` or ``max_frames`` frames, independently of the part that is shown later."""

    sample: Sample
    decode: Callable[[Array], Array]
    """Maps the model's output, (T, F) and finite, to joints (T, 22, 3) in metres."""
    max_frames: int
    cfg: MotionConfig

    def __post_init__(self) -> None:
        if self.cfg.fps != FPS:
            raise ConfigError(f"motion.fps={self.cfg.fps:g}: motion={self.cfg.name} produces {FPS:g} frames per second")
        if self.cfg.length is not None and self.cfg.length > self.max_frames:
            raise ConfigError(
                f"motion.length={self.cfg.length} is more than the {self.max_frames} frames that this checkpoint of "
                f"motion={self.cfg.name} was trained on; set it to {self.max_frames} or less, or to null"
            )

    def __call__(self, text: str, *, num_frames: int, seed: int) -> Motion:
        """Return the motion of ``text``; the same text and seed give the same bytes on the same machine.

        ``num_frames`` is ignored: a model works best at the length it was trained on.

        Raises:
            NumericsError: if the model's output is not finite.
        """
        length = self.cfg.length or self.max_frames
        with torch.no_grad():
            values = self.sample(text, length, torch.Generator().manual_seed(seed))
        if not np.isfinite(values).all():
            raise NumericsError(
                f"motion={self.cfg.name} produced values that are not finite for '{text}' with seed {seed}: try "
                "another seed, a lower motion.guidance_scale, or check the files of motion.checkpoint and "
                "motion.statistics"
            )
        joints = self.decode(values)
        if self.cfg.template_bones or self.cfg.foot_lock:
            from latentman.motion.learned.cleanup import clean

            joints = clean(joints, FPS, template_bones=self.cfg.template_bones, foot_lock=self.cfg.foot_lock)
        warn(examine(joints, FPS), f"motion={self.cfg.name}", advice="the model made it so: try another seed or prompt")
        return Motion(np.ascontiguousarray(joints), FPS, text, self.cfg.name)
