"""A checkpoint in one ``.safetensors`` file, as fine-tunes are passed around: weights under the first code's names.

The file holds weights alone. What they are weights of, and the tokenizer, comes from ``setup.architecture``: a folder
or hub id of the same family, of which configurations are read and no weights. Pickled checkpoints are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentman.errors import WeightsError
from latentman.files.opening import reason
from latentman.files.safetensors_file import read_tensors
from latentman.networks.architecture import Architecture
from latentman.networks.checkpoint import read_header
from latentman.networks.sources import Source, attempt

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXTS = ("cond_stage_model.", "conditioner.embedders.0.")
"""What a text encoder's names begin with in Stable Diffusion 1.5 and in SDXL."""

_FIRST_LAYER = f"{UNET}input_blocks.0.0.weight"


def check_single_file(path: Path) -> dict[str, dict[str, Any]]:
    """Return the table of a file that holds a whole model.

    Raises:
        WeightsError: if it is damaged or holds something else, such as a LoRA or a UNet alone.
    """
    header = read_header(path)
    for what, prefixes in (("unet", (UNET,)), ("vae", (VAE,)), ("text encoder", TEXTS)):
        if not any(name.startswith(prefixes) for name in header):
            raise WeightsError(
                f"setup.model={path} holds no {what} (no tensor {prefixes[0]}*): it is not a whole Stable Diffusion "
                "checkpoint; LoRAs belong in setup.loras, ControlNets in setup.controlnet"
            )
    return header


def check_family(path: Path, found: Architecture) -> None:
    """Refuse an architecture of another family than the file.

    Raises:
        WeightsError: naming the two widths or channels that should be the same.
    """
    header = check_single_file(path)
    keys = [name for name in header if name.startswith(UNET) and name.endswith("attn2.to_k.weight")]
    for what, theirs, ours in (
        ("channels of the unet's input", header.get(_FIRST_LAYER, {}).get("shape", [0, 0])[1],
         found.unet.get("in_channels", 4)),
        ("width of the text", header[min(keys)]["shape"][1] if keys else 0, found.unet.get("cross_attention_dim")),
    ):  # fmt: skip
        if theirs != ours:
            raise WeightsError(
                f"setup.model={path} is of another family than setup.architecture: {what} {theirs} in the file, {ours} "
                "in the architecture; use the setup of its family (setup=sd15, setup=sdxl), or another architecture"
            )


def load_single_file(path: Path, source: Source, *, is_sdxl: bool, dtypes: Mapping[str, torch.dtype]) -> dict[str, Any]:
    """Return the networks of a single file: unet, vae, text_encoder and, of SDXL, text_encoder_2.

    Args:
        path: the file.
        source: where its configurations are.
        is_sdxl: whether there is a second text encoder.
        dtypes: of every network.

    Raises:
        WeightsError: if tensors are missing or of the wrong shape.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from diffusers.loaders import single_file_utils as names
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    tensors, networks = read_tensors(path), {}
    converted: dict[str, tuple[Any, Callable[..., Any]]] = {
        "unet": (UNet2DConditionModel, names.convert_ldm_unet_checkpoint),
        "vae": (AutoencoderKL, names.convert_ldm_vae_checkpoint),
    }
    for name, (cls, convert) in converted.items():
        config = attempt(name, cls.load_config, source.part(name))
        networks[name] = _whole(path, name, partial(_build, cls, config, convert, tensors), dtypes[name])
    texts: dict[str, Any] = {"text_encoder": CLIPTextModel}
    if is_sdxl:
        texts["text_encoder_2"] = CLIPTextModelWithProjection
    options = {"config": str(source.location), "local_files_only": source.path is not None}
    for name, cls in texts.items():
        build = partial(names.create_diffusers_clip_model_from_ldm, cls, tensors, subfolder=name, **options)
        networks[name] = _whole(path, name, build, dtypes[name])
    return networks


def _build(cls: Any, config: dict[str, Any], convert: Callable[..., Any], tensors: dict[str, Tensor]) -> nn.Module:
    """Build a network without weights and let it take the file's, converted; what the file lacks stays without."""
    with torch.device("meta"):
        network: nn.Module = cls.from_config(config)
    network.load_state_dict(convert(dict(tensors), config=config), strict=False, assign=True)
    return network


def _whole(path: Path, name: str, build: Callable[[], nn.Module], dtype: torch.dtype) -> nn.Module:
    """Build one network from the file's tensors and refuse one that does not come out whole."""
    try:
        network = build()
    except Exception as error:  # the libraries raise many kinds for configurations that do not fit
        first = reason(error)
        raise WeightsError(
            f"setup.model={path}: its {name} is not the one that setup.architecture describes: {first}"
        ) from error
    missing = [key for key, parameter in network.named_parameters() if parameter.is_meta]
    if missing:
        raise WeightsError(
            f"setup.model={path}: its {name} lacks {len(missing)} tensors, first {missing[0]}; fetch it again, or name "
            "the architecture that it belongs to in setup.architecture"
        )
    # Not the library's own ``to``, which warns of modules that it would keep in float32, and has none.
    return nn.Module.to(network, dtype)
