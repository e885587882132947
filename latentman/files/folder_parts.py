"""A folder as parts of a limited size: what is carried between machines that only pass on small files.

The files are laid end to end, and the result is cut every ``part_bytes`` bytes, wherever a file or a tensor ends. The
manifest, ``parts.json``, holds the SHA-256 of every part and every file, and is written last: a folder without it was
not finished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from latentman.errors import ConfigError, DataError
from latentman.files.json_file import read_json_object
from latentman.files.opening import missing_as, open_file, read_bytes, reading
from latentman.system.paths import write_atomic, write_json

FORMAT = 1
MANIFEST = "parts.json"
MAX_PART_BYTES = 2**30
_AGAIN = "copy all parts of that piece again, or start from the parts of the piece before it"
_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class Held:
    """A file or a part: its name (with slashes, relative to the folder), its length in bytes, and its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``parts.json`` holds: the files in their order, and the parts that their bytes were cut into."""

    files: tuple[Held, ...]
    parts: tuple[Held, ...]


def split_folder(folder: Path, names: Iterable[str], out: Path, part_bytes: int) -> Manifest:
    """Write files of a folder as parts of at most ``part_bytes`` bytes, and the manifest after them.

    Args:
        folder: the folder that the names are relative to.
        names: the files, with slashes; their order does not matter.
        out: the folder of the parts; it must be empty or new.
        part_bytes: 1 to :data:`MAX_PART_BYTES`. A file may be larger: it continues in the next part.

    Raises:
        ConfigError: if ``part_bytes`` is out of range, or ``out`` holds something.
        DataError: if a file is missing or cannot be read.
        RecordError: if ``out`` cannot be written.
    """
    check_target(out, part_bytes)
    files: list[Held] = []
    parts: list[Held] = []
    waiting = bytearray()
    for block in _blocks(folder, sorted(set(names)), files):
        waiting += block
        while len(waiting) >= part_bytes:
            parts.append(_write_part(out, len(parts), bytes(waiting[:part_bytes])))
            del waiting[:part_bytes]
    if waiting:
        parts.append(_write_part(out, len(parts), bytes(waiting)))
    manifest = Manifest(tuple(files), tuple(parts))
    write_json(out / MANIFEST, {"format": FORMAT, **asdict(manifest)})
    return manifest


def check_target(out: Path, part_bytes: int) -> None:
    """Check where parts are to be written, and their size, before the work that fills them.

    Raises:
        ConfigError: if ``part_bytes`` is not 1 to :data:`MAX_PART_BYTES`, or ``out`` holds something.
    """
    if not 1 <= part_bytes <= MAX_PART_BYTES:
        raise ConfigError(f"cannot write parts of {part_bytes} bytes to {out}: choose 1 to {MAX_PART_BYTES} bytes")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ConfigError(f"cannot write parts to {out}: it must be a new or empty folder, so that parts do not mix")


def join_parts(parts: Path, folder: Path) -> Manifest:
    """Restore the files that :func:`split_folder` split; every part is checked before the first file is written.

    Args:
        parts: the folder of the parts and their manifest.
        folder: where the files are written; files of the same names are replaced.

    Raises:
        DataError: if the manifest is missing, damaged or of another format, or a part is missing or is not what was
            written, naming the part.
        RecordError: if ``folder`` cannot be written.
    """
    manifest = read_manifest(parts)
    for part in manifest.parts:
        _read_part(parts, part)
    rest = bytearray()
    following = iter(manifest.parts)
    for file in manifest.files:
        # A lambda would bind the loop's variable late; write_atomic calls its argument at once, so it does not matter.
        write_atomic(folder / file.name, lambda path: _write_file(path, file, rest, following, parts))  # noqa: B023
    return manifest


def read_manifest(parts: Path) -> Manifest:
    """Return the manifest of a folder of parts.

    Raises:
        DataError: if it is missing or damaged, of another format, or names a file outside the folder.
    """
    path = parts / MANIFEST
    with missing_as(path, advice=f"a piece writes it last, so these parts are incomplete; {_AGAIN}"):
        content = read_json_object(path, advice=_AGAIN)
    if content.get("format") != FORMAT:
        raise DataError(
            f"{path} has format {content.get('format')!r}, and this version of latentman reads {FORMAT}: continue with "
            "the version that wrote it"
        )
    manifest = Manifest(_entries(path, content, "files"), _entries(path, content, "parts"))
    if sum(file.size for file in manifest.files) != sum(part.size for part in manifest.parts):
        raise DataError(f"{path} is damaged: its files and its parts differ in length; {_AGAIN}")
    if any("/" in part.name for part in manifest.parts):
        raise DataError(f"{path} is damaged: it names a part in another folder; {_AGAIN}")
    return manifest


def _blocks(folder: Path, names: Sequence[str], files: list[Held]) -> Iterator[bytes]:
    """Yield the bytes of the files, and add each to ``files`` once it has been read."""
    for name in names:
        path, digest, size = folder / name, hashlib.sha256(), 0
        with missing_as(path), reading(path), open_file(path) as opened:
            while block := opened.read(_BLOCK):
                digest.update(block)
                size += len(block)
                yield block
        files.append(Held(name, size, digest.hexdigest()))


def _write_part(out: Path, number: int, data: bytes) -> Held:
    part = Held(f"part-{number:05d}.bin", len(data), hashlib.sha256(data).hexdigest())
    write_atomic(out / part.name, lambda path: path.write_bytes(data))
    return part


def _read_part(folder: Path, part: Held) -> bytes:
    path = folder / part.name
    with missing_as(path, advice=_AGAIN), reading(path, advice=_AGAIN):
        data = read_bytes(path, MAX_PART_BYTES)
    if len(data) != part.size:
        raise DataError(f"{path} is damaged: it has {len(data)} bytes in place of {part.size}; {_AGAIN}")
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise DataError(f"{path} is damaged, or belongs to another piece: its SHA-256 differs; {_AGAIN}")
    return data


def _write_file(path: Path, file: Held, rest: bytearray, following: Iterator[Held], parts: Path) -> None:
    """Write the next ``file.size`` bytes of the parts; ``rest`` holds what was read and not yet written."""
    digest, missing = hashlib.sha256(), file.size
    with path.open("wb") as opened:
        while missing:
            if not rest:
                rest += _read_part(parts, next(following))
            taken = bytes(rest[:missing])
            del rest[: len(taken)]
            opened.write(taken)
            digest.update(taken)
            missing -= len(taken)
    if digest.hexdigest() != file.sha256:
        raise DataError(f"the parts in {parts} do not give {file.name}: its SHA-256 differs; {_AGAIN}")


def _entries(path: Path, content: dict[str, Any], key: str) -> tuple[Held, ...]:
    try:
        entries = tuple(Held(**entry) for entry in content[key])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged: it has no list of {key}; {_AGAIN}") from error
    for entry in entries:
        if not _is_sound(entry):
            raise DataError(f"{path} is damaged: its entry {entry.name!a} in {key} cannot be used; {_AGAIN}")
    if len({entry.name for entry in entries}) < len(entries):
        raise DataError(f"{path} is damaged: a name in {key} is there twice; {_AGAIN}")
    return entries


def _is_sound(entry: Held) -> bool:
    """Return whether an entry has the right types and its name stays inside the folder."""
    if not (isinstance(entry.name, str) and isinstance(entry.sha256, str) and type(entry.size) is int):
        return False
    name = PurePosixPath(entry.name)
    escapes = name.is_absolute() or ".." in name.parts or "\\" in entry.name or ":" in entry.name
    return bool(name.parts) and not escapes and entry.size >= 0
