"""No command line ends in a traceback: what is wrong with it is said in words, and nothing is written."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from latentman.engine.compose import check_command
from latentman.engine.explain import explained
from latentman.engine.launch import _with_mode
from latentman.engine.loader import Tree
from latentman.engine.overrides import SHOW_ONLY, split_arguments
from latentman.engine.show import show
from latentman.errors import LatentManError
from tests.fuzz.command_lines import SEEN, command_line

LINES = 2000
QUICK = 40
CHUNK = 250
REAL = [0, 1, 2, 4, 5, 6, 7, 8, 10, 14]
"""Places in ``SEEN`` of the lines that are also given to a process of their own."""

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(1200)]


def carry_out(line: list[str]) -> bool:
    """Do with a command line what ``latentman run`` does before the first stage; return whether it is accepted."""
    try:
        arguments = split_arguments(line)
        if {"--help", "--version"} & arguments.flags.keys():
            return True
        flags = arguments.flags
        tree = Tree(flags.get("--config-dir"), flags.get("--config-path"), flags.get("--config-name") or "config")
        with explained(), contextlib.redirect_stdout(io.StringIO()):
            if SHOW_ONLY & flags.keys():
                show(arguments, tree)
            else:
                check_command(_with_mode(arguments), tree)
    except LatentManError as error:
        assert str(error).strip(), line
        return False
    return True


def chunk(first: int, last: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    warnings.simplefilter("ignore")
    for seed in range(first, last):
        line = command_line(seed)
        try:
            carry_out(line)
        except BaseException as error:
            shown = [word[:80] for word in line]
            pytest.fail(f"seed {seed}: {shown!a}: {type(error).__name__}: {str(error)[:300]!a}")
    assert not list(folder.iterdir())


def test_a_command_line_ends_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk(0, QUICK, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", [QUICK, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(QUICK + CHUNK, LINES, CHUNK))]
)
def test_the_other_command_lines_end_in_words(first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk(first, min(first + CHUNK, LINES), tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("place", [*REAL[:3], *(pytest.param(n, marks=pytest.mark.nightly) for n in REAL[3:])])
def test_a_real_process_ends_in_words(place: int, tmp_path: Path, command_environment: dict[str, str]) -> None:
    command = [
        sys.executable,
        "-m",
        "latentman.run",
        *(word.encode("utf-8", "surrogateescape") for word in SEEN[place]),
    ]
    environment = command_environment | {"LC_ALL": "C"} if place % 2 else command_environment
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=100, check=False)
    said = done.stderr.decode("utf-8", "replace")
    assert "Traceback" not in said, said
    assert done.returncode == 2, said
    assert said.startswith("error: ")
    assert os.listdir(tmp_path) == []  # noqa: PTH208
