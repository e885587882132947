"""The commands, groups, make targets and links of the README exist."""

import re
from pathlib import Path

from latentman.engine.help import defaults, groups
from latentman.engine.overrides import split_arguments
from tests.factories.commands import check

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_run_command_in_the_readme_passes_its_checks() -> None:
    import shlex

    commands = re.findall(r"^ +latentman run (.*)$", README, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        arguments = split_arguments(shlex.split(command, comments=True))
        modes = ["hydra.mode=MULTIRUN"] if "--multirun" in arguments.flags else []
        check(arguments.overrides + modes)


def test_the_table_of_groups_is_complete() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    for group, choices in groups(ROOT / "conf").items():
        assert f"`{group}`" in rows or f"`+{group}`" in rows, f"group {group} is not in the table"
        for choice in choices:
            assert re.search(rf"\b{choice}\b", rows), f"{group}={choice} is not in the table"
    for choice in defaults(ROOT / "conf").values():
        assert f"**{choice}**" in rows


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for text in (README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        for target in re.findall(r"^ +make (\w+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), f"make {target} does not exist"


def test_links_lead_to_existing_files() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "experiments").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name} links to {link}"
