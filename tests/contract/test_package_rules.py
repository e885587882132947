"""Rules for every file: its length, name, imports and header."""

import ast
import functools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sorted(path.relative_to(ROOT) for path in (ROOT / "latentman").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = PROJECT["dependencies"] + [item for extra in PROJECT["optional-dependencies"].values() for item in extra]
DECLARED = {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower() for requirement in REQUIREMENTS}
OWNERS = {"hydra_plugins": ["hydra-submitit-launcher"]} | packages_distributions()
"""Distributions by the module that they bring; `hydra_plugins` is a namespace that any plugin of Hydra brings."""
FORBIDDEN = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "handler", "handlers", "base"}
MAX_LINES = 400
LONGER: dict[str, int] = {}
"""Files with a higher limit, by path; none at present."""


@functools.cache
def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_files_are_short_enough_to_read() -> None:
    lines = {path.as_posix(): len(text_of(path).splitlines()) for path in PYTHON}
    assert {path: count for path, count in lines.items() if count > LONGER.get(path, MAX_LINES)} == {}


def test_files_are_named_for_their_concepts() -> None:
    assert [path for path in PYTHON if FORBIDDEN & {part.removesuffix(".py") for part in path.parts}] == []


MAY_IMPORT_PICKLE = {"latentman/system/pickle_records.py"}
"""Official SMPL models and results of pose estimators are pickles; this module can call nothing but records."""


def test_modules_unpickle_nothing() -> None:
    pattern = r"^\s*(import|from)\s+(pickle|dill|cloudpickle)\b|allow_pickle=True|weights_only=False"
    others = [path for path in PYTHON if path.as_posix() not in MAY_IMPORT_PICKLE]
    assert [path for path in others if re.search(pattern, text_of(path), re.M)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "method").glob("*.yaml")), ids=lambda path: path.stem)
def test_method_file_says_what_it_is(path: Path) -> None:
    package, purpose = path.read_text(encoding="utf-8").splitlines()[:2]
    assert package == "# @package _global_"
    assert re.fullmatch(r"# \S.{15,}", purpose)


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "exp").glob("*.yaml")), ids=lambda path: path.stem)
def test_experiment_file_gives_its_purpose_and_command(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line for line in lines if line.startswith("#")]
    assert header[0] == "# @package _global_"
    assert re.fullmatch(r"# \S.{15,}", header[1])
    assert f"#   python -m latentman.run +exp={path.stem}" in header
    assert f"name: {path.stem}" in lines


def test_everything_shipped_has_a_card() -> None:
    folders = [
        path for path in (ROOT / "latentman" / "assets").iterdir() if path.is_dir() and path.name != "__pycache__"
    ]
    assert folders
    for folder in folders:
        assert (folder / "CARD.md").is_file(), f"{folder.name} lacks a CARD.md"


def test_every_import_is_a_declared_dependency() -> None:
    importers: dict[str, Path] = {}
    for path in PYTHON:
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.Import):
                importers |= {alias.name.partition(".")[0]: path for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                importers[(node.module or "").partition(".")[0]] = path
    # PyTorch3D has no wheel on the index, so that no extra can bring it.
    for name in importers.keys() - sys.stdlib_module_names - {"latentman", "pytorch3d"}:
        owners = {owner.lower().replace("_", "-") for owner in OWNERS.get(name, [name])}
        assert owners & DECLARED, f"{importers[name]} imports {name}, which no dependency or extra brings"
