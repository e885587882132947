"""What ``latentman bench denoise`` runs: networks of a model's size, and inputs for them.

Weights play no part in what a step costs, so those of Stable Diffusion are random and made in memory; the embedded
model comes with its own. The clip is a stand-in as well: a box that walks one cell a frame, of the size of a figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentman.config import ConditionerConfig, NetConfig
from latentman.diffusion.conditioning import build_control
from latentman.diffusion.denoise import Frames
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.text import Text, encode_prompt
from latentman.engine.compose import compose
from latentman.networks.backbone import Backbone
from latentman.networks.load import load_backbone
from latentman.networks.resolved import resolve_setup
from latentman.system.device import DTYPES
from latentman.types import Correspondence

GUIDANCE_GRID = 256
"""Cells along an axis of the guidance map: the paper's."""

_FIGURE = (0.7, 0.2)
"""Height and width of the figure in the picture: 9200 matches of a frame on a grid of 256."""

_TOKENS = 77
_TRAINED_STEPS = 1000
_ONE_CONTROLNET = ConditionerConfig(name="controlnet", nets=[NetConfig()])


@dataclass(frozen=True)
class Architecture:
    """A model's networks by their configurations, pixels along a picture, and strength of the text's guidance."""

    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    image_size: int
    guidance_scale: float
    stem: tuple[int, ...] = (16, 32, 96, 256)
    """Channels of the ControlNet's stem: the last one's resolution is that of the latents."""


def _vae(channels: tuple[int, ...], scaling: float, **options: Any) -> Mapping[str, Any]:
    blocks = len(channels)
    return MappingProxyType({
        "block_out_channels": channels,
        "down_block_types": ("DownEncoderBlock2D",) * blocks,
        "up_block_types": ("UpDecoderBlock2D",) * blocks,
        "layers_per_block": 2,
        "scaling_factor": scaling,
        **options,
    })  # fmt: skip


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType({
    "sd15": Architecture(
        unet=MappingProxyType({
            "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8,
            "block_out_channels": (320, 640, 1280, 1280),
        }),
        vae=_vae((128, 256, 512, 512), 0.18215),
        image_size=512,
        guidance_scale=9.0,
    ),
    "sdxl": Architecture(
        unet=MappingProxyType({
            "sample_size": 128, "cross_attention_dim": 2048, "attention_head_dim": (5, 10, 20),
            "block_out_channels": (320, 640, 1280),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 2, 10), "use_linear_projection": True,
            "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 1280 + 6 * 256,
        }),
        vae=_vae((128, 256, 512, 512), 0.13025),
        image_size=1024,
        guidance_scale=9.0,
    ),
    "tiny": Architecture(
        unet=MappingProxyType({
            "sample_size": 8, "cross_attention_dim": 16, "attention_head_dim": 2, "block_out_channels": (8, 16),
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), "layers_per_block": 1, "norm_num_groups": 4,
        }),
        vae=_vae((8, 8), 0.18215, norm_num_groups=4, layers_per_block=1),
        image_size=16,
        guidance_scale=5.0,
        stem=(4, 8),
    ),
})  # fmt: skip
"""Stable Diffusion 1.5 and XL, and a model that takes a second, for trying the command."""

MODELS = ("mini", *ARCHITECTURES)


@dataclass(frozen=True)
class Subject:
    """Networks and a clip: ``pictures`` (T, 3, H, W) are the control pictures, in the networks' precision.

    Only the released route reads them at every step; ours has taken them in.
    """

    backbone: Backbone
    clip: Frames
    pictures: Tensor
    guidance_scale: float
    pwg_strength: float

    @property
    def frames(self) -> int:
        """T."""
        return len(self.clip.noise)

    @property
    def image_size(self) -> int:
        """Pixels along a picture."""
        return int(self.clip.noise.shape[-1]) * self.backbone.vae_scale_factor

    def without_pictures(self) -> Subject:
        """Return the evidence that only our route needs."""
        return replace(self, pictures=self.pictures.new_empty(0))

    def input_bytes(self) -> int:
        """Return the bytes of what grows with the clip while the loop runs: latents and the stem's features."""
        features: tuple[Tensor, ...] = getattr(self.clip.control, "features", ())
        return sum(x.nbytes for x in (self.clip.noise, *features))


def make_networks(architecture: Architecture, device: torch.device, dtype: torch.dtype) -> Backbone:
    """Return networks with random weights, as :func:`load_backbone` returns loaded ones; they read no text.

    On the device ``meta`` they have shapes and no numbers.
    """
    from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.device(device):
        torch.manual_seed(0)
        unet = UNet2DConditionModel(**architecture.unet)
        controlnet = ControlNetModel.from_unet(
            unet, conditioning_embedding_out_channels=architecture.stem, load_weights_from_unet=False
        )
        vae = AutoencoderKL(**architecture.vae)
        # Layers that are initialised with zeros would contribute nothing.
        stem = controlnet.controlnet_cond_embedding
        for layer in (*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block, stem.conv_out):
            nn.init.normal_(layer.weight, std=0.01)
    controlnet.controlnet_cond_embedding = nn.Identity()
    for network in (unet, controlnet, vae, stem):
        network.eval().requires_grad_(False)
        nn.Module.to(network, dtype=dtype)  # diffusers' own method prints needless warnings
        network.to(memory_format=torch.channels_last)
    scheduler = DDIMScheduler(
        num_train_timesteps=_TRAINED_STEPS, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False,
    )  # fmt: skip
    return Backbone(unet, (controlnet,), (stem,), vae, None, None, scheduler, device, dtype)


def random_text(backbone: Backbone, image_size: int) -> Text:
    """Return random embeddings for networks that come without a text encoder."""
    config, generator = backbone.unet.config, torch.Generator().manual_seed(1)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(backbone.device, backbone.dtype)

    embeds = draw(2, _TOKENS, config.cross_attention_dim)
    if config.addition_embed_type != "text_time":
        return Text(embeds)
    pooled = draw(2, config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim)
    sizes = torch.tensor([[image_size, image_size, 0, 0, image_size, image_size]] * 2)
    return Text(embeds, pooled, sizes.to(backbone.device, backbone.dtype))


def walking_map(size: int, frames: int) -> Correspondence:
    """Return the map M of a box that walks one cell to the right in every frame, leaving and entering the picture."""
    height, width = (max(1, round(share * size)) for share in _FIGURE)
    rows, cols = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    nothing = np.zeros((0, 2), np.int32)

    def cells(frame: int) -> np.ndarray[Any, Any]:
        return np.stack([rows.ravel() + (size - height) // 2, (cols.ravel() + frame) % size], axis=1).astype(np.int32)

    pairs = ((nothing, nothing), *((cells(i), cells(i - 1)) for i in range(1, frames)))
    return Correspondence(pairs, size, "prev", np.zeros(frames), np.zeros(frames, np.int64))


def make_subject(
    model: str, *, frames: int, device: torch.device, dtype: str, image_size: int | None = None
) -> Subject:
    """Return the networks of a model and inputs for them.

    Args:
        model: one of :data:`MODELS`.
        frames: T.
        device: where they are put.
        dtype: of the networks: auto, float32, float16 or bfloat16.
        image_size: pixels along a picture; None takes the model's own. ``mini`` has its own only.

    Raises:
        WeightsError: if the embedded model is damaged.
    """
    if model == "mini":
        setup = replace(compose([]).setup_in_use, dtype=dtype)
        backbone = load_backbone(setup, _ONE_CONTROLNET, device)
        text = encode_prompt(backbone, "a red robot walks", "low quality, blurry", setup.guidance_scale)
        return _with_clip(backbone, text, frames, setup.image_size, setup.guidance_scale, setup.pwg_strength)
    architecture = ARCHITECTURES[model]
    chosen = DTYPES["float16" if device.type == "cuda" else "float32"] if dtype == "auto" else DTYPES[dtype]
    backbone = make_networks(architecture, device, chosen)
    size = image_size or architecture.image_size
    scale = architecture.guidance_scale
    return _with_clip(backbone, random_text(backbone, size), frames, size, scale, scale - 1)


def weights_of(model: str) -> dict[str, str]:
    """Return what identifies the weights of a model; nothing for random ones."""
    return resolve_setup(compose([]).setup_in_use, _ONE_CONTROLNET).digests if model == "mini" else {}


def _with_clip(backbone: Backbone, text: Text, frames: int, size: int, scale: float, strength: float) -> Subject:
    grid = size // backbone.vae_scale_factor
    pictures = _pictures((frames, size, size, 3), backbone.device)
    clip = Frames(
        text=text,
        control=build_control(backbone, _ONE_CONTROLNET, {"depth": pictures}, num_frames=frames, grid=(grid, grid)),
        noise=initial_noise("shared", (frames, backbone.latent_channels, grid, grid), seed=3),
        latent_map=walking_map(grid, frames),
        guidance_map=walking_map(min(GUIDANCE_GRID, size), frames),
    )
    if backbone.device.type == "meta":
        on_device = torch.empty((frames, 3, size, size), device=backbone.device, dtype=backbone.dtype)
    else:
        on_device = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(backbone.device, backbone.dtype).contiguous()
    return Subject(backbone, clip, on_device, scale, strength)


def _pictures(shape: tuple[int, ...], device: torch.device) -> NDArray[np.float32]:
    """Return random control pictures; where nothing has numbers, black ones that occupy no memory."""
    if device.type == "meta":
        return np.broadcast_to(np.float32(0), shape)
    return np.random.default_rng(2).random(shape, dtype=np.float32)
