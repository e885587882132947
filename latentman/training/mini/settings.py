"""The settings of ``latentman train vae`` and its like: a preset with the command line on top."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from latentman.errors import ConfigError, RecordError, check_choice, nearest
from latentman.paths import write_json

if TYPE_CHECKING:
    from latentman.training.scene_set import SceneSettings

PRESETS = Path(__file__).parents[1] / "presets" / "mini"

RECORD = "training.json"
"""What the folder of a training remembers of its settings."""

OF_THE_MACHINE = ("out", "device", "threads", "minutes", "compile")
"""Settings that say nothing about the model: they may change between a training and its continuation."""

OF_THE_RECORD = ("log_every", "save_every", "picture_every", "pictures")
"""Settings of a part that say how often it is looked at, and nothing about the model."""


@dataclass
class SceneChoice:
    """The pictures that are learnt from; their size and seed are those of the whole training."""

    number: int
    shard: int
    recorded: str | None = None
    """Folder of motions made by ``latentman train prepare-bvh`` whose poses are drawn too."""

    def __post_init__(self) -> None:
        _at_least(1, self, "scenes", "number", "shard")


@dataclass
class NetworkSettings:
    """The sizes of the networks, in the words of diffusers and transformers."""

    vae_channels: list[int]
    vae_layers: int
    vae_groups: int
    unet_channels: list[int]
    unet_down: list[str]
    unet_up: list[str]
    unet_layers: int
    unet_heads: int
    unet_groups: int
    condition_channels: list[int]
    """Of the ControlNet's view of the depth picture: one more than the halvings between a picture and its latents."""
    text_width: int
    text_layers: int
    text_heads: int
    vocabulary: int
    """Tokens of the text encoder, at most."""
    latent_channels: int = 4

    def __post_init__(self) -> None:
        _at_least(1, self, "networks", "vae_layers", "vae_groups", "unet_layers", "unet_heads", "unet_groups")
        _at_least(1, self, "networks", "text_layers", "text_heads", "latent_channels", "text_width")
        _at_least(600, self, "networks", "vocabulary")
        for name, groups in (("vae_channels", self.vae_groups), ("unet_channels", self.unet_groups)):
            channels = getattr(self, name)
            if not channels or any(number < 1 or number % groups for number in channels):
                raise ConfigError(f"networks.{name}={channels} must be multiples of the number of groups, {groups}")
        if any(number % self.unet_heads for number in self.unet_channels):
            raise ConfigError(f"networks.unet_channels={self.unet_channels} must be multiples of {self.unet_heads=}")
        if self.text_width % self.text_heads:
            raise ConfigError(f"networks.text_width={self.text_width} must be a multiple of {self.text_heads=}")
        if not len(self.unet_channels) == len(self.unet_down) == len(self.unet_up):
            raise ConfigError("networks.unet_down and unet_up need one block for each of unet_channels")
        if len(self.condition_channels) != len(self.vae_channels):
            raise ConfigError(
                f"networks.condition_channels={self.condition_channels} needs {len(self.vae_channels)} numbers, one for "
                "each of vae_channels, so that the depth picture shrinks to the size of the latents"
            )

    @property
    def factor(self) -> int:
        """Pixels of a picture along one side of a latent."""
        return int(2 ** (len(self.vae_channels) - 1))


@dataclass
class PartSettings:
    """How one part learns."""

    steps: int
    batch: int
    learning_rate: float
    warmup: int
    ema: float
    """Decay of the moving average of the weights, which is what is kept in the end."""
    weight_decay: float = 0.01
    beta2: float = 0.99
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    last_rate: float = 0.01
    """The learning rate at the last step, as a share of the highest."""
    log_every: int = 50
    save_every: int = 500
    picture_every: int = 1000
    pictures: int = 8
    """Pictures on a validation sheet; 0 for none."""

    def __post_init__(self) -> None:
        name = type(self).__name__.removesuffix("Settings").lower()
        _at_least(1, self, name, "steps", "batch", "log_every", "save_every", "picture_every")
        _at_least(0, self, name, "warmup", "pictures", "weight_decay")
        _share(self, name, "ema", "beta2", "last_rate")
        for key in ("learning_rate", "clip"):
            if not getattr(self, key) > 0:
                raise ConfigError(f"{name}.{key}={getattr(self, key)} must be above 0")


@dataclass
class VaeSettings(PartSettings):
    """How the autoencoder learns: weights of the losses beside that of the mean absolute error, which is 1."""

    square_weight: float = 2.0
    gradient_weight: float = 1.0
    """Of the differences between neighbouring pixels, which keep edges sharp."""
    kl_weight: float = 2e-4


@dataclass
class T2ISettings(PartSettings):
    """How UNet and text encoder learn."""

    empty_text: float = 0.1
    """Share of pictures whose text is withheld, so that guidance has something to lead away from."""
    snr_limit: float = 5.0
    """Signal-to-noise ratio above which a noise level weighs no more (min-SNR)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _share(self, "t2i", "empty_text")


@dataclass
class ControlNetSettings(T2ISettings):
    """How the depth ControlNet learns, beside a UNet that no longer changes."""

    empty_text: float = 0.4


@dataclass
class JudgeSettings(PartSettings):
    """How the judges learn: networks that say what is seen on a picture."""

    size: int = 128
    """Pixels along one side of the picture that they are shown."""


@dataclass
class EvaluationSettings:
    """What a model is judged on."""

    prompts: int
    pictures: int
    """Pictures on which the autoencoder is measured."""
    steps: int = 20
    guidance_scale: float = 5.0
    batch: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        _at_least(1, self, "evaluation", "prompts", "pictures", "steps", "batch")


@dataclass
class MiniTraining:
    """What a training of the mini model is told."""

    out: str
    """Folder of everything that is made; what is unfinished in it goes on."""
    size: int
    """Pixels along one side of a picture."""
    scenes: SceneChoice
    networks: NetworkSettings
    vae: VaeSettings
    t2i: T2ISettings
    controlnet: ControlNetSettings
    judges: JudgeSettings
    evaluation: EvaluationSettings
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    minutes: float | None = None
    """Stop and save after this long; the same command goes on later."""
    compile: bool = False
    """Use torch.compile on CUDA."""

    def __post_init__(self) -> None:
        smallest = 8 * self.networks.factor
        if self.size < 32 or self.size % 32 or self.size % smallest:
            raise ConfigError(
                f"size={self.size} must be 32 pixels or more and a multiple of 32 and of {smallest}, so that the latents "
                "can be halved three times"
            )
        if self.threads is not None and self.threads < 1:
            raise ConfigError(f"threads={self.threads} must be 1 or more")
        if self.minutes is not None and self.minutes < 0:
            raise ConfigError(f"minutes={self.minutes} must be 0 or more")

    @property
    def folder(self) -> Path:
        """The folder of everything that is made."""
        return Path(self.out).expanduser().absolute()

    @property
    def scene_settings(self) -> SceneSettings:
        """The scene set that the parts learn from."""
        from latentman.training.scene_set import SceneSettings

        return SceneSettings(
            number=self.scenes.number,
            size=self.size,
            shard=self.scenes.shard,
            seed=self.seed,
            recorded=self.scenes.recorded,
        )

    def identity(self, *sections: str) -> dict[str, Any]:
        """Return what decides the outcome of a part, by dotted key: seed, pictures, and the sections named.

        Two trainings of a part with the same identity end in the same weights.
        """
        chosen = {"size": self.size, "seed": self.seed}
        for section in ("scenes", *sections):
            chosen |= {
                f"{section}.{key}": value
                for key, value in asdict(getattr(self, section)).items()
                if key not in OF_THE_RECORD
            }
        return chosen


def _at_least(least: float, settings: Any, section: str, *names: str) -> None:
    for name in names:
        if not getattr(settings, name) >= least:
            raise ConfigError(f"{section}.{name}={getattr(settings, name)} must be {least} or more")


def _share(settings: Any, section: str, *names: str) -> None:
    for name in names:
        if not 0 <= getattr(settings, name) <= 1:
            raise ConfigError(f"{section}.{name}={getattr(settings, name)} must lie between 0 and 1")


def presets() -> dict[str, str]:
    """Return every preset with its purpose, the first line of its file."""
    return {
        path.stem: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        for path in sorted(PRESETS.glob("*.yaml"))
    }


def parse_settings(arguments: Sequence[str]) -> MiniTraining:
    """Return the settings that ``KEY=VALUE`` arguments make.

    They start from ``preset=NAME``; without one, from what the folder ``out`` remembers of the command before.

    Raises:
        ConfigError: for an unknown key or preset, a value of the wrong type or one that cannot work, or if there is
            neither a preset nor a folder that remembers.
    """
    given = _pairs(arguments)
    if not given.get("out"):
        raise ConfigError("latentman train needs out=DIR, the folder of everything that is made")
    preset, out = given.pop("preset", None), given.pop("out")
    if preset is not None:
        check_choice("preset", preset, presets())
        start = PRESETS / f"{preset}.yaml"
    else:
        start = Path(out).expanduser() / RECORD
        if not start.is_file():
            raise ConfigError(
                f"latentman train: out={out} holds no training to go on with: name a preset, one of\n"
                + "\n".join(f"  preset={name}: {purpose}" for name, purpose in presets().items())
            )
    return _merged(start, given, out)


def _merged(start: Path, given: Mapping[str, str], out: str) -> MiniTraining:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        merged = OmegaConf.merge(
            OmegaConf.structured(MiniTraining),
            OmegaConf.load(start),
            OmegaConf.from_dotlist([f"{key}={value}" for key, value in given.items()]),
            {"out": out},
        )
        settings = OmegaConf.to_object(merged)
    except (OmegaConfBaseException, YAMLError, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        if start.name == RECORD:
            reason += f"; {start} is read where no preset is named: if it is damaged, name the preset"
        raise ConfigError(f"latentman train: {reason}") from error
    assert isinstance(settings, MiniTraining)
    return settings


def _pairs(arguments: Sequence[str]) -> dict[str, str]:
    known = ["preset", *_keys(MiniTraining)]
    given: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or key not in known:
            raise ConfigError(
                f"latentman train: '{argument}' is no setting{nearest(key, known)}\n"
                f"settings are KEY=VALUE; the presets in {PRESETS} show them all"
            )
        given[key] = value
    return given


def _keys(settings: type[Any], prefix: str = "") -> Iterator[str]:
    """Return every dotted key of a dataclass of settings."""
    kinds = get_type_hints(settings)
    for item in fields(settings):
        if is_dataclass(kinds[item.name]):
            yield from _keys(kinds[item.name], f"{prefix}{item.name}.")
        else:
            yield prefix + item.name


def remember(settings: MiniTraining) -> None:
    """Note in the folder what it is made with, so that the next command needs no preset.

    Raises:
        RecordError: if the folder cannot be written.
    """
    kept = {key: value for key, value in asdict(settings).items() if key not in OF_THE_MACHINE}
    try:
        write_json(settings.folder / RECORD, kept)
    except RecordError as error:
        reason = str(error).partition("; free some space")[0]
        raise RecordError(f"{reason}; free some space, or choose another folder with out=...") from error
