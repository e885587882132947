"""Models of the Hugging Face hub: what its client has on this machine, and whether the rest can be fetched."""

from __future__ import annotations

import os
from pathlib import Path

from latentman.errors import WeightsError

TIMEOUT_S = 10.0
"""Seconds that the hub has to answer whether it has a model."""


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


def snapshot_of(hub_id: str, revision: str | None = None) -> Path | None:
    """Return the folder of a model's files that were downloaded, or None; it need not hold all of them.

    Args:
        hub_id: OWNER/NAME.
        revision: a branch, tag or commit; None means main.
    """
    kept = cache_folder() / f"models--{hub_id.replace('/', '--')}"
    name = revision or "main"
    reference = kept / "refs" / name
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else name
    folder = kept / "snapshots" / commit
    return folder if folder.is_dir() else None


def offline_problem(hub_id: str, key: str) -> str:
    """Return what to do about a model that is not on this machine and must not be downloaded."""
    return (
        f"{hub_id} is not in {cache_folder()}, and HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids downloading it: "
        f"run once without them, or set {key} to a folder that holds the model"
    )


def check_fetchable(hub_id: str, revision: str | None, key: str) -> None:
    """Ask the hub whether it has a model that is not on this machine; nothing is downloaded.

    Args:
        hub_id: OWNER/NAME.
        revision: a branch, tag or commit; None means main.
        key: the setting that names it.

    Raises:
        WeightsError: if downloads are forbidden, the hub cannot be reached, or does not have the model.
    """
    if is_offline():
        raise WeightsError(offline_problem(hub_id, key))
    from huggingface_hub import HfApi

    try:
        # The client reads HF_ENDPOINT once, when it is imported.
        HfApi(endpoint=os.environ.get("HF_ENDPOINT")).model_info(hub_id, revision=revision, timeout=TIMEOUT_S)
    except Exception as error:  # its HTTP library differs between versions, and with it the errors
        first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise WeightsError(
            f"{key}={hub_id}: it is not whole in {cache_folder()}, and cannot be fetched from the hub: {first}\n"
            f"set {key} to a folder that holds the model, or to a hub id that this machine can reach"
        ) from error
