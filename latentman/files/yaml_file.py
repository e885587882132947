"""YAML files: plain values only, each key once, and bounded in size, depth and what aliases expand to."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from latentman.errors import DataError, LatentManError
from latentman.files.opening import FlawError, decoded, read_bytes, reading

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 50
MAX_VALUES = 200_000
"""The most values of a file, every alias counted as all that it stands for."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _OnceLoader(_Parser):
    """The safe loader, which refuses a key that is there twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping; keys that a merge (``<<``) brings may be given again."""
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise FlawError(f"line {key.start_mark.line + 1}: the key {key.value!a} is there twice")
                seen.add(key.value)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return found


def parse_yaml(text: str | bytes) -> Any:
    """Return the value of a YAML text of one document.

    Raises:
        FlawError: naming the line and what is wrong.
    """
    text = decoded(text) if isinstance(text, bytes) else text
    try:
        _check_events(text)
        return yaml.load(text, Loader=_OnceLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise FlawError(f"{'line %d: ' % (mark.line + 1) if mark else ''}{error.problem or error.context}") from error  # noqa: UP031
    except FlawError:
        raise
    except (KeyError, ValueError, TypeError, OverflowError, AttributeError) as error:  # such as !!bool maybe
        raise FlawError(
            f"a value does not have the type that its tag names ({type(error).__name__}: {error})"
        ) from error


def read_yaml(
    path: Path, *, error: type[LatentManError] = DataError, advice: str = "", max_bytes: int = MAX_BYTES
) -> Any:
    """Return the value in a YAML file.

    Args:
        path: the file.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        max_bytes: the most that it may hold.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice):
        return parse_yaml(read_bytes(path, max_bytes))


def _check_events(text: str) -> None:
    """Refuse nesting and expansion beyond the limits before any value is built."""
    sizes: dict[str, int] = {}  # values that an anchor stands for
    open_: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=_Parser):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise FlawError(f"line {line}: the alias *{event.anchor} has no anchor before it")
            _add(open_, sizes[event.anchor], line)
        elif isinstance(event, yaml.ScalarEvent):
            _add(open_, 1, line)
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, 0))
            if len(open_) > MAX_DEPTH + 1:
                raise FlawError(f"line {line}: it is nested more than {MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, count = open_.pop()
            if anchor:
                sizes[anchor] = count + 1
            _add(open_, count + 1, line)


def _add(open_: list[tuple[str | None, int]], count: int, line: int) -> None:
    anchor, before = open_[-1]
    open_[-1] = (anchor, before + count)
    if before + count > MAX_VALUES:
        raise FlawError(f"line {line}: it has more than {MAX_VALUES} values, aliases included")
