"""What each motion source needs: checkpoint, arguments, statistics, text encoder, or the user's own file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from latentman.assets.finding import MISSING, ON_DEMAND, PRESENT, Finding, size_of
from latentman.config import MotionConfig
from latentman.errors import WeightsError
from latentman.motion.checkpoint_file import FAMILIES, find_checkpoint
from latentman.motion.statistics_file import ABSOLUTE, RELATIVE, find_statistics


@dataclass(frozen=True, slots=True)
class Family:
    """What is known beforehand of a family of learned models."""

    source: str
    size: str
    text_encoder: str
    text_size: str
    beside: tuple[str, ...]
    statistics: tuple[str, str]


KNOWN = {
    "mdm": Family(
        "github.com/GuyTevet/motion-diffusion-model; made from AMASS (register at amass.is.tue.mpg.de)",
        "72 to 212 MB", "openai/clip-vit-base-patch32 or distilbert/distilbert-base-uncased", "605 or 268 MB",
        ("args.json",), RELATIVE,
    ),
    "mld": Family(
        "github.com/ChenFengYe/motion-latent-diffusion; made from AMASS (register at amass.is.tue.mpg.de)",
        "over 105 MB", "openai/clip-vit-large-patch14", "1.7 GB", (), RELATIVE,
    ),
    "gmd": Family(
        "github.com/korrawe/guided-motion-diffusion; made from AMASS (register at amass.is.tue.mpg.de)",
        "0.9 or 1.9 GB", "openai/clip-vit-base-patch32", "605 MB",
        ("args.json", "rand_proj.npy", "inv_rand_proj.npy"), ABSOLUTE,
    ),
}  # fmt: skip
"""Sizes follow from the numbers of parameters: 17.9 or 26.4 million for MDM, 26.4 for MLD, 233 for GMD."""


def motion_findings(cfg: MotionConfig, weights: Path) -> Iterator[Finding]:
    """Yield a finding for everything that ``motion=...`` needs and that does not ship."""
    if cfg.name == "clip":
        yield _clip(cfg)
    elif cfg.name == "mdm_mini" or cfg.name not in FAMILIES:
        return
    else:
        yield from _learned(cfg, weights)


def _clip(cfg: MotionConfig) -> Finding:
    if cfg.file is None:
        return Finding("motion.file", MISSING, "-", "your own", problem="motion=clip needs motion.file=PATH")
    path = Path(cfg.file).expanduser().absolute()
    if not path.is_file():
        return Finding("motion.file", MISSING, str(path), "your own", problem=f"motion.file={path}: no such file")
    return Finding("motion.file", PRESENT, str(path), "your own", size_of(path))


def _learned(cfg: MotionConfig, weights: Path) -> Iterator[Finding]:
    family = FAMILIES[cfg.name]
    known = KNOWN[family]
    name = f"{family} checkpoint"
    try:
        checkpoint = find_checkpoint(family, cfg.checkpoint, weights)
    except WeightsError as error:
        yield Finding(name, MISSING, cfg.checkpoint or str(weights / family), known.source, known.size, str(error))
        checkpoint = weights / family / "<name>" / "model.pt"
    else:
        yield Finding(name, PRESENT, str(checkpoint), known.source, size_of(checkpoint))
    for file in known.beside:
        path = checkpoint.parent / file
        if path.is_file():
            yield Finding(f"{family} {file}", PRESENT, str(path), "with the checkpoint", size_of(path))
        else:
            problem = f"{file} belongs beside the checkpoint; it comes with {known.source}"
            yield Finding(f"{family} {file}", MISSING, str(path), "with the checkpoint", problem=problem)
    yield _statistics(cfg, family, checkpoint, weights)
    yield _text_encoder(cfg, family)


def _statistics(cfg: MotionConfig, family: str, checkpoint: Path, weights: Path) -> Finding:
    names = KNOWN[family].statistics
    terms = "github.com/EricGuo5513/HumanML3D, MIT" if names == RELATIVE else "with the checkpoint"
    name = f"{family} {' and '.join(names)}"
    try:
        find_statistics(cfg.statistics, checkpoint, weights, names=names)
    except WeightsError as error:
        where = cfg.statistics or f"{checkpoint.parent} or {weights / 'humanml3d'}"
        return Finding(name, MISSING, where, terms, "1.2 kB each", str(error))
    folders = [Path(cfg.statistics).expanduser()] if cfg.statistics else [checkpoint.parent, weights / "humanml3d"]
    found = next(folder for folder in folders if (folder / names[0]).is_file())
    return Finding(name, PRESENT, str(found), terms, "1.2 kB each")


def _text_encoder(cfg: MotionConfig, family: str) -> Finding:
    known = KNOWN[family]
    reference = cfg.text_encoder or known.text_encoder
    folder = Path(reference).expanduser()
    if folder.is_dir():
        return Finding(f"{family} text encoder", PRESENT, str(folder), "MIT or Apache-2.0", size_of(folder))
    return Finding(
        f"{family} text encoder", ON_DEMAND, f"{reference}, from the hub", "MIT (CLIP), Apache-2.0 (DistilBERT)",
        known.text_size,
    )  # fmt: skip
