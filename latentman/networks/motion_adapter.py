"""AnimateDiff's motion adapter (arXiv 2307.04725): layers along time for a UNet of Stable Diffusion 1.5.

It was trained on videos, unlike everything else here: the sampler ``animatediff`` is the trained alternative to the
training-free ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from latentman.config import SamplerConfig
from latentman.errors import ConfigError, WeightsError
from latentman.files.json_file import read_json_object
from latentman.networks.checkpoint import check_component
from latentman.networks.resolved import Part, ResolvedSetup, cached, digest_of
from latentman.networks.sources import Source, attempt, find_source, load_network
from latentman.system.hub import check_fetchable

KEY = "sampler.motion_adapter"
PUBLISHED = "guoyww/animatediff-motion-adapter-v1-5-3"
_COMPONENT = "motion_adapter"


def find_motion_adapter(sampler: SamplerConfig) -> Source:
    """Return where the motion adapter of ``sampler=animatediff`` is.

    Raises:
        WeightsError: if none is named, or there is nothing at the path.
    """
    if sampler.motion_adapter is None:
        raise WeightsError(
            f"sampler=animatediff needs a motion adapter, and none is named: set {KEY}={PUBLISHED}, which is fetched "
            "from the hub (about 2 GB), or to a folder with its config.json and diffusion_pytorch_model.safetensors"
        )
    return find_source(KEY, sampler.motion_adapter, sampler.motion_adapter_revision)


def motion_adapter_part(sampler: SamplerConfig) -> Part:
    """Return the adapter in the form of the parts of a setup."""
    find, check = partial(find_motion_adapter, sampler), partial(check_component, component=_COMPONENT)
    return Part(KEY, sampler.motion_adapter or "-", find, check, _COMPONENT)


def check_motion_adapter(sampler: SamplerConfig, found: ResolvedSetup, num_frames: int) -> None:
    """Check before anything is loaded that the adapter is there and fits the setup; nothing for other samplers.

    Args:
        sampler: the group ``sampler``.
        found: the setup, checked.
        num_frames: T.

    Raises:
        WeightsError: if the adapter is missing, damaged, cannot be fetched, or belongs to another family than the UNet.
        ConfigError: if it was trained for shorter clips.
    """
    if not sampler.is_animatediff:
        return
    part = motion_adapter_part(sampler)
    source = part.find()
    folder = source.path or cached(part, source)
    if folder is None:
        check_fetchable(str(source.location), source.revision, KEY)
        return
    part.check(folder)
    if found.model.path is not None:
        config = read_json_object(folder / "config.json", error=WeightsError, advice="fetch it again")
        check_fit(config, found.model_architecture.unet, num_frames)


def check_fit(adapter: Mapping[str, Any], unet: Mapping[str, Any], num_frames: int) -> None:
    """Compare the configurations of an adapter and of the UNet that it is added to.

    Raises:
        WeightsError: naming the two numbers that differ.
        ConfigError: if the adapter was trained for shorter clips.
    """
    theirs, ours = list(adapter.get("block_out_channels", (320, 640, 1280, 1280))), list(unet["block_out_channels"])
    if theirs != ours or unet.get("addition_embed_type") is not None:
        raise WeightsError(
            f"{KEY}: the motion adapter was trained for another family than the unet of setup.model: its "
            f"block_out_channels are {theirs}, the unet's {ours}; AnimateDiff's are for setup=sd15 and its fine-tunes"
        )
    longest = int(adapter.get("motion_max_seq_length", 32))
    if num_frames > longest:
        raise ConfigError(
            f"num_frames={num_frames} is more than the {longest} frames that the motion adapter can take at once "
            f"(motion_max_seq_length): set num_frames={longest} or less"
        )


def load_motion_adapter(sampler: SamplerConfig, unet: Mapping[str, Any], num_frames: int, dtype: torch.dtype) -> Any:
    """Load the adapter, a ``MotionAdapter`` of diffusers, for a UNet of this configuration.

    Raises:
        WeightsError: if it is missing, damaged, incomplete, cannot be fetched, or does not fit.
        ConfigError: if it was trained for shorter clips.
    """
    from diffusers import MotionAdapter

    source = find_motion_adapter(sampler)
    check_fit(attempt("motion adapter", MotionAdapter.load_config, source), unet, num_frames)
    return load_network("motion adapter", MotionAdapter, source, _COMPONENT, dtype)


def motion_adapter_digest(sampler: SamplerConfig) -> str:
    """Return what identifies the adapter in the record of a run: a hash of its files, or its hub id and revision."""
    return digest_of(find_motion_adapter(sampler))
