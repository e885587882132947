"""What ``schedule=flow``, the transformers of Stable Diffusion 3 and FLUX.1, can be combined with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentman.errors import ConfigError

if TYPE_CHECKING:
    from latentman.config.schema import Config
    from latentman.config.setup import SetupConfig


def check_flow(config: Config) -> None:
    """Refuse settings that transformers do not have; nothing for other schedules.

    Raises:
        ConfigError: naming the first of them.
    """
    if config.schedule.name != "flow":
        return
    for setting, is_set, reason in _refused(config):
        if is_set:
            raise ConfigError(f"{setting} cannot be used with schedule=flow (setup=sd35, setup=flux): {reason}")


def _refused(config: Config) -> list[tuple[str, bool, str]]:
    """Return the settings that are refused: what to call it, whether it is set, and why, with what to do."""
    sampler = config.sampler
    on_tokens = [name for name in config.family.enabled if name != "latentwarp"]
    gradient = config.pwg.gradient if config.pwg.enabled else "direct"
    return [
        (
            "sampler=animatediff",
            sampler.is_animatediff,
            "its layers are for Stable Diffusion 1.5; use setup=sd15",
        ),
        (
            f"sampler={sampler.name}, whose sampler.layers={sampler.layers} and "
            f"sampler.first_layer={sampler.first_layer} choose layers of a UNet's decoder,",
            sampler.layers != "all" or sampler.first_layer is not None,
            "a transformer has none, and no layers are known that carry layout; use sampler=t2v_zero",
        ),
        (
            "sampler.masked=true",
            sampler.masked,
            "a transformer's layers attend to the text too, which is neither figure nor background; set it to false",
        ),
        (
            "sampler.latent_motion",
            sampler.latent_motion is not None,
            "it adds noise between two timesteps of DDIM; use sampler=t2v_zero",
        ),
        (
            f"{on_tokens[0] if on_tokens else ''}=full",
            bool(on_tokens),
            "it acts on the tokens of a UNet's self-attention; of the related methods use latentwarp",
        ),
        (
            f"pwg.gradient={gradient}",
            gradient == "official_uncond",
            "the released code's networks predict noise, not a velocity; use pwg.gradient=direct or full",
        ),
        *unet_only(config.setup, has_adapter=config.conditioner.name == "t2i_adapter"),
    ]


def unet_only(setup: SetupConfig, *, has_adapter: bool) -> list[tuple[str, bool, str]]:
    """Return the parts of a setup that only UNets have: what to call each, whether it is set, and why it is refused."""
    return [
        ("setup.loras", bool(setup.loras), "LoRAs are added to UNets alone here; leave them out"),
        ("setup.ip_adapter.image", setup.ip_adapter.image is not None, "IP-Adapters are for UNets; leave it out"),
        ("conditioner=t2i_adapter", has_adapter, "T2I-Adapters are for UNets; use controlnet"),
        (
            f"setup.model={setup.model}",
            setup.model.endswith(".safetensors"),
            "single files are read for UNets alone; name a folder in the layout of diffusers",
        ),
    ]
