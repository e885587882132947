"""glTF and GLB files: parsed by pygltflib, their numbers taken from buffers that stay in the file's folder.

glTF 2.0 (Khronos): a scene of nodes in JSON; animations, skins and their numbers are in accessors, which are views of
buffers: the binary part of a ``.glb``, text inside the JSON (base64), or a file next to it.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latentman.errors import DataError, MissingExtraError
from latentman.files.opening import FlawError, missing_as, read_bytes, reading, reason
from latentman.types import Array

MOST_BYTES = 2**30
"""Size of a file, and of each of its buffers, beyond which it is not read."""

_REMEDY = "export motion.file again, the skeleton without meshes if it is large"
_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(slots=True)
class GltfFile:
    """A parsed file; ``content`` is pygltflib's, with nodes, skins, animations and accessors."""

    path: Path
    content: Any
    _buffers: dict[int, bytes] = field(default_factory=dict)

    def numbers(self, accessor: int) -> Array:
        """Return the numbers (count, width) of an accessor in float64; normalised integers become -1 to 1.

        Raises:
            DataError: if it is outside its buffer, or a buffer cannot be read.
        """
        each = _item(self.content.accessors, accessor, "accessor", self.path)
        if each.sparse is not None:
            raise self.damaged(f"accessor {accessor} is sparse, which is not supported; export it without compression")
        if each.bufferView is None:
            raise self.damaged(f"accessor {accessor} has no data (compressed files are not supported)")
        view = _item(self.content.bufferViews, each.bufferView, "bufferView", self.path)
        dtype, width, count = np.dtype(_COMPONENTS[each.componentType]), _WIDTHS[each.type], int(each.count)
        data = self._buffer(int(view.buffer))
        start = int(view.byteOffset or 0) + int(each.byteOffset or 0)
        stride = int(view.byteStride or width * dtype.itemsize)
        end = min(len(data), int(view.byteOffset or 0) + int(view.byteLength))
        if count < 1 or start < 0 or stride < width * dtype.itemsize or start + (count - 1) * stride >= end:
            raise self.damaged(f"accessor {accessor} is outside its buffer")
        raw: Array = np.ndarray((count, width), dtype, data, start, (stride, dtype.itemsize))
        values = raw.astype(np.float64)
        if dtype.kind in "iu" and each.normalized:
            values = np.maximum(values / np.iinfo(dtype).max, -1.0)
        return values

    def damaged(self, what: str) -> DataError:
        """Return an error that says what is wrong with the file."""
        return DataError(f"motion.file={self.path}: {what}")

    def _buffer(self, number: int) -> bytes:
        if number not in self._buffers:
            buffer = _item(self.content.buffers, number, "buffer", self.path)
            self._buffers[number] = self._bytes(buffer.uri)
        return self._buffers[number]

    def _bytes(self, uri: str | None) -> bytes:
        """Return the bytes of a buffer."""
        if uri is None:
            blob = self.content.binary_blob()
            if blob is None:
                raise self.damaged("its binary part is missing; the file is truncated, export or copy it again")
            return bytes(blob)
        if uri.startswith("data:"):
            return base64.b64decode(uri.partition(",")[2], validate=True)
        name = urllib.parse.unquote(uri)
        folder = self.path.absolute().parent.resolve()
        place = (folder / name).resolve()
        if urllib.parse.urlsplit(uri).scheme or not place.is_relative_to(folder):
            raise self.damaged(
                f"it asks for the buffer '{uri:.80}' outside its own folder, which is not read; export it as .glb, or "
                "put the buffer next to it"
            )
        with missing_as(place, advice="copy it next to the file"), reading(place, advice="copy it next to the file"):
            return read_bytes(place, MOST_BYTES)
        raise AssertionError  # reading() never swallows


def buffer_files(path: Path) -> list[Path]:
    """Return the files next to a ``.gltf`` file in which it has its numbers, as far as they can be told."""
    try:
        if path.suffix.lower() != ".gltf":
            return []
        uris = [str(buffer.get("uri") or "") for buffer in json.loads(read_bytes(path, MOST_BYTES))["buffers"]]
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return []  # reading it says what is wrong
    return [path.parent / urllib.parse.unquote(uri) for uri in uris if uri and ":" not in uri]


def read_gltf(path: Path) -> GltfFile:
    """Parse a ``.gltf`` or ``.glb`` file.

    Raises:
        DataError: if it cannot be read, or is not glTF 2.
        MissingExtraError: if pygltflib is not installed.
    """
    try:
        import pygltflib
    except ImportError as error:
        raise MissingExtraError(
            f"motion.file={path} needs the package pygltflib, which is not installed: pip install 'latentman[gltf]', "
            "or export the motion as .bvh"
        ) from error
    with missing_as(path, advice="check motion.file"), reading(path, advice=_REMEDY), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = read_bytes(path, MOST_BYTES)
        try:
            content = _parsed(pygltflib, data)
            version = str(content.asset.version or "")
        except Exception as error:  # pygltflib raises whatever a damaged file makes it raise
            raise FlawError(f"it is damaged or not glTF ({reason(error)})") from error
    if not version.startswith("2"):
        raise DataError(f"motion.file={path} is glTF {version or 'without a version'}; export it as glTF 2.0")
    return GltfFile(path, content)


def _parsed(pygltflib: Any, data: bytes) -> Any:
    if data[:4] == b"glTF":
        return pygltflib.GLTF2.load_from_bytes(data)
    text = data.decode("utf-8-sig")
    if not isinstance(json.loads(text), dict):
        raise ValueError("it does not hold an object")
    return pygltflib.GLTF2.gltf_from_json(text)


def _item(items: Any, number: Any, what: str, path: Path) -> Any:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(items or ()):
        raise DataError(f"motion.file={path}: it has no {what} {number!s:.20}; the file is damaged, export it again")
    return items[number]
