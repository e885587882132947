"""Models of the Hugging Face hub: which ones are on this machine, and the licences and sizes of the others."""

from __future__ import annotations

from pathlib import Path

from latentman.assets.finding import MISSING, ON_DEMAND, PRESENT, Finding, size_of
from latentman.system.hub import cache_folder, is_offline, offline_problem

STABILITY = "Stability AI Community: free below a revenue of $1M, to be accepted on its page"
FLUX_DEV = "FLUX.1-dev: not commercial, to be accepted on its page"

KNOWN = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": ("CreativeML OpenRAIL-M", "about 4 GB"),
    "lllyasviel/control_v11f1p_sd15_depth": ("OpenRAIL", "1.4 GB"),
    "lllyasviel/control_v11p_sd15_openpose": ("OpenRAIL", "1.4 GB"),
    "TencentARC/t2iadapter_depth_sd15v2": ("see its page", "0.3 GB"),
    "stabilityai/stable-diffusion-xl-base-1.0": ("CreativeML Open RAIL++-M", "about 14 GB"),
    "diffusers/controlnet-depth-sdxl-1.0": ("OpenRAIL++", "5 GB"),
    "stabilityai/stable-diffusion-3.5-medium": (STABILITY, "16.3 GB, 9.5 of them T5 (setup.t5)"),
    "tensorart/SD3.5M-Controlnet-Depth": (STABILITY, "4.9 GB"),
    "stabilityai/stable-diffusion-3.5-large": (STABILITY, "27.6 GB, 9.5 of them T5 (setup.t5)"),
    "stabilityai/stable-diffusion-3.5-large-controlnet-depth": (STABILITY, "8.6 GB"),
    "black-forest-labs/FLUX.1-dev": (FLUX_DEV, "33.7 GB, 9.5 of them T5"),
    "black-forest-labs/FLUX.1-schnell": ("Apache-2.0, to be accepted on its page", "33.7 GB, 9.5 of them T5"),
    "Shakker-Labs/FLUX.1-dev-ControlNet-Depth": (FLUX_DEV, "3.2 GB"),
    "madebyollin/taesd3": ("MIT", "10 MB"),
    "madebyollin/taef1": ("MIT", "10 MB"),
    "madebyollin/taesd": ("MIT", "10 MB"),
    "madebyollin/taesdxl": ("MIT", "10 MB"),
    "h94/IP-Adapter": ("Apache-2.0", "2.6 GB with the image encoder"),
    "openai/clip-vit-base-patch32": ("MIT", "605 MB"),
    "openai/clip-vit-large-patch14": ("MIT", "1.7 GB"),
    "distilbert/distilbert-base-uncased": ("Apache-2.0", "268 MB"),
}
"""Licence and size of the models that the configuration names, in the precision that they are published in."""


def hub_finding(asset: str, key: str, hub_id: str, cached: Path | None) -> Finding:
    """Report a model of the hub: present if it was downloaded, else on demand, or missing if downloads are forbidden.

    Args:
        asset: its name in the table.
        key: the setting that may name a folder instead.
        hub_id: OWNER/NAME.
        cached: the folder of its files in the cache, if it is whole there.
    """
    licence, size = KNOWN.get(hub_id, ("see its page", "-"))
    terms = f"{licence}; huggingface.co/{hub_id}"
    if cached is not None:
        return Finding(asset, PRESENT, str(cached), terms, size_of(cached))
    if not is_offline():
        return Finding(asset, ON_DEMAND, f"{hub_id}, from the hub to {cache_folder()}", terms, size)
    return Finding(asset, MISSING, str(cache_folder()), terms, size, offline_problem(hub_id, key))
