"""The groups for the weights that make the pictures, the texts, and what steers the figure."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from latentman.config.groups import at_least, settings_without
from latentman.errors import ConfigError, check_choice


@dataclass
class ReleasedConfig:
    """The released code's values for these weights; ``fidelity=official`` reads them here."""

    depth_encoding: str = "inverse"
    """``depth.encoding`` of the released code."""
    suffix: str = ""
    """``text.suffix`` of the released code."""
    negative: str = ""
    """``text.negative`` of the released code."""


@dataclass
class LoraConfig:
    """A low-rank change of the weights, added to them before the run."""

    path: str = MISSING
    """A ``.safetensors`` file, or a folder with ``pytorch_lora_weights.safetensors``."""
    scale: float = 1.0
    """Factor of its change to the weights."""


@dataclass
class IpAdapterConfig:
    """A picture that sets the look of the frames, in addition to the prompt (IP-Adapter)."""

    image: str | None = None
    """The picture's file; null means no picture, and no adapter is loaded."""
    scale: float = 1.0
    """Weight of the picture beside the prompt."""
    model: str | None = None
    """A folder or a hub id."""
    revision: str | None = None
    """Commit or branch of a hub id."""
    subfolder: str = ""
    """Folder of the weights inside the model."""
    weight_name: str = ""
    """File of the weights inside that folder."""
    image_encoder: str = "image_encoder"
    """Folder of the image encoder: inside ``subfolder``, or inside ``model`` if it has a slash."""

    def __post_init__(self) -> None:
        at_least("setup.ip_adapter.scale", self.scale, 0)
        if self.image is None:
            return
        if self.model is None:
            raise ConfigError(
                f"setup.ip_adapter.image={self.image}: this setup has no IP-Adapter of its own; name one in "
                "setup.ip_adapter.model, with its subfolder and weight_name"
            )
        if not self.weight_name.endswith(".safetensors"):
            raise ConfigError(
                f"setup.ip_adapter.weight_name='{self.weight_name}' is not a .safetensors file: pickled weights can "
                "run code and are not loaded"
            )


@dataclass
class SetupConfig:
    """The weights that make the pictures, and their size, strength and precision."""

    name: str = MISSING
    model: str = MISSING
    """A folder in the Stable Diffusion format, ``asset:NAME`` for one that ships with the package, a hub id, or one
    ``.safetensors`` file."""
    controlnet: str | None = None
    """The same for the depth ControlNet; null means the folder ``controlnet`` inside ``model``."""
    revision: str | None = None
    """Commit or branch of ``setup.model``, if it is a hub id."""
    controlnet_revision: str | None = None
    """The same for ``setup.controlnet``."""
    architecture: str | None = None
    """For a single file: the folder or hub id of its configurations and tokenizer. No weights are read from there."""
    architecture_revision: str | None = None
    """The same for ``setup.architecture``."""
    tiny_decoder: str | None = None
    """For ``pwg.decoder=tiny``: folder, ``asset:NAME`` or hub id of an AutoencoderTiny for the latents of ``model``."""
    tiny_decoder_revision: str | None = None
    """Commit or branch of ``setup.tiny_decoder``, if it is a hub id."""
    loras: list[LoraConfig] = field(default_factory=list)
    """Added to the weights in this order."""
    ip_adapter: IpAdapterConfig = field(default_factory=lambda: IpAdapterConfig())
    image_size: int = MISSING
    """Side of the frames in pixels."""
    latent_size: int = MISSING
    """Cells along each side of the latents: image_size divided by the VAE's factor."""
    t5: bool = True
    """Read the text with T5 too, where the model has one; Stable Diffusion 3 can do without, FLUX.1 cannot."""
    guidance_scale: float = MISSING
    """Weight of classifier-free guidance; 1 is off. A model that was distilled for guidance reads it as an input."""
    pwg_strength: float = MISSING
    """Factor of the gradient with ``pwg.gradient=direct``, in addition to ``pwg.delta``."""
    steps: dict[str, int] = field(default_factory=dict)
    """Denoising steps of each sampler."""
    released: ReleasedConfig = field(default_factory=lambda: ReleasedConfig())
    dtype: str = "float32"
    """Precision of the networks; auto: float16 on CUDA, bfloat16 on CPUs with it, else float32. Latents: float32."""
    offload: bool = False
    """Keep networks in the computer's memory and move each to the device only while it is needed."""
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
                f"setup.offload=true moves networks back and forth and cannot be combined with compiled networks "
                f"(setup.compile={self.compile}): set one of the two to its default"
            )

    def result(self) -> dict[str, object]:
        """Return the settings that the frames depend on; the tiny decoder's weights are recorded where it is used."""
        return settings_without(self, "tiny_decoder", "tiny_decoder_revision", *(("t5",) if self.t5 else ()))


@dataclass
class TextConfig:
    """What is added to the prompt, and the negative prompt."""

    suffix: str = ""
    """Appended to the prompt."""
    negative: str = ""
    """The negative prompt."""


CONTROLS = ("depth", "normal", "pose", "canny")
"""Kinds of pictures that are drawn from the render for a ControlNet or a T2I-Adapter."""


@dataclass
class NetConfig:
    """One network that steers the figure, and the picture that it reads."""

    kind: str = "depth"
    """The picture that it takes: depth, normal, pose or canny."""
    model: str | None = None
    """A folder, ``asset:NAME`` or a hub id; null is the setup's own depth ControlNet."""
    revision: str | None = None
    """Commit or branch of a hub id."""
    scale: float = 1.0
    """Factor of its residuals."""

    def __post_init__(self) -> None:
        check_choice("conditioner.nets[].kind", self.kind, CONTROLS)
        at_least("conditioner.nets[].scale", self.scale, 0)


CONDITIONERS = ("controlnet", "multi_controlnet", "t2i_adapter", "none")


@dataclass
class ConditionerConfig:
    """What steers the figure: networks, their pictures, and how strongly they act."""

    name: str = MISSING
    scale: float = 1.0
    """Scale of all networks together, multiplied with their own scales."""
    nets: list[NetConfig] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_choice("conditioner", self.name, CONDITIONERS)
        at_least("conditioner.scale", self.scale, 0)
        if (self.name == "none") != (not self.nets):
            raise ConfigError(
                f"conditioner={self.name} has {len(self.nets)} networks in conditioner.nets: "
                "conditioner=none takes no network, every other at least one"
            )
        if self.name in ("controlnet", "t2i_adapter") and len(self.nets) != 1:
            raise ConfigError(
                f"conditioner={self.name} takes one network in conditioner.nets, got {len(self.nets)}; "
                "use conditioner=multi_controlnet for several"
            )
