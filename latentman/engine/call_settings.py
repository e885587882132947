"""The arguments of a call from Python, written as the settings of a command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentman.engine.overrides import quote
from latentman.errors import ConfigError, nearest
from latentman.system.paths import user_path

MAX_SEED = 2**32

SD_BLOCKS = 4
"""Resolutions of the VAE of Stable Diffusion; the embedded model's has fewer."""


def setting(key: str, value: Any) -> list[str]:
    """Return the setting of one key, or nothing for None."""
    return [] if value is None else [f"{key}={value}"]


def toggle(key: str, value: bool | Mapping[str, Any] | None) -> list[str]:
    """Return the settings of ``sla=`` or ``pwg=``."""
    if value is None:
        return []
    if isinstance(value, bool):
        return [f"{key}={'full' if value else 'none'}"]
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key}={value!r} must be True, False or its settings, such as {{'window': [0, 0.4]}}")
    return [f"{key}=full", *(f"{key}.{name}={_value(item)}" for name, item in value.items())]


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_value, value))}]"
    return str(value)


def motion_settings(motion: str | Path) -> list[str]:
    """Return the settings of ``motion=``: a source by its name, or a file."""
    from latentman.motion.build import SOURCES

    if str(motion) in SOURCES and not isinstance(motion, Path):
        return [f"motion={motion}"]
    if not user_path(motion).is_file():
        known = ", ".join(SOURCES)
        raise ConfigError(
            f"motion={str(motion)!r} is neither a motion source nor a file{nearest(str(motion), SOURCES)}\n"
            f"sources: {known}"
        )
    return ["motion=clip", f"motion.file={quote(str(motion))}"]


def seed_of(generator: Any) -> int:
    """Return the seed that a generator stands for."""
    if isinstance(generator, list | tuple):
        raise ConfigError("generator is a list, but one call makes one video from one seed: give one generator")
    if hasattr(generator, "initial_seed"):
        if generator.device.type != "cpu":
            raise ConfigError("generator is on another device: noise is drawn on the CPU, so give a CPU generator")
        seed = int(generator.initial_seed())
    else:
        seed = generator
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < MAX_SEED:
        raise ConfigError(f"generator={generator!r} must be a seed from 0 to 2**32 - 1, or a generator seeded with one")
    return seed


def setup_of(model: str) -> str:
    """Return the setup that fits a model, by the configurations of its UNet and its VAE."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from latentman.networks.sources import attempt, find_source

    source = find_source("model", model, None)
    if source.path is not None and source.path.is_file():
        raise ConfigError(
            f'{model} is a single file, which does not say which family it belongs to: add setup="sd15" or setup="sdxl"'
        )
    unet = attempt("unet", UNet2DConditionModel.load_config, source.part("unet"))
    if unet.get("addition_embed_type") == "text_time":
        return "sdxl"
    vae = attempt("vae", AutoencoderKL.load_config, source.part("vae"))
    return "mini" if len(vae["block_out_channels"]) < SD_BLOCKS else "sd15"
