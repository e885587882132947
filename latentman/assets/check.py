"""``latentman assets check``: one table of everything that a setup needs. Never loads a model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.assets.finding import MISSING, ON_DEMAND, OPTIONAL, PRESENT, Finding, size_of
from latentman.assets.shipped import damage, folder_hash, licence
from latentman.errors import LatentManError
from latentman.paths import asset, weights_dir

if TYPE_CHECKING:
    from latentman.config import Config

PACKAGES = ("torch", "diffusers", "transformers", "hydra-core", "imageio-ffmpeg")
OPTIONAL_PACKAGES = {"lapjv": "for solver=lapjv: pip install 'latentman[lap]'"}
WIDTH = 118
"""Columns of the table where the output is no terminal."""

_BODIES = {"smpl": "SMPL", "smplx": "SMPL-X"}


def check_command(arguments: list[str]) -> int:
    """Print the table for the settings in ``arguments`` and return 0 if such a run can start, else 2."""
    from latentman.composition import compose
    from latentman.overrides import split_arguments

    everything = "--all" in arguments
    split = split_arguments([argument for argument in arguments if argument != "--all"])
    folder = split.flags.get("--config-dir")
    findings = [*check(compose(split.overrides, folder))]
    if everything:
        findings += _of_other_choices(findings, split.overrides, folder)
    _print_table(findings)
    missing = [finding for finding in findings if finding.state == MISSING]
    for finding in missing:
        sys.stdout.write(f"\n{finding.asset}: {finding.problem}\n")
    sys.stdout.write(f"\n{len(missing)} missing\n" if missing else "\neverything that this run needs is there\n")
    return 2 if missing else 0


def check(config: Config) -> Iterator[Finding]:
    """Yield a finding for everything that a run with this configuration needs."""
    from latentman.assets.motion_assets import motion_findings

    weights = weights_dir(config.paths.weights)
    for package in PACKAGES:
        yield package_finding(package, f"install it: pip install {package}")
    for package, purpose in OPTIONAL_PACKAGES.items():
        needed = config.solver.name == package
        yield package_finding(package, f"{purpose}, or use solver=auto", needed=needed)
    yield _model(config)
    if config.motion.name == "mdm_mini":
        yield shipped_finding("mini-mdm")
    yield from motion_findings(config.motion, weights)
    yield _body(config, weights)


def package_finding(name: str, problem: str, *, needed: bool = True) -> Finding:
    """Look for an installed package."""
    try:
        return Finding(f"package {name}", PRESENT, version(name))
    except PackageNotFoundError:
        state = MISSING if needed else OPTIONAL
        return Finding(f"package {name}", state, "not installed", problem=problem)


def shipped_finding(name: str) -> Finding:
    """Look whether something that ships is there, as it left us."""
    folder = asset(name)
    if not (folder / "CARD.md").is_file():
        return Finding(
            name, MISSING, str(folder), problem=f"{folder} is not there: reinstall latentman, which ships it"
        )
    broken = damage(folder)
    expected = f"{size_of(folder)}, sealed {folder_hash(folder)}"
    if broken:
        problem = f"{', '.join(broken)} in {folder} missing or changed since it was made: reinstall latentman"
        return Finding(name, MISSING, str(folder), licence(folder), expected, problem)
    return Finding(name, PRESENT, str(folder), licence(folder), expected)


def _model(config: Config) -> Finding:
    from latentman.diffusion.checkpoint import check_model_directory, local_folder

    setup = config.setup
    if setup.model == "asset:mini-sd" and setup.controlnet is None:
        return replace(shipped_finding("mini-sd"), asset="setup.model asset:mini-sd")
    try:
        model = local_folder(setup.model)
        controlnet = None if setup.controlnet is None else local_folder(setup.controlnet)
        if model is None or (setup.controlnet is not None and controlnet is None):
            found = f"{setup.model} and {setup.controlnet}" if setup.controlnet else setup.model
            return Finding("setup.model", ON_DEMAND, f"{found}, from the hub", "see its page there", "about 5 GB")
        check_model_directory(model, controlnet)
    except LatentManError as error:
        return Finding("setup.model", MISSING, setup.model, problem=str(error))
    return Finding("setup.model", PRESENT, str(model), expected=size_of(model))


def _body(config: Config, weights: Path) -> Finding:
    cfg = config.body
    if cfg.name == "anny":
        return replace(shipped_finding("bodies"), asset=f"body anny ({cfg.shape})")
    from latentman.body.smpl import SITES, find_model

    terms = f"research only, register at {SITES[cfg.name]}; may not be passed on"
    name = f"body {_BODIES[cfg.name]} ({cfg.shape})"
    try:
        path = find_model(cfg, weights)
    except LatentManError as error:
        where = cfg.model or str(weights / cfg.name)
        return Finding(name, MISSING, where, terms, problem=str(error))
    return Finding(name, PRESENT, str(path), terms, size_of(path))


def _of_other_choices(chosen: list[Finding], overrides: list[str], folder: str | None) -> list[Finding]:
    """Return what other choices of setup, motion and body would need; of these nothing counts as missing."""
    from latentman.composition import compose

    seen, more = {finding.asset for finding in chosen}, []
    others = ["motion=mdm_mini", "motion=mdm", "motion=mld", "motion=gmd", "motion=clip"]
    others += ["body=smpl", "body=smplx", "setup=sd15"]
    for other in others:
        for finding in check(compose([*overrides, other], folder)):
            if finding.asset not in seen:
                seen.add(finding.asset)
                more.append(replace(finding, state=OPTIONAL) if finding.state == MISSING else finding)
    return more


def _print_table(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, ratio in (("asset", 5), ("state", 2), ("where", 6), ("licence and source", 6), ("size, hash", 3)):
        table.add_column(heading, overflow="fold", ratio=ratio)
    for f in findings:
        style = {MISSING: "red", PRESENT: "green"}.get(f.state, "yellow")
        table.add_row(f.asset, f"[{style}]{f.state}[/]", f.where.replace(str(Path.home()), "~"), f.terms, f.expected)
    console.print(table)
