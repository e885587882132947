"""Safetensors files: the table in the header, checked to the byte, and the tensors.

The format: 8 bytes with the length of the header, the header (JSON: name to dtype, shape, and where its bytes begin and
end), then the bytes of all tensors without gaps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentman.errors import LatentManError, WeightsError
from latentman.files.json_file import parse_json
from latentman.files.opening import FlawError, open_file, reading

if TYPE_CHECKING:
    from torch import Tensor

MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""
MAX_DIMENSIONS = 16

METADATA = "__metadata__"

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip

Table = dict[str, dict[str, Any]]


def read_table(path: Path, *, error: type[LatentManError] = WeightsError, advice: str = "fetch it again") -> Table:
    """Return the table of a file, ``__metadata__`` (text by name) included, without reading a tensor.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``, if the file is truncated, padded or malformed.
    """
    with reading(path, error=error, advice=advice, what="cannot read the safetensors file"), open_file(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, MAX_HEADER_BYTES):
            raise FlawError(f"its header would be {length} bytes long in a file of {size}")
        return parse_table(file.read(length), size - 8 - length)
    raise AssertionError  # reading() never swallows


def parse_table(header: bytes, num_bytes: int) -> Table:
    """Return the table in a header after comparing it with the number of bytes that follow it.

    Raises:
        FlawError: naming the first tensor that does not fit.
    """
    table = parse_json(header)
    if not isinstance(table, dict):
        raise FlawError("its header is not an object of JSON")
    metadata = table.get(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FlawError("its metadata is not text by name")
    spans = sorted(_span(name, entry) for name, entry in table.items() if name != METADATA)
    end = 0
    for begin, stop, name in spans:
        if begin != end:
            raise FlawError(f"{name[:80]!a} begins at byte {begin}, where byte {end} is expected")
        end = stop
    if end != num_bytes:
        raise FlawError(f"it is damaged: {num_bytes} bytes of tensors, {end} expected from its header")
    return table


def _span(name: str, entry: Any) -> tuple[int, int, str]:
    """Return where the bytes of a tensor begin and end, and its name."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        raise FlawError(f"{name[:80]!a} has no dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _BITS:
        raise FlawError(f"{name[:80]!a} has the unknown dtype {str(kind)[:40]!a}")
    if not _are_counts(shape) or len(shape) > MAX_DIMENSIONS:
        raise FlawError(f"{name[:80]!a} has the shape {str(shape)[:80]}")
    if not _are_counts(offsets) or len(offsets) != 2:
        raise FlawError(f"{name[:80]!a} has the data_offsets {str(offsets)[:80]}")
    begin, end = offsets
    if (end - begin) * 8 != math.prod(shape) * _BITS[kind]:
        raise FlawError(f"{name[:80]!a} has {end - begin} bytes, which {kind} of shape {str(shape)[:80]} does not take")
    return begin, end, name


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def read_tensors(
    path: Path, *, error: type[LatentManError] = WeightsError, advice: str = "fetch it again"
) -> dict[str, Tensor]:
    """Return the tensors of a file by name, on the CPU.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    from safetensors.torch import load_file

    read_table(path, error=error, advice=advice)
    with reading(path, error=error, advice=advice):
        return dict(load_file(path))
    raise AssertionError  # reading() never swallows


@contextmanager
def opened_tensors(
    path: Path, *, error: type[LatentManError] = WeightsError, advice: str = "fetch it again"
) -> Iterator[Any]:
    """Yield the file as ``safetensors.safe_open`` gives it, to take single tensors from.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``.
    """
    from safetensors import safe_open

    read_table(path, error=error, advice=advice)
    with reading(path, error=error, advice=advice), safe_open(path, framework="pt") as file:
        yield file
