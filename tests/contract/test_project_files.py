"""The files for code hosts and containers name what exists."""

import re
from pathlib import Path

import pytest
import yaml

from latentman import __version__
from latentman.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_steps_of_a_workflow_run_what_exists(path):
    jobs = yaml.safe_load(path.read_text())["jobs"]
    makefile = (ROOT / "Makefile").read_text()
    for job in jobs.values():
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            for target in re.findall(r"\bmake (\w+)", step.get("run", "")):
                assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), f"make {target} does not exist"
            for script in re.findall(r"^\./(\S+)", step.get("run", "")):
                assert (ROOT / script).is_file()


def test_the_workflow_runs_everything_that_must_pass():
    assert "./.ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_the_workflow_covers_every_declared_python():
    declared = {"3.11", "3.12", "3.13"}
    assert declared <= set(re.findall(r"3\.\d\d", (ROOT / ".github" / "workflows" / "ci.yml").read_text()))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_an_issue_form_asks_for_something_and_has_unique_names(path):
    form = yaml.safe_load(path.read_text())
    names = [item["id"] for item in form["body"]]
    assert form["name"]
    assert form["description"]
    assert len(set(names)) == len(names) > 0


def test_what_the_image_copies_exists_and_is_not_ignored():
    text = (ROOT / "Dockerfile").read_text()
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = {word for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for word in line.split()}
    assert sources == kept
    for name in sources:
        assert (ROOT / name).exists(), name
    for command in re.findall(r"latentman(?::cuda)? (\w+)", "\n".join(text.splitlines()[:6])):
        assert command in COMMANDS, command


def test_the_checks_before_a_commit_use_the_projects_own_environment():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert all(hook["entry"].startswith(".venv/bin/python -m ") for hook in hooks)
    for path in re.findall(r"tests/\S+\.py", " ".join(hook["entry"] for hook in hooks)):
        assert (ROOT / path).is_file()


def test_the_citation_has_the_version_and_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    assert citation["preferred-citation"]["title"] in (ROOT / "README.md").read_text()
