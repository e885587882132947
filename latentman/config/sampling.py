"""The groups that make the pictures: weights and texts, the base sampler, and the two parts of the method."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from omegaconf import MISSING

from latentman.config.groups import at_least, settings_without
from latentman.config.setup import SetupConfig
from latentman.errors import ConfigError, check_choice
from latentman.system.plugins import check_option


@dataclass
class StepGate:
    """When a part of the method acts: a half-open window of fractions of T, or inclusive step indices."""

    enabled: bool = True
    """Whether this part acts at all."""
    window: list[float] | None = None
    """The fractions of T in which it acts, [start, end)."""
    steps: list[int] | None = None
    """The steps in which it acts, [first, last], instead of ``window``."""

    def check(self, key: str) -> None:
        """Refuse a gate that is given twice, is empty or is outside the run."""
        if not self.enabled:
            return
        if (self.window is None) == (self.steps is None):
            raise ConfigError(
                f"{key}: give either {key}.window (fractions of T) or {key}.steps (indices), and null for the other"
            )
        if self.window is not None:
            if len(self.window) != 2 or not 0 <= self.window[0] < self.window[1] <= 1:
                raise ConfigError(
                    f"{key}.window={self.window} is not a window: it needs 0 <= start < end <= 1, or {key}=none"
                )
        elif self.steps is not None and (len(self.steps) != 2 or not 0 <= self.steps[0] <= self.steps[1]):
            raise ConfigError(f"{key}.steps={self.steps} is not a range: it needs 0 <= first <= last, or {key}=none")

    def indices(self, key: str, num_steps: int) -> range:
        """Return the step indices at which this part acts in a run of ``num_steps`` steps.

        Raises:
            ConfigError: if the range exceeds the run, or the window holds no step.
        """
        if not self.enabled:
            return range(0)
        if self.steps is not None:
            first, last = self.steps
            if last >= num_steps:
                raise ConfigError(
                    f"{key}.steps={self.steps} exceeds the run: with T={num_steps} the last step is {num_steps - 1}"
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


ANCHORS = ("first", "prev", "first+prev", "all")
"""Whose keys and values the self-attention of a frame may read."""

LAYERS = ("all", "decoder")
"""Self-attention layers of the UNet that may follow; ``decoder``: the last two resolutions that have such layers."""


@dataclass
class LatentMotionConfig:
    """Motion written into the latents, for Text2Video-Zero without a condition (its section 3.2)."""

    shift: list[float] = field(default_factory=lambda: [12.0, 12.0])
    """Pixels, in a picture of 512, by which the content moves per frame: to the left and up."""
    t0: int = 881
    """Training timestep at which the first frame's latents are warped."""
    t1: int = 941
    """Training timestep to which the warped latents are noised, and from which all frames are denoised."""
    smooth_background: float = 0.0
    """Weight of the first frame's warped latents outside the figures at t1; 0 is off, the released value is 0.6."""

    def __post_init__(self) -> None:
        if len(self.shift) != 2:
            raise ConfigError(f"sampler.latent_motion.shift={self.shift} must be two numbers, [x, y]")
        if not 0 <= self.t0 < self.t1 < 1000:
            raise ConfigError(
                f"sampler.latent_motion.t0={self.t0}, sampler.latent_motion.t1={self.t1}: they need 0 <= t0 < t1 < 1000"
            )
        if not 0 <= self.smooth_background <= 1:
            raise ConfigError(
                f"sampler.latent_motion.smooth_background={self.smooth_background} must be between 0 (off) and 1"
            )


@dataclass
class SamplerConfig:
    """The base sampler, as a preset of one primitive: every frame's queries attend to the anchor's keys and values."""

    name: str = MISSING
    anchor: str = "first"
    """Whose keys and values a frame reads: first, prev, first+prev or all."""
    modules: list[str] = field(default_factory=lambda: ["unet", "controlnet"])
    """Networks whose self-attention follows the anchor; an empty list makes the frames independent."""
    start: float = 0.0
    """Fraction of the steps after which they follow it; before, frames are independent."""
    layers: str = "all"
    """Self-attention layers of the UNet that follow the anchor: all, or decoder."""
    first_layer: int | None = None
    """Instead of ``layers``: the first layer that follows, in the order in which the UNet calls them (SD1.5 has 16)."""
    union: bool = False
    """Let a frame read its own keys and values in addition to the anchor's."""
    masked: bool = False
    """Let the figure read only the anchor's figure, and the background only its background, by the rendered masks."""
    mask_reduction: str = "nearest"
    """For ``masked``: how the masks are reduced to a layer's tokens. nearest as MasaCtrl's own code; half: a token
    belongs to the figure if at least half of its latent cells show it."""
    mask_frame0: bool = False
    """For ``masked``: whether frame 0 attends separately too. MasaCtrl's own code leaves its source unmasked."""
    latent_motion: LatentMotionConfig | None = None
    """Motion written into the latents; null is off."""
    eta: float = 0.0
    """Noise that DDIM adds at each step; 0 is deterministic."""
    steps_offset: int | None = None
    """DDIM's offset of the timesteps; null takes the scheduler's own (Stable Diffusion: 1)."""
    chunk_size: int = 8
    """Frames that go through the networks at once. This changes the memory in use, not the result."""
    steps: int | None = None
    """Denoising steps T, where neither ``num_inference_steps`` nor the schedule has a number; null: ``setup.steps``."""
    motion_adapter: str | None = None
    """For ``animatediff``: the folder or hub id of its motion adapter."""
    motion_adapter_revision: str | None = None
    """Commit or branch of ``sampler.motion_adapter``, if it is a hub id."""

    def __post_init__(self) -> None:
        check_option("latentman.anchors", self.anchor, ANCHORS)
        check_choice("sampler.layers", self.layers, LAYERS)
        for module in self.modules:
            check_choice("sampler.modules", module, ("unet", "controlnet"))
        if not 0 <= self.start <= 1:
            raise ConfigError(f"sampler.start={self.start} must be between 0 (from the first step) and 1 (never)")
        if self.first_layer is not None:
            at_least("sampler.first_layer", self.first_layer, 0)
        check_choice("sampler.mask_reduction", self.mask_reduction, ("nearest", "half"))
        if not self.masked and (self.mask_reduction != "nearest" or self.mask_frame0):
            raise ConfigError(
                f"sampler.mask_reduction={self.mask_reduction}, sampler.mask_frame0={self.mask_frame0}: they have no "
                "effect without sampler.masked=true"
            )
        if self.masked and (self.anchor != "first" or self.union):
            raise ConfigError(
                "sampler.masked=true needs sampler.anchor=first and sampler.union=false: the masks divide the first "
                "frame's keys"
            )
        if not 0 <= self.eta <= 1:
            raise ConfigError(f"sampler.eta={self.eta} must be between 0 (deterministic) and 1")
        if self.steps_offset is not None and self.steps_offset not in (0, 1):
            raise ConfigError(f"sampler.steps_offset={self.steps_offset} must be 0, 1 or null")
        at_least("sampler.chunk_size", self.chunk_size, 1)
        if self.steps is not None:
            at_least("sampler.steps", self.steps, 1)

    @property
    def is_animatediff(self) -> bool:
        """Whether this is the trained model, which has a loop and layers of its own."""
        return self.name == "animatediff"

    def result(self) -> dict[str, object]:
        """Return the settings that the frames depend on; those of masks are left out where there are none.

        T is one of the run's settings, and an adapter is identified by its files.
        """
        of_masks = () if self.masked else ("mask_reduction", "mask_frame0")
        return settings_without(self, "steps", "motion_adapter", "motion_adapter_revision", *of_masks)


NOISES = ("shared", "uv", "independent")


@dataclass
class NoiseConfig:
    """Where the initial noise x_T comes from."""

    name: str = MISSING
    texels: int = 16
    """For ``uv``: samples of noise along each side of a body part's chart."""

    def __post_init__(self) -> None:
        check_choice("noise", self.name, NOISES)
        if not 1 <= self.texels <= 256:
            raise ConfigError(f"noise.texels={self.texels} must be between 1 and 256")


@dataclass
class SlaConfig(StepGate):
    """Spatial Latent Alignment (Eq. 6)."""

    blend: float = 1.0
    """Share of the reference's latent in the aligned latent; the paper uses 1."""

    def __post_init__(self) -> None:
        self.check("sla")
        if not 0 < self.blend <= 1:
            raise ConfigError(f"sla.blend={self.blend} must be above 0 and at most 1, or use sla=none")


GRADIENTS = ("direct", "official_uncond", "full")
"""How the gradient of the guidance loss reaches x_t; see ``diffusion/pwg.py``."""

DECODERS = ("full", "tiny")
"""What makes the pictures that guidance compares: the model's VAE, or ``setup.tiny_decoder``."""

REGIONS = ("picture", "figure")
"""How much of each frame guidance decodes: all of it, or the window of its matched pixels."""


@dataclass
class PwgConfig(StepGate):
    """Pixel-Wise Guidance (Eq. 7 and 8)."""

    gradient: str = "direct"
    """How the gradient of the loss reaches x_t: direct, official_uncond or full."""
    loss: str = "mean"
    """mean: of (25 d)^2 over the matched values, as the released code; sum: of d^2, Eq. 7 as written. d: 0 to 1."""
    delta: float = 0.01
    """Strength of the step (Eq. 8)."""
    delta_steps: int | None = None
    """The number of steps T that ``delta`` is meant for. With another T each step takes ``delta * delta_steps / T``, so
    that guidance changes a clip as much with few steps as with many. null: ``delta`` at every T, as in the paper."""
    size: int = 256
    """Side of the grid of the map on which pictures are compared, in pixels."""
    chunk_size: int = 1
    """Frames that are differentiated through the UNet at once. This changes the memory in use, not the result."""
    checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: less memory, more time, same result."""
    decoder: str = "full"
    """What decodes the pictures that are compared: full, the VAE, or tiny, the small network of setup.tiny_decoder."""
    region: str = "picture"
    """What is decoded of each frame: picture, all of it, or figure, the window of its matched pixels and a margin."""
    margin: int = 2
    """For ``region=figure``: latent cells around the matched pixels that are decoded too."""

    def __post_init__(self) -> None:
        self.check("pwg")
        check_choice("pwg.decoder", self.decoder, DECODERS)
        check_choice("pwg.region", self.region, REGIONS)
        at_least("pwg.margin", self.margin, 0)
        check_choice("pwg.gradient", self.gradient, GRADIENTS)
        check_choice("pwg.loss", self.loss, ("mean", "sum"))
        at_least("pwg.delta", self.delta, 0)
        if self.delta_steps is not None:
            at_least("pwg.delta_steps", self.delta_steps, 1)
        at_least("pwg.size", self.size, 16)
        at_least("pwg.chunk_size", self.chunk_size, 1)

    def check_decoder(self, setup: SetupConfig) -> None:
        """Refuse a decoder or a region that does not go with a setup."""
        if self.uses_tiny_decoder and setup.tiny_decoder is None:
            raise ConfigError(
                f"pwg.decoder=tiny: setup={setup.name} names no tiny decoder for its latents; name one in "
                "setup.tiny_decoder, a folder or hub id of an AutoencoderTiny, or use pwg.decoder=full"
            )
        is_window = self.enabled and self.region == "figure" and self.decoder == "full"
        if is_window and setup.compile == "all":
            raise ConfigError(
                "pwg.region=figure gives the VAE's group norms other statistics, which a compiled decoder cannot take "
                f"(setup.compile={setup.compile}): use setup.compile=unet, pwg.region=picture or pwg.decoder=tiny"
            )

    @property
    def uses_tiny_decoder(self) -> bool:
        """Whether the tiny decoder is called at all."""
        return self.enabled and self.decoder == "tiny"

    def result(self) -> dict[str, object]:
        """Return the settings that the frames depend on; those below only where they differ from the paper's."""
        same = ["region", "margin"] if self.region == "picture" or not self.enabled else []
        same += ["decoder"] * (self.decoder == "full") + ["delta_steps"] * (self.delta_steps is None)
        return settings_without(self, *same)

    def delta_at(self, num_steps: int) -> float:
        """Return what each guided step multiplies its gradient by in a run of ``num_steps`` steps."""
        return self.delta if self.delta_steps is None else self.delta * self.delta_steps / num_steps
