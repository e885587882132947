"""The groups that make the pictures: weights and texts, the base sampler, and the two parts of the method."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from omegaconf import MISSING

from latentman.errors import ConfigError, check_choice
from latentman.groups import at_least


@dataclass
class StepGate:
    """When a part of the method acts: a half-open window of fractions of T, or inclusive step indices."""

    enabled: bool = True
    window: list[float] | None = None
    steps: list[int] | None = None

    def check(self, key: str) -> None:
        """Refuse a gate that is given twice, is empty or lies outside the run."""
        if not self.enabled:
            return
        if (self.window is None) == (self.steps is None):
            raise ConfigError(
                f"{key}: give either {key}.window (fractions of T) or {key}.steps (indices), and null for the other"
            )
        if self.window is not None:
            if len(self.window) != 2 or not 0 <= self.window[0] < self.window[1] <= 1:
                raise ConfigError(
                    f"{key}.window={self.window} is no window: it needs 0 <= start < end <= 1, or {key}=none"
                )
        elif self.steps is not None and (len(self.steps) != 2 or not 0 <= self.steps[0] <= self.steps[1]):
            raise ConfigError(f"{key}.steps={self.steps} is no range: it needs 0 <= first <= last, or {key}=none")

    def indices(self, key: str, num_steps: int) -> range:
        """Return the step indices at which this acts in a run of ``num_steps`` steps.

        Raises:
            ConfigError: if the range leaves the run, or the window holds no step.
        """
        if not self.enabled:
            return range(0)
        if self.steps is not None:
            first, last = self.steps
            if last >= num_steps:
                raise ConfigError(
                    f"{key}.steps={self.steps} leaves the run: with T={num_steps} the last step is {num_steps - 1}"
                )
            return range(first, last + 1)
        assert self.window is not None
        # Step k starts at the fraction k / T; rounding guards against 0.7 * 100 = 70.00000000000001.
        start, end = (math.ceil(round(edge * num_steps, 9)) for edge in self.window)
        if start >= end:
            raise ConfigError(
                f"{key}.window={self.window} holds no step of a run with T={num_steps}; widen it or set {key}=none"
            )
        return range(start, end)


@dataclass
class SetupConfig:
    """Which weights make the pictures, and at what size, strength and precision."""

    name: str = MISSING
    model: str = MISSING
    """A directory in the Stable Diffusion format, ``asset:NAME`` for one that ships with the package, or a hub id."""
    controlnet: str | None = None
    """The same for the depth ControlNet; null means the folder ``controlnet`` inside ``model``."""
    revision: str | None = None
    controlnet_revision: str | None = None
    image_size: int = MISSING
    latent_size: int = MISSING
    """Cells along each side of the latents: image_size over the VAE's factor."""
    guidance_scale: float = MISSING
    pwg_strength: float = MISSING
    steps: dict[str, int] = field(default_factory=dict)
    dtype: str = "float32"
    """Precision of the networks; auto is float16 on CUDA and float32 elsewhere. Latents are always float32."""

    def __post_init__(self) -> None:
        check_choice("setup.dtype", self.dtype, ("auto", "float32", "float16", "bfloat16"))
        at_least("setup.image_size", self.image_size, 64)
        if self.latent_size < 8 or self.image_size % self.latent_size:
            raise ConfigError(
                f"setup.latent_size={self.latent_size} must be 8 or more and divide setup.image_size={self.image_size}"
            )
        at_least("setup.guidance_scale", self.guidance_scale, 0)
        at_least("setup.pwg_strength", self.pwg_strength, 0)


@dataclass
class TextConfig:
    """What is added to the prompt, and what the pictures are steered away from."""

    suffix: str = ""
    negative: str = ""


@dataclass
class SamplerConfig:
    """The base sampler, as a preset of one primitive: every frame's queries attend to the anchor's keys and values."""

    name: str = MISSING
    anchor: str = "first"
    modules: list[str] = field(default_factory=lambda: ["unet", "controlnet"])
    """Networks whose self-attention follows the anchor; empty means that frames are independent."""
    eta: float = 0.0
    chunk_size: int = 8
    """Frames that go through the networks at once: a matter of memory, never of the result."""

    def __post_init__(self) -> None:
        check_choice("sampler.anchor", self.anchor, ("first",))
        for module in self.modules:
            check_choice("sampler.modules", module, ("unet", "controlnet"))
        if not 0 <= self.eta <= 1:
            raise ConfigError(f"sampler.eta={self.eta} must lie between 0 (deterministic) and 1")
        at_least("sampler.chunk_size", self.chunk_size, 1)


@dataclass
class SlaConfig(StepGate):
    """Spatial Latent Alignment (Eq. 6)."""

    def __post_init__(self) -> None:
        self.check("sla")


@dataclass
class PwgConfig(StepGate):
    """Pixel-Wise Guidance (Eq. 7 and 8)."""

    gradient: str = "direct"
    delta: float = 0.01
    size: int = 256

    def __post_init__(self) -> None:
        self.check("pwg")
        check_choice("pwg.gradient", self.gradient, ("direct",))
        at_least("pwg.delta", self.delta, 0)
        at_least("pwg.size", self.size, 16)


@dataclass
class ConditionerConfig:
    """What steers the figure: the depth ControlNet and how strongly it acts."""

    name: str = MISSING
    scale: float = 1.0

    def __post_init__(self) -> None:
        at_least("conditioner.scale", self.scale, 0)
