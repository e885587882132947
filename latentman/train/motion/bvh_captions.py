"""Captions of motion files, from JSON lines or a CSV table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentman.errors import DataError
from latentman.files.json_file import parse_json
from latentman.files.opening import FlawError, missing_as, read_text, reading
from latentman.files.table_file import parse_csv


@dataclass
class Described:
    """The description of one motion: its captions and category."""

    captions: list[str] = field(default_factory=list)
    category: str | None = None


def read_captions(path: Path) -> dict[str, Described]:
    """Read captions by the names of motions (without ``.bvh``).

    Raises:
        DataError: if the file cannot be read, is neither JSON lines nor CSV, or a line lacks a name or a caption.
    """
    readers = {".jsonl": _from_json_lines, ".csv": _from_csv}
    if path.suffix.lower() not in readers:
        raise DataError(f"--captions {path}: give a JSON lines file (.jsonl) or a table (.csv)")
    with missing_as(path, advice="see --captions"):
        text = read_text(path, advice="see --captions")
    found: dict[str, Described] = {}
    for name, captions, category in readers[path.suffix.lower()](path, text):
        described = found.setdefault(name.removesuffix(".bvh").removesuffix(".BVH"), Described())
        described.captions += [caption for caption in captions if caption not in described.captions]
        described.category = described.category or category
    if not found:
        raise DataError(f"--captions {path} is empty: it needs a line for every motion")
    return found


def _from_json_lines(path: Path, text: str) -> Iterator[tuple[str, list[str], str | None]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = parse_json(line)
        except FlawError as error:
            raise DataError(f"{path}, line {number}: this is not JSON: {error}") from error
        if not isinstance(entry, dict):
            raise DataError(f"{path}, line {number}: expected an object with name and captions, got {line[:60]}")
        captions = entry.get("captions", [entry["caption"]] if "caption" in entry else [])
        yield _checked(path, number, entry.get("name"), captions, entry.get("category"))


def _from_csv(path: Path, text: str) -> Iterator[tuple[str, list[str], str | None]]:
    with reading(path):
        columns, *lines = parse_csv(text) or [[]]
    if "name" not in columns or "caption" not in columns:
        raise DataError(f"{path}, line 1: the columns name and caption are needed, got {', '.join(columns) or 'none'}")
    for number, cells in enumerate(lines, 2):
        if cells:
            row = dict(zip(columns, cells, strict=False))
            yield _checked(path, number, row.get("name"), [row.get("caption") or ""], row.get("category"))


def _checked(path: Path, number: int, name: Any, captions: Any, category: Any) -> tuple[str, list[str], str | None]:
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{path}, line {number}: the name is missing: the motion's path without .bvh")
    if not isinstance(captions, list) or not captions or not all(isinstance(c, str) and c.strip() for c in captions):
        raise DataError(f"{path}, line {number}: {name} needs captions, a list of texts, or one caption")
    return name.strip(), [" ".join(c.split()) for c in captions], str(category).strip() if category else None
