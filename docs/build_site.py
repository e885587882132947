"""Gathers the pages of the documentation site: ``python docs/build_site.py FOLDER``; ``make docs`` then builds it.

The site has the folder structure of the repository, so that every link works both there and on a code host. Files
that a page links to are copied with it. The reference pages are generated from the code.
"""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import sys
import typing
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

PAGES = ("*.md", "docs/**/*.md", "experiments/**/*.md", "analysis/*.md")
"""Every page of the site, apart from those that are generated."""

_LINK = re.compile(r"(!?\[[^\]]*\])\(([^)#\s:]+)(#[^)\s]*)?\)")

API = {
    "Runs": ("latentman.api", ("generate", "open_run", "compose", "Run")),
    "Pipeline": ("latentman.engine.latentman_pipeline", ("LatentManPipeline", "LatentManOutput")),
    "Stages": ("latentman.pipeline.in_memory", ("make_motion", "make_body", "make_render", "make_correspondence")),
    "What stages pass on": ("latentman.types", ("Motion", "BodySequence", "Conditions", "Correspondence")),
    "The method": (
        "",
        (
            "latentman.diffusion.sla.spatial_latent_alignment",
            "latentman.diffusion.pwg.pixel_wise_guidance",
            "latentman.diffusion.pwg.guidance_loss",
            "latentman.diffusion.pwg.guidance_step",
            "latentman.metrics.human_mse.human_mse",
            "latentman.metrics.human_mse.human_mse_official_uint8",
        ),
    ),
    "Errors": ("latentman.errors", ("LatentManError", "ConfigError", "RecordError", "WeightsError")),
}
"""The sections of the Python reference: the module, and the names in it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the configuration."""

    name: str
    kind: str
    default: str
    meaning: str


def main(argv: list[str]) -> int:
    """Gather the site into a new folder."""
    if len(argv) != 1:
        sys.stderr.write("usage: python docs/build_site.py FOLDER\n")
        return 2
    target = Path(argv[0])
    shutil.rmtree(target, ignore_errors=True)
    gather(target)
    reference = target / "docs" / "reference"
    reference.mkdir(parents=True, exist_ok=True)
    (reference / "keys.md").write_text(keys_page(), encoding="utf-8")
    (reference / "api.md").write_text(api_page(), encoding="utf-8")
    return 0


def gather(target: Path) -> None:
    """Copy every page and every file that one links to; a link to a folder becomes a link to its README."""
    for pattern in PAGES:
        for page in sorted(ROOT.glob(pattern)):
            text = page.read_text(encoding="utf-8")
            place = target / page.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            text = text.replace("<details>", '<details markdown="1">')  # what is inside is Markdown, as on a code host
            place.write_text(_LINK.sub(lambda match, page=page: _followed(match, page, target), text), encoding="utf-8")


def _followed(match: re.Match[str], page: Path, target: Path) -> str:
    """Return a link with its file copied; a link to a folder without a README becomes plain text."""
    label, link, anchor = match[1], match[2], match[3] or ""
    found = (page.parent / link).resolve()
    if not found.is_relative_to(ROOT) or not found.exists():
        raise SystemExit(f"{page.relative_to(ROOT)} links to {link}, which does not exist")
    if found.is_dir():
        if not (found / "README.md").is_file():
            return label.strip("[]")
        return f"{label}({link.rstrip('/')}/README.md{anchor})"
    place = target / found.relative_to(ROOT)
    if found.suffix != ".md" and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, place)
    return match[0]


def keys() -> list[Key]:
    """Return every key of the configuration, in the order of the schema."""
    from latentman.config import Config

    return list(_walk(Config, ""))


def keys_page() -> str:
    """Return the reference of all keys as Markdown, one table for each group."""
    lines = [
        "# Every key of the configuration",
        "",
        "Generated from the schema in `latentman/config/`. A default of `-` is set by the choice of the group; "
        "`latentman run --cfg job` shows the values of a command. How to set keys: "
        "[configuration](../configuration.md).",
    ]
    section = None
    for key in keys():
        first = key.name.partition(".")[0] if "." in key.name or key.kind.startswith("list of ") else ""
        if first != section:
            section = first
            title = f"`{first}`" if first else "Top level"
            lines += ["", f"## {title}", "", "| key | type | default | meaning |", "|---|---|---|---|"]
        cells = (f"`{key.name}`", f"`{key.kind}`", f"`{key.default}`", key.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _walk(kind: Any, prefix: str) -> Iterator[Key]:
    """Yield the plain keys of a dataclass, then those of its groups."""
    meanings, hints = _meanings(kind), typing.get_type_hints(kind)
    groups = []
    for item in fields(kind):
        name, inner = f"{prefix}{item.name}", _dataclass_in(hints[item.name])
        if inner is not None:
            groups.append((name, inner, item, meanings.get(item.name, "")))
            continue
        meaning = meanings.get(item.name, "")
        if item.name == "name" and prefix:
            meaning = meaning or f"Set by the choice of the group: `{prefix[:-1]}=NAME`."
        yield Key(name, _kind_of(hints[item.name]), _default_of(item), meaning.replace("``", "`"))
    for name, inner, item, meaning in groups:
        text = meaning or _first_line(inner)
        if typing.get_origin(hints[item.name]) is list:
            yield Key(name, f"list of {inner.__name__}", "[]", text)
        elif not is_dataclass(hints[item.name]):
            yield Key(name, f"{inner.__name__} or null", "null", text)
        yield from _walk(inner, f"{name}.")


def _meanings(kind: Any) -> dict[str, str]:
    """Return the docstrings behind the fields of a dataclass and of its bases."""
    found: dict[str, str] = {}
    for cls in reversed([base for base in kind.__mro__ if is_dataclass(base)]):
        node = ast.parse(inspect.getsource(cls)).body[0]
        assert isinstance(node, ast.ClassDef)
        for item, after in zip(node.body, node.body[1:], strict=False):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and is_text:
                found[item.target.id] = inspect.cleandoc(str(after.value.value)).replace("\n", " ")
    return found


def _dataclass_in(kind: Any) -> Any:
    """Return the dataclass that a type is or holds, or None."""
    if is_dataclass(kind):
        return kind
    return next((inner for inner in map(_dataclass_in, typing.get_args(kind)) if inner is not None), None)


def _kind_of(kind: Any) -> str:
    if isinstance(kind, type) and not typing.get_args(kind):
        return kind.__name__
    return str(kind).replace("typing.", "").replace(" | ", " or ").replace("None", "null")


def _default_of(item: Any) -> str:
    value = item.default_factory() if item.default_factory is not MISSING else item.default
    if value is MISSING or value == "???":
        return "-"
    if value is None or value == "":
        return "null" if value is None else '""'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first_line(kind: Any) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def api_page() -> str:
    """Return the Python reference as directives of mkdocstrings."""
    lines = ["# Python API", "", "Examples are in [latentman in Python](../python.md)."]
    for title, (module, names) in API.items():
        lines += ["", f"## {title}"]
        for name in names:
            full = f"{module}.{name}" if module else name
            lines += ["", f"::: {full}", "    options:", "      heading_level: 3"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
