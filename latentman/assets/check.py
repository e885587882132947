"""``latentman assets check``: one table of everything that a setup needs. Never loads a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.assets.backbone_assets import backbone_findings, fit_findings, sampler_findings
from latentman.assets.finding import MISSING, OPTIONAL, PRESENT, Finding, size_of
from latentman.assets.motion_assets import motion_findings
from latentman.assets.shipped import damage, folder_hash, licence, sealed
from latentman.errors import LatentManError
from latentman.system.paths import asset, config_dir, weights_dir

if TYPE_CHECKING:
    from latentman.config import Config

PACKAGES = ("torch", "diffusers", "transformers", "hydra-core", "imageio-ffmpeg")
"""The packages whose versions matter most when something goes wrong."""

FURTHER_PACKAGES = (
    "accelerate", "safetensors", "omegaconf", "numpy", "scipy", "pandas", "pyarrow", "pillow", "pyyaml",
)  # fmt: skip
"""Packages that are mentioned only when they are missing."""

OPTIONAL_PACKAGES = {
    "lapjv": "for solver=lapjv: pip install 'latentman[lap]', or use solver=auto",
    "smplx": "used only by tests, for comparison: pip install 'latentman[smpl]'",
}

_BODIES = {"smpl": "SMPL", "smplx": "SMPL-X"}
_DATA = (".npz", ".safetensors", ".pt")
_SHAPES = ("neutral", "male", "female")


def check_command(arguments: list[str]) -> int:
    """Print the table for the settings in ``arguments`` and return 0 if such a run can start, else 2."""
    from latentman.assets.table import print_table
    from latentman.engine.compose import compose
    from latentman.engine.overrides import split_arguments

    everything = "--all" in arguments
    split = split_arguments([argument for argument in arguments if argument != "--all"])
    folder = split.flags.get("--config-dir")
    findings = [*check(compose(split.overrides, folder))]
    if everything:
        findings += other_choices(findings, split.overrides, folder)
    print_table(findings)
    return 2 if any(finding.state == MISSING for finding in findings) else 0


def check(config: Config) -> Iterator[Finding]:
    """Yield a finding for everything that a run with this configuration needs."""
    yield from _packages(config)
    findings = [finding for part in _PARTS.values() for finding in part(config)]
    yield from findings
    if all(finding.state != MISSING for finding in findings):
        yield from fit_findings(config)


def other_choices(chosen: list[Finding], overrides: list[str], folder: str | None) -> list[Finding]:
    """Return what every other choice of setup, motion and body would need; none of it counts as missing."""
    from latentman.engine.compose import compose

    seen, more = {finding.asset for finding in chosen}, []
    for group, part in _PARTS.items():
        kept = [item for item in overrides if item.partition("=")[0].partition(".")[0] != group]
        options = sorted(file.stem for file in (Path(config_dir()) / group).glob("*.yaml"))
        shapes = [[f"body.shape={shape}"] for shape in _SHAPES] if group == "body" else [[]]
        for choice in [[f"{group}={option}", *shape] for option in options for shape in shapes]:
            for finding in part(compose([*kept, *choice], folder)):
                if finding.asset not in seen:
                    seen.add(finding.asset)
                    more.append(replace(finding, state=OPTIONAL) if finding.state == MISSING else finding)
    return more


def _packages(config: Config) -> Iterator[Finding]:
    for package in PACKAGES:
        yield package_finding(package, f"install it: pip install {package}")
    for package in FURTHER_PACKAGES:
        finding = package_finding(package, f"install it: pip install {package}")
        if finding.state == MISSING:
            yield finding
    for package, purpose in OPTIONAL_PACKAGES.items():
        yield package_finding(package, purpose, needed=config.solver.name == package)


def package_finding(name: str, problem: str, *, needed: bool = True) -> Finding:
    """Look for an installed package; ``problem`` says what it is for and how to get it."""
    try:
        return Finding(f"package {name}", PRESENT, version(name))
    except PackageNotFoundError:
        if needed:
            return Finding(f"package {name}", MISSING, "not installed", problem=problem)
        return Finding(f"package {name}", OPTIONAL, "not installed", problem)


def shipped_finding(name: str) -> Finding:
    """Check whether something that ships is there and unchanged."""
    folder = asset(name)
    if not any(file.suffix in _DATA for file in folder.rglob("*")):
        problem = f"{folder} does not exist: reinstall latentman, which ships it"
        return Finding(name, MISSING, str(folder), problem=problem)
    seal = f"sealed {folder_hash(folder)}" if folder.name in sealed() else "not sealed"
    broken, expected = damage(folder), f"{size_of(folder)}, {seal}"
    if broken:
        problem = f"{', '.join(broken)} in {folder} is missing or has changed: reinstall latentman"
        return Finding(name, MISSING, str(folder), licence(folder), expected, problem)
    return Finding(name, PRESENT, str(folder), licence(folder), expected)


def _setup(config: Config) -> Iterator[Finding]:
    plain = not config.setup.loras and config.setup.ip_adapter.image is None
    own = all(net.model is None for net in config.conditioner.nets)
    tiny = config.setup_in_use.tiny_decoder
    shipped = config.setup.model == "asset:mini-sd" and tiny in (None, "asset:mini-decoder")
    if shipped and config.setup.controlnet is None and plain and own:
        yield replace(shipped_finding("mini-sd"), asset="setup.model asset:mini-sd")
        if tiny is not None:
            yield replace(shipped_finding("mini-decoder"), asset="setup.tiny_decoder asset:mini-decoder")
    else:
        yield from backbone_findings(config)
    yield from sampler_findings(config)


def _motion(config: Config) -> Iterator[Finding]:
    if config.motion.name == "mdm_mini" and config.motion.checkpoint == "asset:mini-mdm":
        yield replace(shipped_finding("mini-mdm"), asset="motion asset:mini-mdm")
    else:
        yield from motion_findings(config.motion, weights_dir(config.paths.weights))


def _body(config: Config) -> Iterator[Finding]:
    cfg, weights = config.body, weights_dir(config.paths.weights)
    if cfg.name not in _BODIES:
        yield replace(shipped_finding("bodies"), asset="body anny")
        return
    from latentman.body.smpl import SITES, find_model, read_chosen

    terms = f"research only, must not be redistributed; register at {SITES[cfg.name]}"
    name, path = f"body {_BODIES[cfg.name]} {cfg.shape}", None
    try:
        path = find_model(cfg, weights)
        read_chosen(cfg, weights)
    except LatentManError as error:
        where = path or cfg.model or weights / cfg.name
        yield Finding(name, MISSING, str(where), terms, problem=str(error))
    else:
        yield Finding(name, PRESENT, str(path), terms, size_of(path))


def _renderer(config: Config) -> Iterator[Finding]:
    from latentman.render.rasterize import get_rasterizer

    if config.renderer.name == "torch":
        return
    try:
        get_rasterizer(config.renderer.name)
    except LatentManError as error:
        yield Finding(f"renderer {config.renderer.name}", MISSING, "not installed", "BSD", problem=str(error))
    else:
        yield Finding(f"renderer {config.renderer.name}", PRESENT, "installed", "BSD")


def _iuv(config: Config) -> Iterator[Finding]:
    from latentman.pipeline.iuv_files import check_iuv, iuv_files

    if config.iuv.name == "rendered":
        return
    name, where = f"iuv {config.iuv.name}", config.iuv.folder or config.iuv.file or "-"
    try:
        check_iuv(config)
    except LatentManError as error:
        yield Finding(name, MISSING, where, "your own", problem=str(error))
    else:
        yield Finding(name, PRESENT, where, "your own", f"{len(iuv_files(config))} files")


_PARTS: dict[str, Callable[[Config], Iterator[Finding]]] = {
    "setup": _setup, "motion": _motion, "body": _body, "renderer": _renderer, "iuv": _iuv,
}  # fmt: skip
"""What each group of the configuration needs."""
