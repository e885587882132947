"""Whether the networks of a transformer's family (Stable Diffusion 3, FLUX.1) fit each other and the setup's sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from latentman.config import SetupConfig
from latentman.config.flow import unet_only
from latentman.errors import ConfigError, WeightsError
from latentman.networks.families import FLUX, SD3, Family

if TYPE_CHECKING:
    from latentman.networks.architecture import Architecture, Net

SCHEDULER = "FlowMatchEulerDiscreteScheduler"
CONTROLNETS = {SD3.name: ("SD3ControlNetModel", "ControlNetSD3Model"), FLUX.name: ("FluxControlNetModel",)}
"""The class of each family's ControlNets, and its earlier name."""

PACK = 2
"""Latent cells along each side of a token: Stable Diffusion 3's patches, and FLUX's packing."""

_SHAPES = (
    "in_channels", "attention_head_dim", "num_attention_heads", "pooled_projection_dim", "joint_attention_dim",
    "pos_embed_max_size",
)  # fmt: skip
"""What a ControlNet has in common with its transformer."""

_MAY_LACK = ("joint_attention_dim", "pos_embed_max_size")


def check_parts(setup: SetupConfig, family: Family, *, has_adapter: bool) -> None:
    """Refuse parts of a setup that its family does not have.

    Raises:
        ConfigError: naming the setting.
    """
    if family.t5 is None and not setup.t5:
        raise ConfigError(
            f"setup.t5=false has no effect on setup.model, which is {family.name} and has no T5: leave it out"
        )
    if not family.is_joint:
        return
    for setting, is_set, reason in unet_only(setup, has_adapter=has_adapter):
        if is_set:
            raise ConfigError(f"{setting} cannot be used with setup.model, which is {family.name}: {reason}")
    if family.needs_t5 and not setup.t5:
        raise ConfigError(
            f"setup.t5=false: {family.name} reads its text from T5 alone (of CLIP it takes one vector), so it cannot "
            "do without; set setup.t5=true"
        )


def check_joint(found: Architecture, setup: SetupConfig) -> None:
    """Refuse networks that do not fit each other or the setup's sizes.

    Raises:
        WeightsError: naming the two numbers that should be the same.
        ConfigError: if image_size or latent_size are not those of these networks.
    """
    _check_channels(found)
    _check_scheduler(found.scheduler)
    _check_text(found)
    _check_sizes(found, setup)
    for net, config in found.nets:
        _check_controlnet(net, config, found)


def _check_channels(found: Architecture) -> None:
    latent, packed = found.vae.get("latent_channels", 4), PACK**2 if found.family is FLUX else 1
    channels = found.unet.get("in_channels", 16)
    if channels != latent * packed:
        raise WeightsError(
            f"setup.model: the transformer takes {channels} channels in, but its vae's latents have {latent}"
            f"{f', packed {latent * packed}' if packed > 1 else ''}; a model for filling in, or with a depth or edge "
            "picture among its inputs, cannot be used here: take the plain one and a ControlNet"
        )


def _check_scheduler(config: Mapping[str, Any]) -> None:
    kind = config.get("_class_name")
    if kind != SCHEDULER:
        raise WeightsError(
            f"setup.model: its scheduler is a {kind}; a transformer that predicts a velocity needs a {SCHEDULER}"
        )
    for key in ("invert_sigmas", "stochastic_sampling"):
        if config.get(key):
            raise WeightsError(
                f"setup.model: its scheduler has {key}=true, which schedule=flow does not have; set it to false"
            )


def _check_text(found: Architecture) -> None:
    is_flux = found.family is FLUX
    widths = [found.text.hidden_size] if is_flux else [text.projection_dim for text in (found.text, found.text_2)]
    asked = found.unet["pooled_projection_dim"]
    if asked != sum(widths):
        raise WeightsError(
            f"setup.model: the transformer takes a pooled text {asked} wide, but CLIP gives "
            f"{' + '.join(map(str, widths))}; they belong to different models"
        )
    asked = found.unet["joint_attention_dim"]
    if found.t5 is not None and asked != found.t5.d_model:
        raise WeightsError(
            f"setup.model: the transformer attends to texts {asked} wide, but T5 gives {found.t5.d_model}; the two "
            "belong to different models"
        )
    wide = 0 if is_flux else found.text.hidden_size + found.text_2.hidden_size
    if wide > asked:
        raise WeightsError(
            f"setup.model: the transformer attends to texts {asked} wide, but CLIP gives {wide}; they belong to "
            "different models"
        )


def _check_sizes(found: Architecture, setup: SetupConfig) -> None:
    factor = found.vae_factor
    step = factor * PACK
    if setup.image_size % step:
        raise ConfigError(
            f"setup.image_size={setup.image_size}: a token of this transformer is {PACK}x{PACK} latent cells of "
            f"{factor} pixels, so the size must be a multiple of {step}, such as "
            f"{max(1, round(setup.image_size / step)) * step}"
        )
    expected = setup.image_size // factor
    if setup.latent_size != expected:
        raise ConfigError(
            f"setup.latent_size={setup.latent_size}, but pictures of {setup.image_size} pixels have "
            f"{expected}x{expected} latents in this VAE; set setup.latent_size={expected}"
        )
    longest = found.unet.get("pos_embed_max_size")
    if found.family is SD3 and longest is not None and expected // PACK > longest:
        raise ConfigError(
            f"setup.image_size={setup.image_size} is more than this transformer has positions for: at most "
            f"{longest * step} pixels"
        )


def _check_controlnet(net: Net, config: Mapping[str, Any], found: Architecture) -> None:
    where = f"{net.source.key}: the {net.name} in {net.source.location}"
    kind, asked = config.get("_class_name"), CONTROLNETS[found.family.name]
    if kind not in asked:
        raise WeightsError(
            f"{where} is of another family than the transformer: it is a {kind}, and {found.family.name} takes a "
            f"{asked[0]}; take one that was made for this model"
        )
    for key, value, meaning in (
        ("extra_conditioning_channels", 0, "a mask among its inputs"),
        ("num_mode", None, "several kinds of pictures at once (union)"),
        ("conditioning_embedding_channels", None, "pictures that the VAE has not encoded"),
    ):
        if config.get(key, value) not in (value, None):
            raise WeightsError(f"{where} has {key}={config[key]}: it reads {meaning}; take one for depth alone")
    for key in _SHAPES:
        theirs, ours = config.get(key), found.unet.get(key)
        # A ControlNet of Stable Diffusion 3.5 large reads no text, and has no positions of its own.
        if theirs != ours and not (key in _MAY_LACK and theirs is None):
            raise WeightsError(
                f"{where} is of another family than the transformer: its {key} is {theirs}, the transformer's {ours}; "
                "take one that was made for this model"
            )
