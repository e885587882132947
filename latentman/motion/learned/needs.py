"""What a learned motion source reads, found and checked one by one before anything is loaded.

A run checks the list before its first stage, and ``latentman assets check`` reports it, so that their verdicts agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentman.config import MotionConfig
from latentman.errors import DataError, WeightsError
from latentman.motion.learned.checkpoint_file import FAMILIES, find_checkpoint
from latentman.motion.learned.statistics_file import ABSOLUTE, RELATIVE, find_statistics, statistics_folder
from latentman.system.hub import check_fetchable, snapshot_of
from latentman.system.paths import asset

MATRICES = ("rand_proj.npy", "inv_rand_proj.npy")
"""GMD's random matrix and its inverse."""

_ENCODERS = {"mld": "openai/clip-vit-large-patch14"}
_CLIP, _DISTILBERT = "openai/clip-vit-base-patch32", "distilbert/distilbert-base-uncased"


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a source reads."""

    name: str
    where: str
    """Where it is, or where it is looked for."""
    find: Callable[[], Path | None]
    """Return its file or folder, or None where only the hub has it. Raises ``WeightsError`` if it cannot be used."""
    hub_id: str | None = None


def list_needs(cfg: MotionConfig, weights: Path) -> Iterator[Need]:
    """Yield what ``motion=...`` reads; what follows from a checkpoint is left out where there is none.

    Args:
        cfg: of a learned source.
        weights: the folder of the user's weights.
    """
    family = FAMILIES[cfg.name]
    yield Need(
        "checkpoint", cfg.checkpoint or str(weights / family), lambda: find_checkpoint(family, cfg.checkpoint, weights)
    )
    try:
        checkpoint = find_checkpoint(family, cfg.checkpoint, weights)
    except WeightsError:
        checkpoint = weights / family / "<name>" / "model.pt"
    args: Mapping[str, Any] = {}
    if family != "mld":
        yield Need("args.json", str(checkpoint.parent / "args.json"), lambda: _args_file(family, checkpoint))
        args = _args_or_none(family, checkpoint) or {}
    if family == "gmd" and args.get("use_random_proj", True):
        for name in MATRICES:
            yield Need(name, str(checkpoint.parent / name), lambda name=name: _matrix(checkpoint, name))  # type: ignore[misc]
    if family == "mdm" and _is_action(args):
        return  # rotations as they are, of a class instead of a text
    names = ABSOLUTE if family == "gmd" else RELATIVE
    places = cfg.statistics or f"{checkpoint.parent} or {weights / 'humanml3d'}"
    yield Need(" and ".join(names), places, lambda: _statistics(cfg, checkpoint, weights, names))
    if not (family == "mdm" and (args.get("unconstrained") or args.get("cond_mode") == "no_cond")):
        yield _text_encoder(cfg, family, args, checkpoint)


def check_needs(cfg: MotionConfig, weights: Path) -> None:
    """Refuse a learned source that lacks something, before anything is made.

    Raises:
        WeightsError: naming the file or model, where it was looked for, and how to get it.
    """
    for need in list_needs(cfg, weights):
        if need.find() is None and need.hub_id is not None:
            check_fetchable(need.hub_id, None, "motion.text_encoder")


def _is_action(args: Mapping[str, Any]) -> bool:
    return "action" in str(args.get("cond_mode")) or args.get("dataset") in ("humanact12", "uestc")


def _args_or_none(family: str, checkpoint: Path) -> dict[str, Any] | None:
    """Return the values of ``args.json`` with all defaults, or None if it is missing or damaged."""
    from latentman.files.json_file import read_json_object

    try:
        return read_json_object(checkpoint.parent / "args.json", strict=False)
    except (OSError, DataError):
        return None


def _args_file(family: str, checkpoint: Path) -> Path:
    """Return the ``args.json`` of a model that can be sampled."""
    if family == "mdm":
        from latentman.motion.learned.mdm_checkpoint import read_mdm_args

        read_mdm_args(checkpoint)
    else:
        from latentman.motion.learned.gmd_source import read_gmd_args

        read_gmd_args(checkpoint)
    return checkpoint.parent / "args.json"


def _matrix(checkpoint: Path, name: str) -> Path:
    from latentman.motion.learned.gmd_source import find_matrix

    return find_matrix(checkpoint, name)


def _statistics(cfg: MotionConfig, checkpoint: Path, weights: Path, names: tuple[str, str]) -> Path:
    find_statistics(cfg.statistics, checkpoint, weights, names=names)
    return statistics_folder(cfg.statistics, checkpoint, weights, names=names)


def _text_encoder(cfg: MotionConfig, family: str, args: Mapping[str, Any], checkpoint: Path) -> Need:
    kind = args.get("text_encoder_type")
    if kind == "mini":
        folder = checkpoint.parent if cfg.text_encoder is None else Path(cfg.text_encoder).expanduser()
        return Need("text encoder", str(folder), lambda: _mini_encoder(folder))
    reference = cfg.text_encoder or (_DISTILBERT if kind == "bert" else _ENCODERS.get(family, _CLIP))
    if reference.startswith("asset:"):
        here = asset(*reference.removeprefix("asset:").split("/"))
        return Need("text encoder", str(here), lambda: _whole_encoder(here, reference))
    here = Path(reference).expanduser()
    if here.exists() or reference.startswith((".", "/", "~")) or reference.count("/") != 1:
        return Need("text encoder", str(here), lambda: _whole_encoder(here, reference))
    return Need("text encoder", reference, lambda: _cached_encoder(reference), hub_id=reference)


def _mini_encoder(folder: Path) -> Path:
    if not any(folder.glob("text_encoder.*")):
        raise WeightsError(f"there is no text_encoder.* in {folder}: it belongs next to the checkpoint")
    return folder


def _whole_encoder(folder: Path, reference: str) -> Path:
    """Return the folder of a text encoder of transformers, with configuration, tokenizer and weights."""
    if not folder.is_dir():
        raise WeightsError(f"motion.text_encoder={reference}: there is no folder {folder}")
    lacking = _lacking(folder)
    if lacking:
        raise WeightsError(f"motion.text_encoder={reference}: {folder} lacks {lacking}; copy the whole model there")
    return folder


def _cached_encoder(hub_id: str) -> Path | None:
    folder = snapshot_of(hub_id)
    return folder if folder is not None and not _lacking(folder) else None


def _lacking(folder: Path) -> str:
    """Return what a folder of a text encoder lacks, in words; an empty text for one that is whole."""
    wanted = {
        "config.json": ("config.json",),
        "its tokenizer (tokenizer.json or vocab.*)": ("tokenizer.json", "vocab.json", "vocab.txt"),
        "its weights (model.safetensors or pytorch_model.bin)": ("*.safetensors", "pytorch_model*.bin"),
    }
    return " and ".join(what for what, names in wanted.items() if not any(any(folder.glob(name)) for name in names))
