"""The documentation site: every key is in its reference, its pages exist, and their commands pass their checks."""

import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from latentman.cli import COMMANDS
from latentman.config import Config
from latentman.engine.compose import check_command, compose
from latentman.engine.loader import Tree
from latentman.engine.overrides import split_arguments
from tests.factories.commands import check

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
NAV = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
NOT_HERE = re.compile(r"hydra/launcher=(slurm|local_procs|mine)|--config-dir|hydra\.launcher|=/|\.\.\.|sampler=mine")
"""Commands that need a file, a folder or a package that is not part of a checkout."""


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "docs" / "build_site.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_site"] = module
    spec.loader.exec_module(module)
    return module


def plain_keys(value, prefix=""):
    """Yield the dotted keys of a composed configuration as dataclasses."""
    for item in fields(value):
        inner = getattr(value, item.name)
        if hasattr(inner, "__dataclass_fields__"):
            yield from plain_keys(inner, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}"


def test_every_key_has_a_type_a_default_and_a_meaning(build):
    keys = {key.name: key for key in build.keys()}  # noqa: SIM118
    assert set(plain_keys(compose([]))) <= set(keys)
    assert {item.name for item in fields(Config)} <= {name.partition(".")[0] for name in keys}
    for key in keys.values():
        assert key.kind, key
        assert key.default, key
        assert key.meaning, f"{key.name} has no docstring in latentman/config"
    page = build.keys_page()
    assert all(f"| `{name}` |" in page for name in keys)


def test_the_python_reference_names_what_exists(build):
    for name in re.findall(r"^::: (\S+)", build.api_page(), re.MULTILINE):
        module, _, attribute = name.rpartition(".")
        assert getattr(importlib.import_module(module), attribute).__doc__, name


def test_the_equations_name_functions_that_exist():
    text = (ROOT / "docs" / "equations.md").read_text()
    for functions, path in re.findall(r"\| ([`\w, ]+) \| \[`[\w.]+`\]\(\.\./([\w/.]+)\) \|", text):
        source = (ROOT / path).read_text()
        for name in re.findall(r"`(\w+)`", functions):
            assert f"def {name}(" in source, f"{name} is not in {path}"


def nav_files(entries):
    for entry in entries:
        for value in entry.values():
            yield from nav_files(value) if isinstance(value, list) else [value]


def test_the_navigation_holds_every_page():
    listed = set(nav_files(NAV))
    generated = {"docs/reference/keys.md", "docs/reference/api.md"}
    for name in listed - generated:
        assert (ROOT / name).is_file(), name
    assert {page.relative_to(ROOT).as_posix() for page in PAGES} <= listed


def commands(page):
    """Yield the command lines of a page's code blocks."""
    text = page.read_text().replace("\\\n", " ")  # a command over several lines
    yield from re.findall(r"^(?: {4})?(latentman .*)$", text, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_pass_their_checks(page):
    for line in commands(page):
        command, *rest = shlex.split(line, comments=True)[1:]
        assert command in COMMANDS, line
        if command == "run" and not NOT_HERE.search(line) and "-sc" not in rest:
            arguments = split_arguments(rest)
            modes = ["hydra.mode=MULTIRUN"] if "--multirun" in arguments.flags else []
            check(arguments.overrides + modes)


def test_the_experiment_of_the_how_to_is_composed_as_it_is_written(tmp_path):
    text = (ROOT / "docs" / "how-to" / "new-experiment.md").read_text()
    block = re.search(r"    # my_conf/exp/strength\.yaml\n((?:    .*\n)+)", text)[1]
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "strength.yaml").write_text("\n".join(line[4:] for line in block.splitlines()))
    assert len(check_command(["+exp=strength"], Tree(str(tmp_path))).jobs) == 8


@pytest.mark.slow
def test_what_an_agent_of_wandb_would_run_passes_its_checks():
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    text = (ROOT / "docs" / "tracking.md").read_text()
    block = re.search(r"    # sweep\.yaml\n((?:    .*\n)+)", text)[1]
    sweep = yaml.safe_load("\n".join(line[4:] for line in block.splitlines()))
    assert set(sweep["parameters"]) == {"pwg.delta", "sla"}
    for delta, sla in ((0.001, "none"), (0.1, "full")):
        chosen = {"pwg.delta": {"value": delta}, "sla": {"value": sla}}
        values = create_sweep_command_args({"args": chosen})
        values["program"] = [sweep["program"]]
        words = [part for word in create_sweep_command(sweep["command"]) for part in values.get(word[2:-1], [word])]
        assert words[:2] == ["latentman", "run"]
        arguments = split_arguments(words[2:])
        assert "--run" in arguments.flags
        assert not check_command([*arguments.overrides, "hydra.mode=RUN"]).is_sweep
        assert compose([*arguments.overrides, "hydra.mode=RUN"]).pwg.delta == delta


@pytest.mark.slow
def test_the_site_is_built_strictly(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    subprocess.run([sys.executable, "docs/build_site.py", "out/site-src"], cwd=ROOT, check=True)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "docs" / "reference" / "keys.html").is_file()
