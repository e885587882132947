"""JSON files: strict, and bounded in size and depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from latentman.errors import DataError, LatentManError
from latentman.files.opening import FlawError, decoded, read_bytes, reading

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 100
_MOST = 1.7e308


def parse_json(text: str | bytes, *, strict: bool = True) -> Any:
    """Return the value of a JSON text.

    Args:
        text: the text, or its UTF-8 bytes.
        strict: refuse what JSON does not have (NaN and infinities), a name that is there twice, and text that cannot be
            encoded. Files of other programs are read without.

    Raises:
        FlawError: naming what is wrong.
    """
    text = decoded(text) if isinstance(text, bytes) else text
    options: dict[str, Any] = {"parse_constant": _no_constant, "object_pairs_hook": _once} if strict else {}
    try:
        value = json.loads(text, **options)
    except FlawError:
        raise
    except ValueError as error:
        raise FlawError(str(error)) from error
    except RecursionError as error:
        raise FlawError(f"it is nested more than {MAX_DEPTH} deep") from error
    _check_values(value, strict)
    return value


def read_json(
    path: Path,
    *,
    error: type[LatentManError] = DataError,
    advice: str = "",
    max_bytes: int = MAX_BYTES,
    strict: bool = True,
) -> Any:
    """Return the value in a JSON file.

    Args:
        path: the file.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        max_bytes: the most that it may hold.
        strict: as for :func:`parse_json`.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice):
        return parse_json(read_bytes(path, max_bytes), strict=strict)


def read_json_object(
    path: Path,
    *,
    error: type[LatentManError] = DataError,
    advice: str = "",
    max_bytes: int = MAX_BYTES,
    strict: bool = True,
) -> dict[str, Any]:
    """Return the object in a JSON file, as :func:`read_json`."""
    with reading(path, error=error, advice=advice):
        value = parse_json(read_bytes(path, max_bytes), strict=strict)
        if not isinstance(value, dict):
            raise FlawError(f"it must hold a JSON object and holds a {type(value).__name__}")
        return value
    raise AssertionError  # reading() never swallows


def _no_constant(name: str) -> NoReturn:
    raise FlawError(f"{name} is not a number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        names = [name for name, _ in pairs]
        raise FlawError(f"the name {next(name for name in names if names.count(name) > 1)!a} is there twice")
    return held


def _check_values(value: Any, strict: bool) -> None:
    """Refuse containers nested too deeply and, where ``strict``, text with halves of surrogate pairs."""
    level, depth = [value], 0
    while level:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
                inner += item if strict else ()
            elif isinstance(item, list):
                inner += item
            elif strict and isinstance(item, str) and not item.isascii():
                _check_text(item)
            elif strict and isinstance(item, int | float) and not -_MOST <= item <= _MOST:
                raise FlawError("it holds a number that is too large")
        level, depth = inner, depth + 1
        if depth > MAX_DEPTH + 1:
            raise FlawError(f"it is nested more than {MAX_DEPTH} deep")


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FlawError(f"the text {text[:40]!a} cannot be written as UTF-8") from error
