"""JSON files of our own, checked against a type: a dataclass or a model of pydantic."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from latentman.errors import DataError, LatentManError
from latentman.files.json_file import MAX_BYTES, parse_json
from latentman.files.opening import FlawError, read_bytes, reading

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def read_model(
    path: Path, kind: type[T], *, error: type[LatentManError] = DataError, advice: str = "", max_bytes: int = MAX_BYTES
) -> T:
    """Return the value of a JSON file as a ``kind``; its fields have exactly their types, and others are ignored.

    Args:
        path: the file.
        kind: a dataclass or a model of pydantic.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        max_bytes: the most that it may hold.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    with reading(path, error=error, advice=advice):
        data = read_bytes(path, max_bytes)
        parse_json(data)  # our own limits first
        return validated(kind, data)
    raise AssertionError  # reading() never swallows


def validated(kind: type[T], data: bytes | dict[str, Any]) -> T:
    """Return JSON, or what was read from it, as a ``kind``.

    Raises:
        FlawError: naming the first field that does not fit, and why.
    """
    from pydantic import ValidationError

    hashable: Any = kind
    adapter = _adapter(hashable)
    try:
        if isinstance(data, bytes):
            return adapter.validate_json(data, strict=True)
        return adapter.validate_python(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise FlawError(f"{place[:100]}: {first['msg']}") from error


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
