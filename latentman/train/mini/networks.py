"""The networks of the embedded model in the layout of diffusers: creating them, and reading them from a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from latentman.errors import ConfigError, WeightsError
from latentman.train.mini.settings import MiniTraining

TIMESTEPS, BETA_START, BETA_END = 1000, 0.00085, 0.012

DIFFUSION = {
    "num_train_timesteps": TIMESTEPS,
    "beta_start": BETA_START,
    "beta_end": BETA_END,
    "beta_schedule": "scaled_linear",
}
"""The noise schedule of Stable Diffusion."""

_CONTROL_START = 0.01
"""Standard deviation of the initial weights of a ControlNet's outputs. Published ones start at zero, so that nothing
changes at first; in a short training, a small initial value saves the many steps without effect."""

COMPONENTS = ("vae", "text_encoder", "unet", "controlnet")
"""The folders of the networks in a finished model."""


@dataclass(frozen=True)
class Networks:
    """A complete model, frozen, in single precision."""

    vae: Any
    text_encoder: Any
    tokenizer: Any
    unet: Any
    controlnet: Any
    """None if the folder has none."""

    @property
    def device(self) -> torch.device:
        """The torch device of the model."""
        return next(self.unet.parameters()).device


def new_vae(settings: MiniTraining) -> Any:
    """Return a VAE with new weights."""
    from diffusers import AutoencoderKL

    sizes = settings.networks
    levels = len(sizes.vae_channels)
    return _made(
        "VAE",
        AutoencoderKL,
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=tuple(sizes.vae_channels),
        layers_per_block=sizes.vae_layers,
        latent_channels=4,
        norm_num_groups=sizes.vae_groups,
        sample_size=settings.scenes.size,
        mid_block_add_attention=False,
    )


def new_tiny_decoder(settings: MiniTraining) -> Any:
    """Return a tiny autoencoder with new weights, for the latents of a VAE; its encoder is a linear map."""
    from diffusers import AutoencoderTiny

    width, blocks = settings.decoder.width, tuple(settings.decoder.blocks)
    levels = len(blocks)
    return _made(
        "tiny decoder",
        AutoencoderTiny,
        encoder_block_out_channels=(8,) * levels,
        decoder_block_out_channels=(width,) * levels,
        num_encoder_blocks=(0,) * levels,
        num_decoder_blocks=blocks,
        latent_channels=4,
    )


def new_unet(settings: MiniTraining) -> Any:
    """Return a UNet with new weights."""
    from diffusers import UNet2DConditionModel

    sizes = settings.networks
    return _made(
        "UNet",
        UNet2DConditionModel,
        sample_size=settings.latent_size,
        in_channels=4,
        out_channels=4,
        block_out_channels=tuple(sizes.unet_channels),
        layers_per_block=sizes.unet_layers,
        down_block_types=tuple(sizes.down_blocks),
        up_block_types=tuple(sizes.up_blocks),
        cross_attention_dim=sizes.text_width,
        attention_head_dim=sizes.unet_heads,  # diffusers uses that name for the number of heads
        norm_num_groups=sizes.unet_groups,
    )


def new_text_encoder(settings: MiniTraining, tokenizer: Any) -> Any:
    """Return a CLIP text encoder with new weights for a tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    sizes = settings.networks
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=sizes.text_width,
            intermediate_size=4 * sizes.text_width,
            num_hidden_layers=sizes.text_layers,
            num_attention_heads=sizes.text_heads,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=sizes.text_width,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def new_controlnet(settings: MiniTraining, unet: Any) -> Any:
    """Return a ControlNet that starts as a copy of the encoder of ``unet``, with almost no effect."""
    from diffusers import ControlNetModel

    channels = tuple(settings.networks.control_channels)
    made = _made("ControlNet", ControlNetModel.from_unet, unet=unet, conditioning_embedding_out_channels=channels)
    generator = torch.Generator().manual_seed(settings.seed)
    ends = [*made.controlnet_down_blocks, made.controlnet_mid_block, made.controlnet_cond_embedding.conv_out]
    for end in ends:
        drawn = torch.randn(end.weight.shape, generator=generator)
        end.weight.data.copy_(_CONTROL_START * drawn)
    return made


def _made(what: str, make: Callable[..., Any], **sizes: Any) -> Any:
    """Create a network, and convert the library's errors about wrong sizes to a message about the settings.

    Raises:
        ConfigError: if the sizes are invalid for a network.
    """
    try:
        return make(**sizes)
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError, IndexError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(f"the settings networks.* do not define a valid {what}: {reason}") from error


def new_scheduler() -> Any:
    """Return the DDIM scheduler for sampling a finished model."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(**DIFFUSION, clip_sample=False, set_alpha_to_one=False, steps_offset=1)


def load_network(folder: Path, component: str, device: torch.device | str) -> Any:
    """Read one network of a finished model, frozen, in single precision.

    Raises:
        WeightsError: if it is missing or damaged.
    """
    from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
    from transformers import CLIPTextModel

    kinds = {
        "vae": AutoencoderKL,
        "unet": UNet2DConditionModel,
        "controlnet": ControlNetModel,
        "text_encoder": CLIPTextModel,
    }
    place = folder / component
    if not (place / "config.json").is_file():
        raise WeightsError(f"{place} is not a network: there is no config.json; give the folder of a finished model")
    try:
        network = kinds[component].from_pretrained(
            place, torch_dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise WeightsError(f"{place} cannot be read: {str(error).splitlines()[0]}") from error
    return network.to(device).eval().requires_grad_(False)


def load_tokenizer(folder: Path) -> Any:
    """Read the tokenizer of a finished model.

    Raises:
        WeightsError: if it is missing or damaged.
    """
    from transformers import CLIPTokenizer

    place = folder / "tokenizer"
    try:
        return CLIPTokenizer.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{place} is not a tokenizer: {str(error).splitlines()[0]}") from error


def load_networks(folder: Path, device: torch.device | str) -> Networks:
    """Read a finished model.

    Raises:
        WeightsError: if a part of it is missing or damaged.
    """
    with_control = (folder / "controlnet" / "config.json").is_file()
    return Networks(
        vae=load_network(folder, "vae", device),
        text_encoder=load_network(folder, "text_encoder", device),
        tokenizer=load_tokenizer(folder),
        unet=load_network(folder, "unet", device),
        controlnet=load_network(folder, "controlnet", device) if with_control else None,
    )
