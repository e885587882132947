"""What the networks of a setup are, read from their configurations alone, and whether they fit each other.

A family is recognised by what its UNet reads, never by a name: SDXL's takes two texts, a pooled one and sizes
(``addition_embed_type: text_time``); Stable Diffusion 1.5's takes one text. Transformers are recognised by their class,
and checked in ``joint_architecture.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentman.config import SetupConfig
from latentman.errors import ConfigError, WeightsError
from latentman.networks.families import SD15, Family, family_of_folder, family_of_transformer, family_of_unet
from latentman.networks.joint_architecture import check_joint
from latentman.networks.sources import Source, attempt
from latentman.system.hub import snapshot_of


@dataclass(frozen=True)
class Net:
    """One network of ``conditioner.nets``: what it is called in messages, and where it is."""

    name: str
    source: Source


@dataclass(frozen=True)
class Architecture:
    """Configurations of the networks, as their libraries read them; ``nets`` are those that steer the figure.

    ``unet`` is the one that predicts, in some families a transformer; ``t5`` is its third kind of text, if any.
    """

    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    text: Any
    text_2: Any
    nets: tuple[tuple[Net, Mapping[str, Any]], ...]
    has_adapter: bool
    family: Family = SD15
    t5: Any = None

    @property
    def vae_factor(self) -> int:
        """Pixels per latent cell."""
        return 2 ** (len(self.vae["block_out_channels"]) - 1)


def read_architecture(model: Source, *, has_adapter: bool, t5: bool = True) -> Architecture:
    """Read the configurations of a model's networks; of a hub's model, this fetches some kilobytes.

    Args:
        model: the folder or hub id.
        has_adapter: whether a T2I-Adapter steers the figure.
        t5: whether T5 is read, where the family has one.

    Raises:
        WeightsError: if one cannot be read, or it is of no supported family.
    """
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, T5Config

    family = family_of(model)
    unet = attempt(family.predictor, UNet2DConditionModel.load_config, model.part(family.predictor))

    def text(part: str, kind: Any = CLIPTextConfig) -> Any:
        return attempt(part.replace("_", " "), kind.from_pretrained, model.part(part))

    return Architecture(
        unet=unet,
        vae=attempt("vae", AutoencoderKL.load_config, model.part("vae")),
        scheduler=attempt("scheduler", DDIMScheduler.load_config, model.part("scheduler")),
        text=text("text_encoder"),
        text_2=text("text_encoder_2") if len(family.clip) > 1 else None,
        nets=(),
        has_adapter=has_adapter,
        family=family,
        t5=text(family.t5[0], T5Config) if family.t5 is not None and t5 else None,
    )


def family_of(model: Source) -> Family:
    """Return the family of a model; of a hub's, this fetches one or two small files.

    Raises:
        WeightsError: if no configuration can be read, or it is of no supported family.
    """
    from diffusers import UNet2DConditionModel
    from huggingface_hub.errors import LocalEntryNotFoundError

    if isinstance(model.location, Path):
        return family_of_folder(model.location)
    load = UNet2DConditionModel.load_config
    snapshot = snapshot_of(model.location, model.revision)
    if snapshot is not None and (snapshot / "transformer" / "config.json").is_file():
        return family_of_folder(snapshot)
    try:
        unet = attempt("unet", load, model.part("unet"))
    except WeightsError as missing:
        cause = missing.__cause__
        # Where the hub is not reached, another file will not be either.
        if cause is not None and isinstance(cause.__context__, LocalEntryNotFoundError):
            raise
        try:
            config = attempt("transformer", load, model.part("transformer"))
        except WeightsError:
            raise missing from missing.__cause__
        return family_of_transformer(config)
    return family_of_unet(unet)


def read_nets(nets: Iterable[Net], *, has_adapter: bool) -> tuple[tuple[Net, Mapping[str, Any]], ...]:
    """Read the configurations of the networks that steer the figure, in order, for ``Architecture.nets``.

    Raises:
        WeightsError: if one cannot be read.
    """
    from diffusers import ControlNetModel, T2IAdapter

    cls = T2IAdapter if has_adapter else ControlNetModel
    return tuple((net, attempt(net.name, cls.load_config, net.source)) for net in nets)


def check_architecture(found: Architecture, setup: SetupConfig) -> None:
    """Refuse networks that do not fit each other or the setup's sizes.

    Raises:
        WeightsError: naming the two numbers that should be the same.
        ConfigError: if image_size or latent_size are not those of these networks.
    """
    if found.family.is_joint:
        check_joint(found, setup)
        return
    _check_channels(found)
    _check_text(found)
    _check_sizes(found, setup)
    check: Callable[[Net, Mapping[str, Any], Architecture], None] = (
        _check_adapter if found.has_adapter else _check_controlnet
    )
    for net, config in found.nets:
        check(net, config, found)


def _check_channels(found: Architecture) -> None:
    channels, latent = found.unet.get("in_channels", 4), found.vae.get("latent_channels", 4)
    if channels != latent:
        raise WeightsError(
            f"setup.model: the unet takes {channels} channels in, but its vae's latents have {latent}; an inpainting "
            "or depth-to-image model also reads a masked picture, and cannot be used here: take the plain one"
        )
    kind = found.unet.get("addition_embed_type")
    if kind not in (None, "text_time"):
        raise WeightsError(
            f"setup.model: the unet reads addition_embed_type={kind}; Stable Diffusion 1.x (none) and SDXL (text_time) "
            "are supported"
        )

    predicted = found.scheduler.get("prediction_type", "epsilon")
    if predicted != "epsilon":
        raise WeightsError(
            f"setup.model: the unet predicts {predicted}, by its scheduler's configuration; only models that "
            "predict the noise (epsilon), as Stable Diffusion 1.x and SDXL do, are supported"
        )


def _check_text(found: Architecture) -> None:
    widths = [text.hidden_size for text in (found.text, found.text_2) if text is not None]
    asked = found.unet.get("cross_attention_dim")
    if asked != sum(widths):
        raise WeightsError(
            f"setup.model: the unet attends to texts {asked} wide, but its text encoder gives "
            f"{' + '.join(map(str, widths))}; the two belong to different models"
        )
    if found.text_2 is None:
        return
    added, asked = 6 * found.unet["addition_time_embed_dim"], found.unet["projection_class_embeddings_input_dim"]
    if asked != added + found.text_2.projection_dim:
        raise WeightsError(
            f"setup.model: the unet takes {asked} added values, but its second text encoder and six sizes make "
            f"{found.text_2.projection_dim} + {added}; the two belong to different models"
        )


def _check_sizes(found: Architecture, setup: SetupConfig) -> None:
    if setup.image_size % found.vae_factor:
        raise ConfigError(
            f"setup.image_size={setup.image_size} does not divide into latent cells of {found.vae_factor} pixels"
        )
    expected = setup.image_size // found.vae_factor
    if setup.latent_size != expected:
        raise ConfigError(
            f"setup.latent_size={setup.latent_size}, but pictures of {setup.image_size} pixels have "
            f"{expected}x{expected} latents in this VAE; set setup.latent_size={expected}"
        )
    halvings = 2 ** (len(found.unet["block_out_channels"]) - 1)
    if expected % halvings:
        step = halvings * found.vae_factor
        raise ConfigError(
            f"setup.image_size={setup.image_size}: this unet halves its latents {halvings.bit_length() - 1} times, so "
            f"the size must be a multiple of {step}, such as {max(1, round(setup.image_size / step)) * step}"
        )


def _check_controlnet(net: Net, config: Mapping[str, Any], found: Architecture) -> None:
    for key in ("cross_attention_dim", "block_out_channels", "in_channels", "addition_embed_type"):
        theirs, ours = config.get(key), found.unet.get(key)
        if key != "addition_embed_type" and theirs is None:
            continue
        if _plain(theirs) != _plain(ours):
            raise WeightsError(
                f"{net.source.key}: the {net.name} in {net.source.location} is of another family than the unet: its "
                f"{key} is {_plain(theirs)}, the unet's {_plain(ours)}; take one that was made for this model"
            )


def _check_adapter(net: Net, config: Mapping[str, Any], found: Architecture) -> None:
    blocks = list(found.unet["block_out_channels"])
    channels = list(config.get("channels", []))
    # The unet of SDXL adds the first features after its first halving.
    first = found.unet.get("down_block_types", ("CrossAttn",))[0]
    factor = found.vae_factor * (1 if "CrossAttn" in first else 2)
    for key, theirs, ours in (
        ("channels", channels[: len(blocks)], blocks),
        ("downscale_factor", config.get("downscale_factor", 8), factor),
    ):
        if theirs != ours:
            raise WeightsError(
                f"{net.source.key}: the {net.name} in {net.source.location} is of another family than the unet: its "
                f"{key} is {theirs}, this unet needs {ours}; take one that was made for this model"
            )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value
