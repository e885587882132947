"""Models of the Hugging Face hub: which ones are on this machine, and the licences and sizes of the others."""

from __future__ import annotations

import os
from pathlib import Path

from latentman.assets.finding import MISSING, ON_DEMAND, PRESENT, Finding, size_of

KNOWN = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": ("CreativeML OpenRAIL-M", "about 4 GB"),
    "lllyasviel/control_v11f1p_sd15_depth": ("OpenRAIL", "1.4 GB"),
    "lllyasviel/control_v11p_sd15_openpose": ("OpenRAIL", "1.4 GB"),
    "TencentARC/t2iadapter_depth_sd15v2": ("see its page", "0.3 GB"),
    "stabilityai/stable-diffusion-xl-base-1.0": ("CreativeML Open RAIL++-M", "about 14 GB"),
    "diffusers/controlnet-depth-sdxl-1.0": ("OpenRAIL++", "5 GB"),
    "h94/IP-Adapter": ("Apache-2.0", "2.6 GB with the image encoder"),
    "openai/clip-vit-base-patch32": ("MIT", "605 MB"),
    "openai/clip-vit-large-patch14": ("MIT", "1.7 GB"),
    "distilbert/distilbert-base-uncased": ("Apache-2.0", "268 MB"),
}
"""Licence and size in single precision of the models that the configuration names."""


def cache_folder() -> Path:
    """Return the folder in which the hub's client keeps its downloads."""
    if named := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(named).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return Path(os.environ.get("HF_HOME") or caches / "huggingface").expanduser() / "hub"


def is_offline() -> bool:
    """Return whether the user forbade the hub's client to download anything."""
    return any(
        os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )


def hub_finding(asset: str, key: str, hub_id: str) -> Finding:
    """Look for a model of the hub: present if it was downloaded, else on demand, or missing if downloads are forbidden.

    Args:
        asset: its name in the table.
        key: the setting that may name a folder instead.
        hub_id: OWNER/NAME.
    """
    licence, size = KNOWN.get(hub_id, ("see its page", "-"))
    terms = f"{licence}; huggingface.co/{hub_id}"
    folder = cache_folder() / f"models--{hub_id.replace('/', '--')}"
    if any(folder.glob("snapshots/*/*")) and not any(folder.glob("blobs/*.incomplete")):
        return Finding(asset, PRESENT, str(folder), terms, size_of(folder))
    if not is_offline():
        return Finding(asset, ON_DEMAND, f"{hub_id}, from the hub to {cache_folder()}", terms, size)
    problem = (
        f"{hub_id} is not in {cache_folder()}, and HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids downloading it: "
        f"run once without them, or set {key} to a folder that holds the model"
    )
    return Finding(asset, MISSING, str(folder), terms, size, problem)
