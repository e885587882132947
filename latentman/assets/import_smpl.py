"""``latentman assets import-smpl``: converts an official SMPL or SMPL-X file to plain arrays."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from latentman.cli import Arguments
from latentman.errors import ConfigError, RecordError
from latentman.system.paths import user_path, weights_dir

GENDERS = {"neutral": ("neutral",), "female": ("female", "_f_"), "male": ("male", "_m_")}
"""The parts of a file name that mean a gender; female comes first, since \"female\" contains \"male\"."""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = Arguments(
        prog="latentman assets import-smpl",
        description="Convert an SMPL or SMPL-X model (.pkl or .npz) into an .npz of plain arrays that body=smpl and "
        "body=smplx read. No code in the file is executed, and neither chumpy nor smplx is needed.",
    )
    made.add_argument("file", metavar="FILE", type=Path, help="the model as it was downloaded")
    made.add_argument(
        "out", metavar="OUT", nargs="?", type=Path, help="default: smpl/SMPL_<GENDER>.npz under paths.weights"
    )
    made.add_argument("--gender", choices=tuple(GENDERS), help="default: taken from the name of the file")
    made.add_argument("--force", action="store_true", help="replace an existing file")
    return made


def import_command(arguments: list[str]) -> int:
    """Convert one file and return the exit status.

    Raises:
        ConfigError: if the gender is unknown.
        WeightsError: if the file is not an SMPL or SMPL-X model.
        RecordError: if the target exists already.
    """
    options = parser().parse_args(arguments)
    from latentman.body.smpl import SITES
    from latentman.body.smpl_model import read_model, write_model

    model = read_model(user_path(options.file))
    out = user_path(options.out) if options.out else _target(options.file, model.kind, options.gender)
    if out.suffix.lower() != ".npz":
        raise ConfigError(f"OUT={out} must end in .npz")
    if out.exists() and not options.force:
        raise RecordError(f"{out} exists already: --force replaces it, or name another OUT")
    try:
        write_model(out, model)
    except RecordError as error:
        raise RecordError(f"cannot write {out}: {error.__cause__}; name an OUT where you may write") from error
    (vertices, _, betas), joints = model.shapedirs.shape, model.weights.shape[1]
    sys.stdout.write(
        f"read {options.file}\n"
        f"{model.kind}: {vertices} vertices, {joints} joints, {len(model.faces)} faces, {betas} shape directions\n"
        f"written to {out}\n"
        f"The model stays under the licence of {SITES[_prefix(model.kind).lower()]}: research use, and it must not be "
        "redistributed, converted or not.\n"
    )
    return 0


def _target(file: Path, kind: str, gender: str | None) -> Path:
    """Return the default path of a converted model."""
    name = f"{file.stem.lower()}_"
    found = gender or next((known for known, marks in GENDERS.items() if any(mark in name for mark in marks)), None)
    if found is None:
        raise ConfigError(
            f"the name {file.name} does not contain a gender: add --gender neutral, male or female, or name OUT"
        )
    prefix = _prefix(kind)
    return weights_dir() / prefix.lower() / f"{prefix}_{found.upper()}.npz"


def _prefix(kind: str) -> str:
    """Return how the names of a kind's files begin: SMPL or SMPLX."""
    return kind.replace("-", "")
