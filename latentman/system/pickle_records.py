"""Pickles read without running anything that they say.

A pickle is a program: it names functions and has them called. Here a file may name only what its reader lists, and
each of these names stands for a :class:`Record`, which only remembers what it was called with. Arrays are put
together afterwards, from their bytes (:mod:`latentman.system.pickle_arrays`). joblib's files are read too: a pickle
in which each array's bytes follow its description, the whole possibly compressed by zlib or gzip.

Small files that stand for much are bounded: the number of codes, the size after decompression, and the keys of
tables, which are texts or numbers, so that none takes long to hash. This is the one module of the package that reads
pickles.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from latentman.system.pickle_arrays import dtype_of, shape_of, to_array
from latentman.system.pickled_object import Record

MOST_BYTES = 2**31
"""Size of a file, and of what it decompresses to, beyond which it is not read."""

MOST_CODES = 20_000_000
"""Codes of a pickle, each of which makes at most one object."""

_MOST_RATIO, _FREE_BYTES = 100, 2**26
"""A compressed file may grow to this many times its size, and to this many bytes in any case."""

_LARGEST_KEY = 2**31
"""Larger numbers as keys of a table could be chosen to share one place in it."""


Names = Mapping[tuple[str, str], Callable[..., Any]]
"""What stands for each (module, name) that a file may hold."""


def record_names(kinds: Mapping[str, tuple[str, Iterable[str]]]) -> dict[tuple[str, str], type[Record]]:
    """Return a class for each (module, name); old and new places of one name share a kind.

    Args:
        kinds: for each kind of record, the name and the modules that it may be in.
    """
    table = {}
    for kind, (name, modules) in kinds.items():
        record = type(f"Record_{kind}", (Record,), {"__slots__": (), "kind": kind})
        table.update({(module, name): record for module in modules})
    return table


_BUILTIN = ("__builtin__", "builtins")
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")

ARRAY_NAMES: Names = record_names(
    {
        "array": ("_reconstruct", _MULTIARRAY),
        "buffer": ("_frombuffer", ("numpy.core.numeric", "numpy._core.numeric")),
        "scalar": ("scalar", _MULTIARRAY),
        "ndarray": ("ndarray", ("numpy",)),
        "dtype": ("dtype", ("numpy",)),
        "encode": ("encode", ("_codecs",)),
        "bytes": ("bytes", _BUILTIN),
        "set": ("set", _BUILTIN),
    }
)
"""NumPy's arrays, of every version of NumPy and Python."""


def _empty_table(*_: Any) -> dict[Any, Any]:
    return {}


JOBLIB_NAMES: Names = {
    **ARRAY_NAMES,
    **record_names(
        {
            "joblib_array": ("NumpyArrayWrapper", ("joblib.numpy_pickle",)),
            "list": ("list", _BUILTIN),
            "dict": ("dict", _BUILTIN),
        }
    ),
    ("collections", "OrderedDict"): _empty_table,
    ("collections", "defaultdict"): _empty_table,
}
"""NumPy's arrays in the files of joblib as well, and tables of the standard library."""


class RefusedNameError(Exception):
    """The file names something that its reader does not list."""


class PickleLimitError(Exception):
    """The file stands for more than its reader allows."""


class _Codes(dict[int, Any]):
    """The codes of a pickle, which counts how many are asked for."""

    def __init__(self, operations: dict[int, Any]) -> None:
        super().__init__(operations)
        self.left = MOST_CODES

    def __getitem__(self, code: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise PickleLimitError(f"it has more than {MOST_CODES} codes")
        return super().__getitem__(code)


_PythonUnpickler: Any = pickle._Unpickler
"""Its methods are not part of the typed interface of the module."""


class _Reader(_PythonUnpickler):
    """An unpickler whose only callables are those of a table of names.

    It is the one written in Python: the one in C reserves memory for any number that a damaged file names.
    """

    def __init__(self, file: _Source, names: Names) -> None:
        super().__init__(file, encoding="latin1")
        self.file, self.names = file, names
        self.dispatch = _Codes(_OPERATIONS)

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """Return what stands for a name of the file, or refuse the file."""
        if (module, name) not in self.names:
            raise RefusedNameError(f"{module}.{name}")
        return self.names[module, name]

    def build(self) -> None:
        """Give an object its state; the bytes of joblib's arrays follow in the file."""
        self.load_build()
        top = self.stack[-1]
        if isinstance(top, Record) and top.kind == "joblib_array":
            top.args = (self._array_bytes(top.state),)

    def _array_bytes(self, state: Mapping[str, Any]) -> Any:
        frame = self._unframer.current_frame
        if frame is not None and frame.read(1):
            raise ValueError("an array's bytes begin inside a frame")
        self._unframer.current_frame = None
        if state["dtype"].args[0] in ("O8", "O", "|O"):
            return _Reader(self.file, self.names).load()
        if state.get("numpy_array_alignment_bytes") is not None:
            self.file.read(self.file.read(1)[0])
        count = 1
        for length in shape_of(state["shape"]):
            count *= length
        return self.file.read(count * dtype_of(state["dtype"]).itemsize)

    def set_item(self) -> None:
        """Add one entry to a table."""
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1][_key(key)] = value

    def set_items(self) -> None:
        """Add the entries since the last mark to a table."""
        items = self.pop_mark()
        table = self.stack[-1]
        for key, value in zip(items[::2], items[1::2], strict=True):
            table[_key(key)] = value

    def make_table(self) -> None:
        """Make a table of the entries since the last mark."""
        items = self.pop_mark()
        self.append({_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)})

    def make_set(self) -> None:
        """Make a set of the entries since the last mark."""
        self.append(frozenset(map(_key, self.pop_mark())))

    def add_items(self) -> None:
        """Add the entries since the last mark to a set."""
        items = self.pop_mark()
        self.stack[-1].update(map(_key, items))


def _key(value: Any) -> str | int:
    """Return a value that may be a key of a table; others, such as tuples of tuples, could take hours to hash."""
    if isinstance(value, Record) and value.kind == "scalar":
        value = to_array(value).item()
    if isinstance(value, str) or (isinstance(value, int) and abs(value) < _LARGEST_KEY):
        return value
    raise ValueError(f"a {type(value).__name__} as a key; keys are texts, or numbers below {_LARGEST_KEY}")


def _operations() -> dict[int, Any]:
    """Return what the codes of a pickle do, without registered extensions and without memory asked for in advance."""
    operations: dict[int, Any] = dict(_PythonUnpickler.dispatch)
    for code in (pickle.EXT1, pickle.EXT2, pickle.EXT4):
        del operations[code[0]]
    operations[pickle.BYTEARRAY8[0]] = operations[pickle.BINBYTES8[0]]
    operations[pickle.BUILD[0]] = _Reader.build
    operations[pickle.SETITEM[0]] = _Reader.set_item
    operations[pickle.SETITEMS[0]] = _Reader.set_items
    operations[pickle.DICT[0]] = _Reader.make_table
    operations[pickle.FROZENSET[0]] = _Reader.make_set
    operations[pickle.ADDITEMS[0]] = _Reader.add_items
    return operations


_OPERATIONS = _operations()


class _Source:
    """A file, or what it decompresses to, from which no more can be asked than it may hold."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        start = file.read(2)
        file.seek(-len(start), 1)
        self._packed = start[:1] == b"\x78" or start == b"\x1f\x8b"
        self._left = min(MOST_BYTES, max(_FREE_BYTES, _MOST_RATIO * size)) if self._packed else size
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._ready = b""

    def read(self, count: int) -> bytes:
        """Return ``count`` bytes.

        Raises:
            EOFError: if the file has fewer.
        """
        if count > self._left + len(self._ready):
            raise EOFError(f"{count} bytes are announced, more than the file holds")
        data = self._unpacked(count) if self._packed else self._file.read(count)
        self._left -= 0 if self._packed else len(data)
        if len(data) < count:
            raise EOFError(f"{count} bytes are announced, {len(data)} are there")
        return data

    def readline(self) -> bytes:
        """Return the bytes up to the end of the line."""
        if not self._packed:
            line = self._file.readline()
            self._left -= len(line)
            return line
        letters = bytearray()
        while not letters.endswith(b"\n"):
            letters += self.read(1)
        return bytes(letters)

    def _unpacked(self, count: int) -> bytes:
        parts, missing = [self._ready[:count]], count - len(self._ready)
        self._ready = self._ready[count:]
        while missing > 0 and not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._file.read(2**16)
            part = self._unpacker.decompress(packed, max(missing, 2**16))
            if not packed and not part:
                break
            self._left -= len(part)
            if self._left < 0:
                raise PickleLimitError(f"it decompresses to more than {_MOST_RATIO} times its size")
            parts.append(part[:missing])
            self._ready, missing = part[missing:], missing - len(part)
        return b"".join(parts)


def load_records(file: BinaryIO, names: Names) -> Any:
    """Return what a pickle holds from the file's place on: plain data, and records in place of everything else.

    Args:
        file: open for reading, on disk.
        names: what the pickle may name.

    Raises:
        RefusedNameError: if it names anything else.
        PickleLimitError: if it stands for more than is allowed.
        Exception: of any other kind, if it is damaged or not a pickle.
    """
    start = file.tell()
    size = file.seek(0, 2) - start
    file.seek(start)
    if size > MOST_BYTES:
        raise PickleLimitError(f"it has {size} bytes, more than {MOST_BYTES}")
    return _Reader(_Source(file, size), names).load()


def read_records(path: Path, names: Names) -> Any:
    """Return what a pickled file holds, as :func:`load_records` does.

    Raises:
        OSError: if the file cannot be read; otherwise as :func:`load_records`.
    """
    with path.open("rb") as file:
        return load_records(file, names)
