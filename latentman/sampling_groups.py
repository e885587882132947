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
class ReleasedConfig:
    """What the released code gives to these weights; ``fidelity=official`` takes it from here."""

    depth_encoding: str = "inverse"
    suffix: str = ""
    negative: str = ""


@dataclass
class LoraConfig:
    """A low-rank change of the weights, added to them before the run."""

    path: str = MISSING
    """A ``.safetensors`` file, or a folder with ``pytorch_lora_weights.safetensors``."""
    scale: float = 1.0


@dataclass
class IpAdapterConfig:
    """A picture that the frames take their look from, beside the prompt (IP-Adapter)."""

    image: str | None = None
    """The picture's file; null is none, and no adapter is loaded."""
    scale: float = 1.0
    model: str | None = None
    """A folder or a hub id."""
    revision: str | None = None
    subfolder: str = ""
    weight_name: str = ""
    image_encoder: str = "image_encoder"
    """Folder of the image encoder: inside ``subfolder``, or inside ``model`` if it has a slash."""

    def __post_init__(self) -> None:
        at_least("setup.ip_adapter.scale", self.scale, 0)
        if self.image is None:
            return
        if self.model is None:
            raise ConfigError(
                f"setup.ip_adapter.image={self.image}: this setup knows no IP-Adapter of its own; name one in "
                "setup.ip_adapter.model, with its subfolder and weight_name"
            )
        if not self.weight_name.endswith(".safetensors"):
            raise ConfigError(
                f"setup.ip_adapter.weight_name='{self.weight_name}' is no .safetensors file: pickled weights can run "
                "code and are not loaded"
            )


@dataclass
class SetupConfig:
    """Which weights make the pictures, and at what size, strength and precision."""

    name: str = MISSING
    model: str = MISSING
    """A folder in the Stable Diffusion format, ``asset:NAME`` for one that ships with the package, a hub id, or one
    ``.safetensors`` file."""
    controlnet: str | None = None
    """The same for the depth ControlNet; null means the folder ``controlnet`` inside ``model``."""
    revision: str | None = None
    controlnet_revision: str | None = None
    architecture: str | None = None
    """For a single file: the folder or hub id whose configurations and tokenizer it is built from; no weights of it."""
    architecture_revision: str | None = None
    loras: list[LoraConfig] = field(default_factory=list)
    """Added to the weights in this order."""
    ip_adapter: IpAdapterConfig = field(default_factory=lambda: IpAdapterConfig())
    image_size: int = MISSING
    latent_size: int = MISSING
    """Cells along each side of the latents: image_size over the VAE's factor."""
    guidance_scale: float = MISSING
    pwg_strength: float = MISSING
    steps: dict[str, int] = field(default_factory=dict)
    released: ReleasedConfig = field(default_factory=lambda: ReleasedConfig())
    dtype: str = "float32"
    """Precision of the networks; auto is float16 on CUDA and float32 elsewhere. Latents are always float32."""
    offload: bool = False
    """Keep networks in the computer's memory and take them to the device for their part of the run only."""
    compile: str = "none"
    """torch.compile of the UNet and the ControlNets (unet), or of the VAE's decoder too (all)."""
    fast_math: bool = False
    """On CUDA: TF32 and cuDNN's autotuning. Faster, and in float32 a little less exact."""

    def __post_init__(self) -> None:
        check_choice("setup.dtype", self.dtype, ("auto", "float32", "float16", "bfloat16"))
        check_choice("setup.compile", self.compile, ("none", "unet", "all"))
        at_least("setup.image_size", self.image_size, 64)
        if self.latent_size < 8 or self.image_size % self.latent_size:
            raise ConfigError(
                f"setup.latent_size={self.latent_size} must be 8 or more and divide setup.image_size={self.image_size}"
            )
        at_least("setup.guidance_scale", self.guidance_scale, 0)
        at_least("setup.pwg_strength", self.pwg_strength, 0)
        if self.offload and self.compile != "none":
            raise ConfigError(
                f"setup.offload=true moves networks to and fro, which compiled ones (setup.compile={self.compile}) do "
                "not stand: set one of the two back"
            )


@dataclass
class TextConfig:
    """What is added to the prompt, and what the pictures are steered away from."""

    suffix: str = ""
    negative: str = ""


ANCHORS = ("first", "prev", "first+prev", "all")
"""Whose keys and values the self-attention of a frame may read."""

LAYERS = ("all", "decoder")
"""Self-attention layers of the UNet that may follow; ``decoder``: those of its last two resolutions that have any."""


@dataclass
class LatentMotionConfig:
    """Motion written into the latents, for Text2Video-Zero without a condition (its section 3.2)."""

    shift: list[float] = field(default_factory=lambda: [12.0, 12.0])
    """Pixels, of a picture of 512, that the content moves per frame: to the left and up."""
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
                f"sampler.latent_motion.smooth_background={self.smooth_background} must lie between 0 (off) and 1"
            )


@dataclass
class SamplerConfig:
    """The base sampler, as a preset of one primitive: every frame's queries attend to the anchor's keys and values."""

    name: str = MISSING
    anchor: str = "first"
    """Whose keys and values a frame reads: first, prev, first+prev or all."""
    modules: list[str] = field(default_factory=lambda: ["unet", "controlnet"])
    """Networks whose self-attention follows the anchor, where there are any; empty: frames are independent."""
    start: float = 0.0
    """Fraction of the steps after which it does; before, frames are independent."""
    layers: str = "all"
    """Self-attention layers of the UNet that follow the anchor: all, or decoder."""
    first_layer: int | None = None
    """Instead of ``layers``: the first one, counted in the order in which the UNet calls them (SD1.5 has 16)."""
    union: bool = False
    """Let a frame read its own keys and values beside the anchor's."""
    masked: bool = False
    """Let the figure read the anchor's figure only, and the background its background, by the rendered masks."""
    latent_motion: LatentMotionConfig | None = None
    eta: float = 0.0
    steps_offset: int | None = None
    """DDIM's offset of the timesteps; null takes the scheduler's own (Stable Diffusion: 1)."""
    chunk_size: int = 8
    """Frames that go through the networks at once: a matter of memory, never of the result."""

    def __post_init__(self) -> None:
        check_choice("sampler.anchor", self.anchor, ANCHORS)
        check_choice("sampler.layers", self.layers, LAYERS)
        for module in self.modules:
            check_choice("sampler.modules", module, ("unet", "controlnet"))
        if not 0 <= self.start <= 1:
            raise ConfigError(f"sampler.start={self.start} must lie between 0 (from the first step) and 1 (never)")
        if self.first_layer is not None:
            at_least("sampler.first_layer", self.first_layer, 0)
        if self.masked and (self.anchor != "first" or self.union):
            raise ConfigError(
                "sampler.masked=true goes with sampler.anchor=first and sampler.union=false only: the masks part the "
                "first frame's keys"
            )
        if not 0 <= self.eta <= 1:
            raise ConfigError(f"sampler.eta={self.eta} must lie between 0 (deterministic) and 1")
        if self.steps_offset is not None and self.steps_offset not in (0, 1):
            raise ConfigError(f"sampler.steps_offset={self.steps_offset} must be 0, 1 or null")
        at_least("sampler.chunk_size", self.chunk_size, 1)


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
            raise ConfigError(f"noise.texels={self.texels} must lie between 1 and 256")


@dataclass
class BackgroundConfig(StepGate):
    """Whether background latents are kept from frame 0, outside the figures of both frames."""

    def __post_init__(self) -> None:
        self.check("background")


@dataclass
class SlaConfig(StepGate):
    """Spatial Latent Alignment (Eq. 6)."""

    blend: float = 1.0
    """Share of the reference's latent in the aligned one; the paper's is 1."""

    def __post_init__(self) -> None:
        self.check("sla")
        if not 0 < self.blend <= 1:
            raise ConfigError(f"sla.blend={self.blend} must be above 0 and at most 1, or use sla=none")


GRADIENTS = ("direct", "official_uncond", "full")
"""How the gradient of the guidance loss reaches x_t; see ``diffusion/pwg_gradient.py``."""


@dataclass
class PwgConfig(StepGate):
    """Pixel-Wise Guidance (Eq. 7 and 8)."""

    gradient: str = "direct"
    loss: str = "mean"
    """mean: over the matched values, of (25 d)^2, as the released code; sum: of d^2, Eq. 7 as written. d in 0 to 1."""
    delta: float = 0.01
    size: int = 256
    chunk_size: int = 1
    """Frames that are differentiated through the UNet at once: a matter of memory, never of the result."""
    checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: less memory, more time, same result."""

    def __post_init__(self) -> None:
        self.check("pwg")
        check_choice("pwg.gradient", self.gradient, GRADIENTS)
        check_choice("pwg.loss", self.loss, ("mean", "sum"))
        at_least("pwg.delta", self.delta, 0)
        at_least("pwg.size", self.size, 16)
        at_least("pwg.chunk_size", self.chunk_size, 1)


CONTROLS = ("depth", "normal", "pose", "canny")
"""Pictures that can be drawn from the render for a ControlNet or a T2I-Adapter."""


@dataclass
class NetConfig:
    """One network that steers the figure, and the picture that it takes in."""

    kind: str = "depth"
    model: str | None = None
    """A folder, ``asset:NAME`` or a hub id; null is the setup's own depth ControlNet."""
    revision: str | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_choice("conditioner.nets[].kind", self.kind, CONTROLS)
        at_least("conditioner.nets[].scale", self.scale, 0)


CONDITIONERS = ("controlnet", "multi_controlnet", "t2i_adapter", "none")


@dataclass
class ConditionerConfig:
    """What steers the figure: networks, their pictures, and how strongly they act."""

    name: str = MISSING
    scale: float = 1.0
    """Of all networks together, on top of their own."""
    nets: list[NetConfig] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_choice("conditioner", self.name, CONDITIONERS)
        at_least("conditioner.scale", self.scale, 0)
        if (self.name == "none") != (not self.nets):
            raise ConfigError(
                f"conditioner={self.name} has {len(self.nets)} networks in conditioner.nets: "
                "none has no network, every other has at least one"
            )
        if self.name in ("controlnet", "t2i_adapter") and len(self.nets) != 1:
            raise ConfigError(
                f"conditioner={self.name} takes one network in conditioner.nets, got {len(self.nets)}; "
                "use conditioner=multi_controlnet for several"
            )
