"""Finding the checkpoint of a learned motion model. No file is opened here, and torch is not needed.

A folder holds one model, as unpacked from the released archives: ``paths.weights``/mdm/<name>/, /mld/, /gmd/.
"""

from __future__ import annotations

import logging
from pathlib import Path

from latentman.config import MotionConfig
from latentman.errors import WeightsError
from latentman.system.paths import asset, user_path

log = logging.getLogger("latentman.motion")

NO_SMPL = "sampling motions needs no SMPL model and no data set"

FAMILIES = {"mdm": "mdm", "mdm_mini": "mdm", "mld": "mld", "gmd": "gmd"}
"""The kind of checkpoint that each learned motion source reads."""

SUFFIXES = {"mdm": (".pt", ".safetensors"), "gmd": (".pt", ".safetensors"), "mld": (".ckpt",)}
"""Suffixes of the weights of each family."""

_OTHER_FILES = ("opt", "text_encoder", ".")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")

ORIGINS = {
    "mdm": "the project motion-diffusion-model (github.com/GuyTevet/motion-diffusion-model), such as its "
    "humanml-encoder-512; code under MIT, weights made from AMASS motions, whose licence asks for registration",
    "mld": "the project motion-latent-diffusion (github.com/ChenFengYe/motion-latent-diffusion), its HumanML3D "
    "checkpoint 1222_mld_humanml3d_FID041.ckpt; weights made from AMASS motions, whose licence asks for registration",
    "gmd": "the project guided-motion-diffusion (github.com/korrawe/guided-motion-diffusion), its motion model "
    "unet_adazero_xl_x0_abs_proj10_fp16_clipwd_224; weights made from AMASS motions, whose licence asks for "
    "registration",
}
"""Origin, name and licence of each family's weights."""


def find_checkpoint(family: str, configured: str | None, weights: Path) -> Path:
    """Return the weights file of a family: ``mdm``, ``mld`` or ``gmd``.

    Args:
        family: which kind of model.
        configured: ``motion.checkpoint``: a file, a folder or ``asset:NAME``; None uses the newest under ``weights``.
        weights: the folder of the user's weights.

    Raises:
        WeightsError: naming the searched places and how to get a checkpoint.
    """
    if configured is None:
        place = weights / family
        folders = [place, *(p for p in place.iterdir() if p.is_dir())] if place.is_dir() else []
        files = [file for file in (_newest_file(folder, family) for folder in folders) if file]
        if not files:
            raise WeightsError(
                f"motion={family}: there is no checkpoint in {place}{_near_misses(place, family)}; get one from "
                f"{ORIGINS[family]}, and unpack it to "
                f"{place / '<name>'} or set motion.checkpoint to its file or folder; {NO_SMPL}"
            )
        return max(files, key=lambda file: (file.stat().st_mtime_ns, file.name))
    asset_name = configured.removeprefix("asset:")
    path = asset(*asset_name.split("/")) if configured != asset_name else user_path(configured).absolute()
    if path.is_file():
        return path
    file = _newest_file(path, family) if path.is_dir() else None
    if file is None:
        what = "holds no " + " or ".join(f"*{suffix}" for suffix in SUFFIXES[family]) if path.is_dir() else "is missing"
        if configured != asset_name:
            raise WeightsError(f"motion.checkpoint={configured}: {path} {what}; it ships with latentman: reinstall it")
        what += _near_misses(path, family)
        raise WeightsError(
            f"motion.checkpoint={configured}: {path} {what}; give the weights file or its folder, "
            f"from {ORIGINS[family]}; {NO_SMPL}"
        )
    return file


def _near_misses(place: Path, family: str) -> str:
    """Return where else below a folder checkpoints are, or archives that hold them; an empty text if nowhere."""
    depths = ("*", "*/*", "*/*/*") if place.is_dir() else ()
    below = sorted(path for pattern in depths for path in place.glob(pattern))
    nested = [path for path in below if _is_checkpoint(path, family)]
    if nested:
        return f", but a folder deeper there is {nested[0]}: set motion.checkpoint to it"
    packed = [path for path in below if path.name.endswith(_ARCHIVES) and path.is_file()]
    return f", but there is the archive {packed[0]}: unpack it there" if packed else ""


def candidates(family: str, configured: str | None, weights: Path) -> list[Path]:
    """Return all checkpoints from which :func:`find_checkpoint` chooses one; empty where a file is named."""
    place = weights / family if configured is None else Path(configured).expanduser()
    if not place.is_dir():
        return []
    folders = [place, *(p for p in place.iterdir() if p.is_dir())] if configured is None else [place]
    return sorted(path for folder in folders for path in folder.iterdir() if _is_checkpoint(path, family))


def _is_checkpoint(path: Path, family: str) -> bool:
    return path.suffix in SUFFIXES[family] and path.is_file() and not path.name.startswith(_OTHER_FILES)


def _newest_file(folder: Path, family: str) -> Path | None:
    """Return the weights file with the highest number in a folder, ignoring optimiser states."""
    files = sorted(path for path in folder.iterdir() if _is_checkpoint(path, family))
    if len(files) > 1:
        log.info("%s holds %d checkpoints; %s is used; choose another with motion.checkpoint", folder, len(files),
                 files[-1].name)  # fmt: skip
    return files[-1] if files else None


def files_behind(cfg: MotionConfig, weights: Path) -> list[Path]:
    """Return the files behind a learned motion: the checkpoint, and the files next to it that are read.

    The result is empty for a source that is not learned.

    Raises:
        WeightsError: if there is no checkpoint.
    """
    if cfg.name not in FAMILIES:
        return []
    checkpoint = find_checkpoint(FAMILIES[cfg.name], cfg.checkpoint, weights)
    beside = ("args.json", "*.npy", "text_encoder.*")
    found = {path for pattern in beside for path in checkpoint.parent.glob(pattern)}
    if cfg.statistics is None:
        found |= set((weights / "humanml3d").glob("*.npy"))
    return [checkpoint, *sorted(found)]
