"""``python -m latentman.assets``: what is installed, what is missing, and how to get it. Never loads a model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.errors import ConfigError, LatentManError, nearest
from latentman.paths import asset, read_npz

if TYPE_CHECKING:
    from latentman.config import Config

HELP = """\
latentman assets: what is installed, what is missing, and how to get it.

  latentman assets check [KEY=VALUE ...]   check all that a run needs; takes the same settings as `latentman run`,
                                           such as setup.model=DIR or solver=lapjv; exit status 2 if anything is missing
  latentman assets list                    what ships inside the package: size, files and licence
"""

PACKAGES = ("torch", "diffusers", "transformers", "hydra-core", "imageio-ffmpeg")
SOLVER_PACKAGES = {"lapjv": "lapjv"}
BODY_KEYS = {"v_bind", "j_bind", "faces", "skin_idx", "skin_w", "licence"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for: ``problem`` is None when it is there, and otherwise says what to do."""

    what: str
    found: str
    problem: str | None = None


def main(argv: list[str]) -> int:
    """Carry out ``latentman assets`` and return the exit status: 2 if a run would lack something.

    Raises:
        ConfigError: for an unknown command or setting.
    """
    commands: dict[str, Callable[[list[str]], int]] = {"check": _check, "list": _list}
    if not argv or argv[0] in ("-h", "--help") or {"-h", "--help"} & set(argv[1:]):
        sys.stdout.write(HELP)
        return 0
    if argv[0] not in commands:
        raise ConfigError(
            f"'{argv[0]}' is no command of latentman assets{nearest(argv[0], commands)}\ncommands: check, list"
        )
    return commands[argv[0]](argv[1:])


def _check(overrides: list[str]) -> int:
    from latentman.composition import compose
    from latentman.overrides import split_arguments

    arguments = split_arguments(overrides)
    findings = [*check(compose(arguments.overrides, arguments.flags.get("--config-dir")))]
    for finding in findings:
        mark = "ok     " if finding.problem is None else "missing"
        sys.stdout.write(f"{mark}  {finding.what:<16} {finding.found}\n")
        if finding.problem is not None:
            sys.stdout.write("".join(f"         {line}\n" for line in finding.problem.splitlines()))
    missing = sum(finding.problem is not None for finding in findings)
    sys.stdout.write(f"{missing} missing\n" if missing else "everything that this run needs is there\n")
    return 2 if missing else 0


def check(config: Config) -> Iterator[Finding]:
    """Yield a finding for everything that a run with this configuration needs."""
    for package in PACKAGES:
        yield _package(package, f"install it: pip install {package}")
    if config.solver.name in SOLVER_PACKAGES:
        yield _package(
            SOLVER_PACKAGES[config.solver.name], "install it: pip install 'latentman[lap]', or use solver=auto"
        )
    yield _model(config)
    if config.body.name == "anny":
        yield _body(asset("bodies", f"anny_{config.body.shape}.npz"))


def _package(name: str, problem: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", problem)


def _model(config: Config) -> Finding:
    from latentman.diffusion.checkpoint import check_model_directory, local_folder

    setup = config.setup
    try:
        model = local_folder(setup.model)
        controlnet = None if setup.controlnet is None else local_folder(setup.controlnet)
        if model is None or (setup.controlnet is not None and controlnet is None):
            found = f"{setup.model} and {setup.controlnet}" if setup.controlnet else setup.model
            return Finding("setup.model", f"{found}: from the hub, fetched when a run first needs it")
        check_model_directory(model, controlnet)
    except LatentManError as error:
        return Finding("setup.model", setup.model, str(error))
    return Finding("setup.model", f"{setup.model}, whole ({_size(model)})")


def _body(path: Path) -> Finding:
    what = "body"
    if not path.is_file():
        return Finding(what, f"{path} is not there", "reinstall latentman: the file ships inside the package")
    try:
        missing = BODY_KEYS - read_npz(path).keys()
    except LatentManError:
        return Finding(what, f"{path} cannot be read", "reinstall latentman: the file ships inside the package")
    if missing:
        return Finding(what, f"{path} lacks {', '.join(sorted(missing))}", "reinstall latentman, or restore the file")
    return Finding(what, f"{path.name} ({_size(path)})")


def _list(arguments: list[str]) -> int:
    if arguments:
        raise ConfigError(f"latentman assets list takes no settings, got {' '.join(arguments)}")
    for folder in shipped():
        sys.stdout.write(f"{folder.name:<12} {_size(folder):>8}  {licence(folder)}\n")
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".safetensors", ".npz"):
                sys.stdout.write(f"  {file.relative_to(folder).as_posix():<50} {_size(file):>8}\n")
    sys.stdout.write(f"in {asset()}; each folder's CARD.md says how it was made\n")
    return 0


def shipped() -> list[Path]:
    """Return the folders of what ships inside the package, each with its CARD.md."""
    return sorted(card.parent for card in asset().glob("*/CARD.md"))


def licence(folder: Path) -> str:
    """Return what the folder's card says after ``Licence:``, or where to look."""
    for line in (folder / "CARD.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("Licence:"):
            return line.removeprefix("Licence:").strip()
    texts = [path.name for path in sorted(folder.glob("LICENSE*"))]
    return f"see {(texts or ['CARD.md'])[0]} there"


def _size(path: Path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    total = sum(file.stat().st_size for file in files)
    return f"{total / 1e6:.1f} MB"


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["assets", *sys.argv[1:]]))
