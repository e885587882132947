"""The schema of the configuration: one dataclass per group, values in ``conf/*.yaml``, checks in ``__post_init__``.

Hydra composes the YAML over these classes, so that a mistyped key or type fails at composition; ``resolve`` turns the
result into real objects once, at the edge, and every check runs there: before any model loads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from omegaconf import MISSING

from latentman.errors import ConfigError, check_choice

MIN_STEPS = 4
"""Fewest sampling steps for which every gate and window still means something."""


def _positive(key: str, value: float) -> None:
    if not value > 0:
        raise ConfigError(f"{key}={value} must be above 0")


def _at_least(key: str, value: float, low: float) -> None:
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
        _at_least("setup.image_size", self.image_size, 64)
        if self.latent_size < 8 or self.image_size % self.latent_size:
            raise ConfigError(
                f"setup.latent_size={self.latent_size} must be 8 or more and divide setup.image_size={self.image_size}"
            )
        _at_least("setup.guidance_scale", self.guidance_scale, 0)
        _at_least("setup.pwg_strength", self.pwg_strength, 0)


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
            _positive("camera.distance", self.distance)


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
class MotionConfig:
    """Where the joints come from."""

    name: str = MISSING
    text: str | None = None
    """What the motion source reads; null derives it from the prompt."""
    fps: float = 20.0
    stride: int | None = None
    """Motion frames per video frame; null means motion.fps / fps."""
    start: str = "auto"
    """First motion frame that is shown, or auto: the window with the most joint motion."""

    def __post_init__(self) -> None:
        _positive("motion.fps", self.fps)
        if self.stride is not None:
            _at_least("motion.stride", self.stride, 1)
        if self.start != "auto" and not self.start.isdigit():
            raise ConfigError(f"motion.start='{self.start}' must be auto or a frame number of 0 or more")
        if self.text is not None and not self.text.strip():
            raise ConfigError(
                "motion.text is empty: say what the character does, or set motion.text=null to use the prompt"
            )


@dataclass
class BodyConfig:
    """Which mesh is fitted to the joints."""

    name: str = MISSING
    shape: str = "neutral"

    def __post_init__(self) -> None:
        check_choice("body.shape", self.shape, ("neutral", "male", "female"))


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

    def __post_init__(self) -> None:
        check_choice("correspondence.features", self.features, ("official", "paper"))
        _at_least("correspondence.e_weight", self.e_weight, 0)


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
        _at_least("sampler.chunk_size", self.chunk_size, 1)


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
        _at_least("pwg.delta", self.delta, 0)
        _at_least("pwg.size", self.size, 16)


@dataclass
class ConditionerConfig:
    """What steers the figure: the depth ControlNet and how strongly it acts."""

    name: str = MISSING
    scale: float = 1.0

    def __post_init__(self) -> None:
        _at_least("conditioner.scale", self.scale, 0)


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
    weights: str = "~/.cache/latentman"


@dataclass
class Config:
    """One run, or one job of a sweep."""

    name: str = "run"
    prompt: str = MISSING
    seed: int = 0
    num_frames: int = 8
    fps: float = 10.0
    num_inference_steps: int | None = None
    run_dir: str | None = None
    sweep_dir: str | None = None
    overwrite: bool = False
    device: str = "auto"
    threads: int | None = None
    tags: list[str] = field(default_factory=list)
    baseline: dict[str, str] = field(default_factory=dict)
    """Group choices of the row that a sweep's table compares with, such as {sla: none, pwg: none}."""
    setup: SetupConfig = MISSING
    text: TextConfig = field(default_factory=TextConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)
    motion: MotionConfig = MISSING
    body: BodyConfig = MISSING
    renderer: NamedConfig = MISSING
    iuv: NamedConfig = MISSING
    correspondence: CorrespondenceConfig = MISSING
    solver: NamedConfig = MISSING
    sampler: SamplerConfig = MISSING
    reference: NamedConfig = MISSING
    sla: SlaConfig = MISSING
    pwg: PwgConfig = MISSING
    conditioner: ConditionerConfig = MISSING
    prompts: PromptsConfig = MISSING
    metrics: MetricsConfig = MISSING
    logger: NamedConfig = MISSING
    video: VideoConfig = field(default_factory=VideoConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)

    def __post_init__(self) -> None:
        _check_finite("", self)
        if not self.prompts.entries and not self.prompt.strip():
            raise ConfigError(
                'prompt is empty: say who does what and where, such as prompt="a red robot dances on a beach"'
            )
        for index, entry in enumerate(self.prompts.entries):
            if not entry.text.strip():
                raise ConfigError(f"prompts.entries[{index}].text is empty")
        if self.num_frames < 2:
            raise ConfigError(f"num_frames={self.num_frames} makes no video: it must be 2 or more")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed={self.seed} must be 0 or more and below 2**32")
        _positive("fps", self.fps)
        if self.threads is not None:
            _at_least("threads", self.threads, 1)
        steps = self.num_steps
        if not MIN_STEPS <= steps <= 1000:
            raise ConfigError(f"num_inference_steps={steps} must lie between {MIN_STEPS} and 1000")
        self.sla.indices("sla", steps)
        self.pwg.indices("pwg", steps)
        if self.setup.image_size % self.pwg.size:
            raise ConfigError(f"pwg.size={self.pwg.size} must divide setup.image_size={self.setup.image_size}")
        for module in self.sampler.modules:
            if module == "controlnet" and self.conditioner.name != "controlnet":
                raise ConfigError(f"sampler.modules names controlnet, but conditioner={self.conditioner.name}")

    @property
    def num_steps(self) -> int:
        """T: what the user asked for, else the setup's number for this sampler."""
        if self.num_inference_steps is not None:
            return self.num_inference_steps
        steps = self.setup.steps
        if self.sampler.name not in steps:
            known = ", ".join(sorted(steps)) or "none"
            raise ConfigError(
                f"setup.steps has no number for sampler={self.sampler.name} (it has: {known}); "
                "set num_inference_steps=..."
            )
        return steps[self.sampler.name]

    @property
    def stride(self) -> int:
        """Motion frames per video frame."""
        return self.motion.stride if self.motion.stride is not None else max(1, round(self.motion.fps / self.fps))


def _check_finite(prefix: str, node: Any) -> None:
    """Refuse NaN and infinity anywhere in the configuration, naming the key."""
    if is_dataclass(node):
        for item in fields(node):
            _check_finite(f"{prefix}.{item.name}" if prefix else item.name, getattr(node, item.name))
    elif isinstance(node, dict):
        for key, value in node.items():
            _check_finite(f"{prefix}.{key}", value)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _check_finite(f"{prefix}[{index}]", value)
    elif isinstance(node, float) and not math.isfinite(node):
        raise ConfigError(f"{prefix}={node} is not a finite number")


def register() -> None:
    """Make the schema known to Hydra as ``base_config``."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="base_config", node=Config)


def resolve(cfg: Any) -> Config:
    """Turn a composed configuration into real, checked objects.

    Raises:
        ConfigError: if a value is missing, or any check of the schema fails.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        missing = [key for key in OmegaConf.missing_keys(cfg) if not key.startswith("hydra")]
        if missing:
            raise ConfigError(
                f"{', '.join(sorted(missing))} has no value: set it on the command line or in a YAML file"
            )
        config = OmegaConf.to_object(cfg)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the configuration cannot be resolved: {error}") from error
    assert isinstance(config, Config)
    return config
