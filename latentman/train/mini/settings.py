"""The settings of ``latentman train vae`` and the other parts: a preset with overrides from the command line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from latentman.config.value_messages import explained_value
from latentman.errors import ConfigError, check_choice, nearest
from latentman.files.opening import read_text
from latentman.files.yaml_file import read_yaml
from latentman.train.scenes.scene_set import SceneSettings

PRESETS = Path(__file__).parent / "presets"


@dataclass
class Optimisation:
    """The optimisation of a part: AdamW, linear warm-up, cosine decay to 1/50, and an average of the weights."""

    steps: int
    batch: int
    learning_rate: float
    warmup: int
    ema: float
    weight_decay: float
    log_every: int
    save_every: int
    picture_every: int

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "log_every", "save_every", "picture_every"):
            _at_least_one(name, getattr(self, name))
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate={self.learning_rate} must be above 0")
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema={self.ema} must be between 0 and 1")
        for name in ("warmup", "weight_decay"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)} must be 0 or more")


@dataclass
class VaeSettings(Optimisation):
    """The VAE's losses: absolute error, plus weights of the squared error, of its gradient, and of the prior."""

    mse_weight: float
    gradient_weight: float
    kl_weight: float


@dataclass
class DecoderSettings(Optimisation):
    """The tiny decoder, which learns the decoder of a VAE: its pictures and their gradients.

    ``model`` is the finished model from whose VAE it is distilled, or None for this training's own VAE. ``examples`` is
    the number of latents that it learns from, cut to ``crop`` cells. It has ``width`` channels, and ``blocks`` residual
    blocks before each doubling of the size and at the end. ``gradient_weight`` is the weight of the gradients' error.
    """

    model: str | None
    examples: int
    crop: int
    width: int
    blocks: list[int]
    gradient_weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("examples", "crop", "width"):
            _at_least_one(f"decoder.{name}", getattr(self, name))
        if self.gradient_weight < 0:
            raise ConfigError(f"decoder.gradient_weight={self.gradient_weight} must be 0 or more")


@dataclass
class DiffusionSettings(Optimisation):
    """Noise prediction: ``text_drop`` is the share of empty captions; ``snr_gamma`` limits the weight of low noise."""

    text_drop: float
    snr_gamma: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.text_drop <= 1:
            raise ConfigError(f"text_drop={self.text_drop} must be between 0 and 1")
        if not self.snr_gamma > 0:
            raise ConfigError(f"snr_gamma={self.snr_gamma} must be above 0")


@dataclass
class JudgeSettings(Optimisation):
    """The judges: networks with input of ``size`` x ``size`` pixels; ``width`` is that of the first layer."""

    size: int
    width: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size < 32 or self.size % 16:
            raise ConfigError(f"judges.size={self.size} must be a multiple of 16, and 32 or more")
        if self.width < 8 or self.width % 8:
            raise ConfigError(f"judges.width={self.width} must be a multiple of 8")


@dataclass
class EvaluationSettings:
    """The evaluation: ``prompts`` held-out prompts, ``pictures`` to reconstruct, and the sampling settings."""

    prompts: int
    pictures: int
    steps: int
    guidance_scale: float
    batch: int
    seed: int

    def __post_init__(self) -> None:
        for name in ("prompts", "pictures", "batch"):
            _at_least_one(name, getattr(self, name))
        if not 1 <= self.steps <= 1000:
            raise ConfigError(f"evaluation.steps={self.steps} must be between 1 and 1000")


@dataclass
class NetworkSettings:
    """The sizes of the networks, in the terms of diffusers and transformers."""

    vae_channels: list[int]
    vae_layers: int
    vae_groups: int
    unet_channels: list[int]
    unet_layers: int
    unet_groups: int
    unet_heads: int
    down_blocks: list[str]
    up_blocks: list[str]
    control_channels: list[int]
    text_width: int
    text_layers: int
    text_heads: int
    vocabulary: int

    def __post_init__(self) -> None:
        if not len(self.unet_channels) == len(self.down_blocks) == len(self.up_blocks):
            raise ConfigError(
                "networks.unet_channels, networks.down_blocks and networks.up_blocks must be equally long, "
                f"got {len(self.unet_channels)}, {len(self.down_blocks)} and {len(self.up_blocks)}"
            )
        if len(self.control_channels) != len(self.vae_channels):
            raise ConfigError(
                "networks.control_channels must be as long as networks.vae_channels, so that depth is reduced to the "
                f"size of the latents, got {len(self.control_channels)} and {len(self.vae_channels)}"
            )
        for name in (
            "vae_layers",
            "vae_groups",
            "unet_layers",
            "unet_groups",
            "unet_heads",
            "text_layers",
            "text_heads",
        ):
            _at_least_one(f"networks.{name}", getattr(self, name))
        if self.text_width < 1 or self.text_width % self.text_heads:
            raise ConfigError(
                f"networks.text_width={self.text_width} must be a multiple of networks.text_heads={self.text_heads}"
            )
        if any(channels % self.unet_heads for channels in self.unet_channels):
            raise ConfigError(
                f"networks.unet_channels={self.unet_channels} must be multiples of unet_heads={self.unet_heads}"
            )
        if self.vocabulary < 514:
            raise ConfigError(
                f"networks.vocabulary={self.vocabulary} must be 514 or more: every letter, inside and at the end of a "
                "word, and the start and end tokens"
            )


@dataclass
class MiniTraining:
    """All settings of a training."""

    out: str
    """The output folder; an unfinished training in it is continued."""
    preset: str
    scenes: SceneSettings
    networks: NetworkSettings
    judges: JudgeSettings
    vae: VaeSettings
    decoder: DecoderSettings
    t2i: DiffusionSettings
    controlnet: DiffusionSettings
    evaluation: EvaluationSettings
    precision: str
    compile: bool = False
    seed: int = 0
    minutes: float | None = None
    """Stop and save after this time; the same command continues later."""
    device: str = "auto"
    threads: int | None = None
    workers: int = 1
    """Number of processes that draw scenes in parallel."""
    models: dict[str, str] = field(default_factory=dict)
    """The models that ``evaluate`` compares, by name; by default the shipped model and this training's."""

    def __post_init__(self) -> None:
        check_choice("precision", self.precision, ("float32", "bfloat16"))
        if self.threads is not None:
            _at_least_one("threads", self.threads)
        _at_least_one("workers", self.workers)
        if self.minutes is not None and not self.minutes > 0:
            raise ConfigError(f"minutes={self.minutes} must be above 0")
        if len(self.decoder.blocks) != len(self.networks.vae_channels):
            raise ConfigError(
                f"decoder.blocks={self.decoder.blocks} must be as long as networks.vae_channels, so that the tiny "
                f"decoder enlarges as the VAE does, got {len(self.networks.vae_channels)} of these"
            )
        factor = 2 ** (len(self.networks.vae_channels) - 1)
        needed = factor * 2 ** (len(self.networks.unet_channels) - 1)
        if self.scenes.size % needed:
            raise ConfigError(
                f"scenes.size={self.scenes.size} must be a multiple of {needed} for these networks, which halve it "
                f"{needed.bit_length() - 1} times"
            )

    @property
    def folder(self) -> Path:
        """The folder ``out``."""
        return Path(self.out).expanduser()

    @property
    def latent_size(self) -> int:
        """Side of the latents, in samples."""
        return self.scenes.size // 2 ** (len(self.networks.vae_channels) - 1)


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ConfigError(f"{name}={value} must be 1 or more")


def presets() -> dict[str, str]:
    """Return every preset with its purpose, the first line of its file."""
    return {path.stem: read_text(path).splitlines()[0].lstrip("# ") for path in sorted(PRESETS.glob("*.yaml"))}


def known_keys(schema: Any = MiniTraining, before: str = "") -> list[str]:
    """Return every dotted key."""
    import typing

    hints = typing.get_type_hints(schema)
    keys: list[str] = []
    for one in fields(schema):
        kind = hints[one.name]
        keys += known_keys(kind, f"{before}{one.name}.") if is_dataclass(kind) else [before + one.name]
    return keys


def parse_settings(part: str, arguments: Sequence[str]) -> MiniTraining:
    """Return the settings from ``KEY=VALUE`` arguments and ``preset=NAME`` (default h100_30min).

    Args:
        part: the subcommand of ``latentman train``, for messages.
        arguments: the rest of the command line.

    Raises:
        ConfigError: for an unknown key or preset, a value of the wrong type, or an invalid value.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    known = known_keys()
    for argument in arguments:
        key = argument.partition("=")[0]
        if "=" not in argument or (key not in known and not key.startswith("models.")):
            raise ConfigError(
                f"latentman train {part}: '{argument}' is not a setting{nearest(key, known)}\nsettings are KEY=VALUE, "
                "with the keys of a preset: latentman train --help"
            )
    given = dict(argument.partition("=")[::2] for argument in arguments)
    name = given.pop("preset", "h100_30min")
    check_choice("preset", name, presets())
    if not given.get("out"):
        raise ConfigError(f"latentman train {part} needs out=...: the output folder")
    try:
        merged = OmegaConf.merge(
            OmegaConf.structured(MiniTraining),
            OmegaConf.create(read_yaml(PRESETS / f"{name}.yaml")),
            {"preset": name, "out": given.pop("out")},
            OmegaConf.from_dotlist([f"{key}={value}" for key, value in given.items()]),
        )
        settings = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise ConfigError(f"latentman train {part}: {explained_value(error)}") from error
    except ConfigError as error:
        # A part's own check does not know the part's prefix of its key.
        short, equals, rest = str(error).partition("=")
        whole = next((key for key in given if key.endswith(f".{short}")), short)
        raise ConfigError(f"{whole}{equals}{rest}") from error
    assert isinstance(settings, MiniTraining)
    return settings
