"""What each motion source needs: checkpoint, arguments, statistics, text encoder, or the user's own file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from latentman.assets.finding import MISSING, PRESENT, Finding, size_of
from latentman.assets.hub import hub_finding
from latentman.config import MotionConfig
from latentman.errors import LatentManError, WeightsError
from latentman.files.opening import FlawError, open_file
from latentman.motion.build import find_family
from latentman.motion.learned.checkpoint_file import FAMILIES, candidates
from latentman.motion.learned.needs import MATRICES, Need, list_needs
from latentman.networks.checkpoint import read_header


@dataclass(frozen=True, slots=True)
class Family:
    """What is known beforehand of a family of learned models."""

    page: str
    size: str

    @property
    def terms(self) -> str:
        """Licence and origin."""
        return f"MIT code, made from AMASS (register at amass.is.tue.mpg.de); {self.page}"


KNOWN = {
    "mdm": Family("github.com/GuyTevet/motion-diffusion-model", "72 to 212 MB"),
    "mld": Family("github.com/ChenFengYe/motion-latent-diffusion", "over 105 MB"),
    "gmd": Family("github.com/korrawe/guided-motion-diffusion", "0.9 or 1.9 GB"),
}
"""Sizes follow from the numbers of parameters: 17.9 or 26.4 million for MDM, 26.4 for MLD, 233 for GMD."""


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
    """Yield a finding for each thing that a run checks before its first stage, with the run's message."""
    family = FAMILIES[cfg.name]
    for need in list_needs(cfg, weights):
        name, (terms, size) = f"{family} {need.name}", _terms(family, need)
        try:
            path = need.find()
        except WeightsError as error:
            yield Finding(name, MISSING, need.where, terms, size, str(error))
            continue
        if need.hub_id is not None:
            yield hub_finding(name, "motion.text_encoder", need.hub_id, path)
        elif path is not None and need.name == "checkpoint":
            yield _chosen(_whole(name, path, terms), path, candidates(family, cfg.checkpoint, weights))
        elif path is not None:
            yield Finding(name, PRESENT, str(path), terms, size if size != "-" else size_of(path))


def _terms(family: str, need: Need) -> tuple[str, str]:
    """Return licence and origin of something that a source needs, and its size."""
    if need.name == "checkpoint":
        return KNOWN[family].terms, KNOWN[family].size
    if need.name in MATRICES:
        return f"in dataset/ of {KNOWN[family].page}", "-"
    if need.name.endswith(".npy"):
        own = "in dataset/HumanML3D_abs/ of " + KNOWN[family].page
        return (own if family == "gmd" else "MIT; github.com/EricGuo5513/HumanML3D"), "1.2 kB each"
    return ("your own" if need.name == "text encoder" else "with the checkpoint"), "-"


def _chosen(finding: Finding, path: Path, among: list[Path]) -> Finding:
    """Return the finding of a checkpoint, naming the others that could have been meant."""
    others = [str(other) for other in among if other != path]
    if not others or finding.state != PRESENT:
        return finding
    return replace(finding, expected=f"{finding.expected}; chosen over {', '.join(others)}: motion.checkpoint decides")


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
