"""The settings of ``latentman train motion``: a preset's YAML with overrides from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from latentman.config.value_messages import explained_value
from latentman.errors import ConfigError, check_choice, nearest
from latentman.files.opening import read_text
from latentman.files.yaml_file import read_yaml

PRESETS = Path(__file__).parent / "presets"


@dataclass
class MotionTraining:
    """The settings of a training run."""

    data: str
    """Folder of captioned motions; "procedural" trains only on procedural clips."""
    out: str
    """Folder of the checkpoint, the log and the finished model; an unfinished run in it is continued."""
    frames: int
    latent_dim: int
    layers: int
    ff_size: int
    num_heads: int
    diffusion_steps: int
    batch: int
    steps: int
    learning_rate: float
    warmup: int
    ema: float
    weight_decay: float
    condition_drop: float
    word_drop: float
    high_noise_share: float
    """Share of a batch drawn from the noisiest fifth of the steps, where the text determines the motion."""
    velocity_weight: float
    """Weight of the loss on frame-to-frame changes of the joints."""
    text_steps: int
    """Steps in which the text encoder learns to distinguish the categories, before motion training."""
    procedural_clips: int
    """Clips of each order that the procedural source contributes."""
    procedural_share: float
    balance: float
    precision: str
    log_every: int
    save_every: int
    seed: int = 0
    minutes: float | None = None
    """Stop and save after this time; the same command continues later."""
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        check_choice("precision", self.precision, ("float32", "bfloat16"))
        counts = ("latent_dim", "layers", "ff_size", "num_heads", "batch", "steps", "log_every", "save_every")
        for name in (*counts, "procedural_clips"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be 1 or more")
        for name in ("ema", "condition_drop", "word_drop", "high_noise_share", "procedural_share", "balance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be between 0 and 1")
        if not 8 <= self.frames <= 196:
            raise ConfigError(f"frames={self.frames} must be between 8 and 196")
        if self.diffusion_steps < 5:
            raise ConfigError(f"diffusion_steps={self.diffusion_steps} must be 5 or more")
        if self.latent_dim % (2 * self.num_heads):
            raise ConfigError(f"latent_dim={self.latent_dim} must be a multiple of 2 * num_heads={2 * self.num_heads}")
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate={self.learning_rate} must be above 0")


def presets() -> dict[str, str]:
    """Return every preset with its purpose, the first line of its file."""
    return {path.stem: read_text(path).splitlines()[0].lstrip("# ") for path in sorted(PRESETS.glob("*.yaml"))}


def parse_settings(arguments: Sequence[str]) -> MotionTraining:
    """Return the settings from ``KEY=VALUE`` arguments and ``preset=NAME`` (default cpu).

    Raises:
        ConfigError: for an unknown key or preset, a value of the wrong type, or an invalid value.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    pairs = [argument.partition("=")[::2] for argument in arguments]
    known = [field.name for field in fields(MotionTraining)]
    for (key, _), argument in zip(pairs, arguments, strict=True):
        if "=" not in argument or key not in (*known, "preset"):
            raise ConfigError(
                f"latentman train motion: '{argument}' is not a setting{nearest(key, known)}\nsettings are KEY=VALUE "
                f"with one of: preset, {', '.join(known)}"
            )
    given = dict(pairs)
    name = given.pop("preset", "cpu")
    check_choice("preset", name, presets())
    for key in ("data", "out"):
        if not given.get(key):
            raise ConfigError(f"latentman train motion needs {key}=...: see latentman train motion --help")
    try:
        merged = OmegaConf.merge(
            OmegaConf.structured(MotionTraining),
            OmegaConf.create(read_yaml(PRESETS / f"{name}.yaml")),
            OmegaConf.from_dotlist([f"{key}={value}" for key, value in given.items() if key not in ("data", "out")]),
            {key: given[key] for key in ("data", "out")},
        )
        settings = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise ConfigError(f"latentman train motion: {explained_value(error)}") from error
    assert isinstance(settings, MotionTraining)
    return settings
