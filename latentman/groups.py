"""The groups of the configuration: one dataclass per folder of ``conf/``, each with the checks of its own values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from omegaconf import MISSING

from latentman.errors import ConfigError, check_choice


def positive(key: str, value: float) -> None:
    """Refuse a value that is not above 0, NaN included."""
    if not value > 0:
        raise ConfigError(f"{key}={value} must be above 0")


def at_least(key: str, value: float, low: float) -> None:
    """Refuse a value below ``low``, and NaN."""
    if not value >= low:
        raise ConfigError(f"{key}={value} must be {low} or more")


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
class CameraConfig:
    """The fixed camera: it stands where the whole clip fits into the picture with this margin."""

    yfov_deg: float = 40.0
    yaw_deg: float = 0.0
    pitch_deg: float = 5.0
    margin: float = 0.08
    distance: float | None = None
    """Metres from the first frame's pelvis; null fits the clip. A character may then leave the picture."""

    def __post_init__(self) -> None:
        if not 1 <= self.yfov_deg <= 150:
            raise ConfigError(f"camera.yfov_deg={self.yfov_deg} must lie between 1 and 150")
        if not 0 <= self.margin < 0.5:
            raise ConfigError(f"camera.margin={self.margin} must be 0 or more and below 0.5")
        if not -89 <= self.pitch_deg <= 89:
            raise ConfigError(f"camera.pitch_deg={self.pitch_deg} must lie between -89 and 89")
        if self.distance is not None:
            positive("camera.distance", self.distance)


@dataclass
class DepthConfig:
    """How metric depth becomes the ControlNet's picture (near is bright, background 0)."""

    encoding: str = "inverse"
    range: str = "clip"
    fixed: list[float] | None = None
    """[near, far] in metres, for ``range: fixed``."""
    low: float = 0.3
    high: float = 1.0

    def __post_init__(self) -> None:
        check_choice("depth.encoding", self.encoding, ("inverse", "linear", "official"))
        check_choice("depth.range", self.range, ("clip", "body", "fixed"))
        if not 0 <= self.low < self.high <= 1:
            raise ConfigError(f"depth.low={self.low}, depth.high={self.high}: they need 0 <= low < high <= 1")
        if (self.fixed is not None) != (self.range == "fixed"):
            raise ConfigError(
                f"depth.range={self.range}, depth.fixed={self.fixed}: depth.fixed=[near,far] goes with range=fixed only"
            )
        if self.fixed is not None and (len(self.fixed) != 2 or not 0 < self.fixed[0] < self.fixed[1]):
            raise ConfigError(f"depth.fixed={self.fixed} must be [near, far] in metres with 0 < near < far")


@dataclass
class NamedConfig:
    """A choice that has a name and nothing to set."""

    name: str = MISSING


@dataclass
class CorrespondenceConfig:
    """How pixels of one frame are matched with pixels of its reference frame."""

    name: str = MISSING
    features: str = "official"
    e_weight: float = 1.0
    workers: int | None = None
    """Threads that match parts side by side; null means ``threads``, else the cores there are. Never of the result."""
    cache: bool = True
    """Keep maps by their content in $LATENTMAN_CACHE or ~/.cache/latentman, for all runs that need the same ones."""

    def __post_init__(self) -> None:
        check_choice("correspondence.features", self.features, ("official", "paper"))
        at_least("correspondence.e_weight", self.e_weight, 0)
        if self.workers is not None:
            at_least("correspondence.workers", self.workers, 1)

    def result(self) -> dict[str, object]:
        """Return the settings that decide which map is found; the others decide how fast."""
        return {"name": self.name, "features": self.features, "e_weight": self.e_weight}


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


@dataclass
class PromptEntry:
    """One prompt of a set; ``mini`` is its wording inside the world of the embedded model."""

    text: str = MISSING
    mini: str | None = None
    motion: str | None = None
    seed: int | None = None


@dataclass
class PromptsConfig:
    """A named set of prompts; an empty set stands for the single ``prompt``."""

    name: str = MISSING
    entries: list[PromptEntry] = field(default_factory=list)
    shard: str | None = None
    """``i/n``: this job makes every n-th prompt, beginning with the i-th (counted from 0)."""

    def __post_init__(self) -> None:
        if self.shard is None:
            return
        index, slash, count = self.shard.partition("/")
        if not (slash and index.isdigit() and count.isdigit() and 0 <= int(index) < int(count)):
            raise ConfigError(f"prompts.shard='{self.shard}' must be i/n with 0 <= i < n, such as 0/4")


@dataclass
class MetricsConfig:
    """Which scores a run computes."""

    names: list[str] = field(default_factory=list)


@dataclass
class VideoConfig:
    """The finished file."""

    interpolate: str = "none"
    crf: int = 12
    """H.264 quality: 0 is lossless, 51 the worst."""

    def __post_init__(self) -> None:
        check_choice("video.interpolate", self.interpolate, ("none",))
        if not 0 <= self.crf <= 51:
            raise ConfigError(f"video.crf={self.crf} must lie between 0 and 51")


@dataclass
class PathsConfig:
    """Folders outside the run folder."""

    runs: str = "runs"
    weights: str | None = None
    """Where weights lie that the user brought; null means $LATENTMAN_WEIGHTS, else ~/.cache/latentman."""
