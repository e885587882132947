"""What each motion source needs: checkpoint, arguments, statistics, text encoder, or the user's own file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentman.assets.finding import MISSING, PRESENT, Finding, size_of
from latentman.assets.hub import hub_finding
from latentman.config import MotionConfig
from latentman.errors import DataError, LatentManError, WeightsError
from latentman.files.json_file import read_json_object
from latentman.files.opening import FlawError, open_file
from latentman.motion.build import find_family
from latentman.motion.learned.checkpoint_file import FAMILIES, find_checkpoint
from latentman.motion.learned.statistics_file import ABSOLUTE, RELATIVE, find_statistics
from latentman.networks.checkpoint import read_header
from latentman.system.paths import asset, user_path


@dataclass(frozen=True, slots=True)
class Family:
    """What is known beforehand of a family of learned models."""

    page: str
    size: str
    text_encoder: str
    companions: tuple[str, ...]
    statistics: tuple[str, str]

    @property
    def terms(self) -> str:
        """Licence and origin."""
        return f"MIT code, made from AMASS (register at amass.is.tue.mpg.de); {self.page}"


KNOWN = {
    "mdm": Family(
        "github.com/GuyTevet/motion-diffusion-model", "72 to 212 MB", "openai/clip-vit-base-patch32",
        ("args.json",), RELATIVE,
    ),
    "mld": Family(
        "github.com/ChenFengYe/motion-latent-diffusion", "over 105 MB", "openai/clip-vit-large-patch14", (), RELATIVE,
    ),
    "gmd": Family(
        "github.com/korrawe/guided-motion-diffusion", "0.9 or 1.9 GB", "openai/clip-vit-base-patch32",
        ("args.json", "rand_proj.npy", "inv_rand_proj.npy"), ABSOLUTE,
    ),
}  # fmt: skip
"""Sizes follow from the numbers of parameters: 17.9 or 26.4 million for MDM, 26.4 for MLD, 233 for GMD."""

DISTILBERT = "distilbert/distilbert-base-uncased"
"""What an MDM reads its text with if its ``args.json`` says text_encoder_type bert."""


def motion_findings(cfg: MotionConfig, weights: Path) -> Iterator[Finding]:
    """Yield a finding for everything that ``motion=...`` needs and that does not ship."""
    if cfg.name in FAMILIES:
        yield from _learned(cfg, weights)
    else:
        yield from _own_files(cfg, weights)


def _own_files(cfg: MotionConfig, weights: Path) -> Iterator[Finding]:
    """Yield what the source's family says of the user's own files, with the message that a run would have."""
    try:
        files = find_family(cfg.name).files(cfg, weights)
    except LatentManError as error:
        yield Finding("motion.file", MISSING, cfg.file or "-", "your own", problem=str(error))
        return
    for name, path in files.items():
        if not path.exists():
            problem = f"motion.{name}={path}: there is no such file"
            yield Finding(f"motion.{name}", MISSING, str(path.absolute()), "your own", problem=problem)
            continue
        yield Finding(f"motion.{name}", PRESENT, str(path.absolute()), "your own", size_of(path))


def _learned(cfg: MotionConfig, weights: Path) -> Iterator[Finding]:
    family = FAMILIES[cfg.name]
    known = KNOWN[family]
    try:
        checkpoint = find_checkpoint(family, cfg.checkpoint, weights)
    except WeightsError as error:
        where = cfg.checkpoint or str(weights / family)
        yield Finding(f"{family} checkpoint", MISSING, where, known.terms, known.size, str(error))
        checkpoint = weights / family / "<name>" / "model.pt"
    else:
        yield _whole(f"{family} checkpoint", checkpoint, known.terms)
    args = _read_args(checkpoint)
    for file in known.companions:
        yield _companion(family, checkpoint.parent / file, args, checkpoint)
    if "action" in str((args or {}).get("cond_mode")):
        return  # rotations as they are, of a class instead of a text
    yield _statistics(cfg, family, checkpoint, weights)
    if (args or {}).get("cond_mode") != "no_cond":
        yield _text_encoder(cfg, family, args or {}, checkpoint)


def _whole(name: str, path: Path, terms: str) -> Finding:
    """Return what is found of a file of weights; a truncated one has lost the table at its end, or is too short."""
    try:
        if path.suffix == ".safetensors":
            read_header(path)
        else:
            with open_file(path) as file:
                is_legacy = file.read(2) == b"\x80\x02"  # what torch wrote before 1.6, which has no such table
            if not is_legacy and not zipfile.is_zipfile(path):
                raise WeightsError(f"{path} is damaged or was not written by torch: fetch it again")
    except (WeightsError, OSError, FlawError) as error:
        return Finding(name, MISSING, str(path), terms, size_of(path), str(error))
    return Finding(name, PRESENT, str(path), terms, size_of(path))


def _read_args(checkpoint: Path) -> dict[str, Any] | None:
    """Return the values of ``args.json``, or None if it is missing or damaged."""
    try:
        return read_json_object(checkpoint.parent / "args.json", strict=False)
    except (FileNotFoundError, DataError):
        return None


def _companion(family: str, path: Path, args: dict[str, Any] | None, checkpoint: Path) -> Finding:
    name, terms = f"{family} {path.name}", "with the checkpoint"
    if path.is_file() and (path.suffix != ".json" or args is not None):
        return Finding(name, PRESENT, str(path), terms, size_of(path))
    what = "holds no JSON object" if path.is_file() else f"belongs next to {checkpoint.name}"
    problem = f"{path.name} {what}; it comes in the same archive, from {KNOWN[family].page}"
    return Finding(name, MISSING, str(path), terms, problem=problem)


def _statistics(cfg: MotionConfig, family: str, checkpoint: Path, weights: Path) -> Finding:
    names = KNOWN[family].statistics
    terms = "MIT; github.com/EricGuo5513/HumanML3D" if names == RELATIVE else "with the checkpoint"
    name = f"{family} {' and '.join(names)}"
    try:
        find_statistics(cfg.statistics, checkpoint, weights, names=names)
    except WeightsError as error:
        where = cfg.statistics or f"{checkpoint.parent} or {weights / 'humanml3d'}"
        return Finding(name, MISSING, where, terms, "1.2 kB each", str(error))
    folders = [user_path(cfg.statistics)] if cfg.statistics else [checkpoint.parent, weights / "humanml3d"]
    found = next(folder for folder in folders if all((folder / file).is_file() for file in names))
    return Finding(name, PRESENT, str(found), terms, "1.2 kB each")


def _text_encoder(cfg: MotionConfig, family: str, args: dict[str, Any], checkpoint: Path) -> Finding:
    name, key, kind = f"{family} text encoder", "motion.text_encoder", args.get("text_encoder_type")
    if cfg.text_encoder is None and kind == "mini":
        return _folder(name, checkpoint.parent, str(checkpoint.parent), "with the checkpoint")
    default = DISTILBERT if kind == "bert" else KNOWN[family].text_encoder
    reference = cfg.text_encoder or default
    if reference.startswith("asset:"):
        return _folder(name, asset(*reference.removeprefix("asset:").split("/")), reference, "ships with latentman")
    folder = user_path(reference)
    if folder.exists() or reference.startswith((".", "/", "~")) or reference.count("/") > 1:
        return _folder(name, folder, reference, "your own")
    return hub_finding(name, key, reference)


def _folder(name: str, folder: Path, reference: str, terms: str) -> Finding:
    if folder.is_dir():
        return Finding(name, PRESENT, str(folder), terms, size_of(folder))
    problem = f"motion.text_encoder={reference}: there is no folder {folder}"
    return Finding(name, MISSING, str(folder), terms, problem=problem)
