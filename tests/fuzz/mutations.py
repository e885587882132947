"""Seeded damage to files: of bytes anywhere, and of what a format's structure says."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

Mutation = Callable[[bytes, random.Random], bytes]

NUMBERS = [
    0,
    1,
    -1,
    2,
    255,
    256,
    2**15,
    2**16,
    2**31 - 1,
    2**31,
    2**32,
    2**62,
    2**63 - 1,
    2**63,
    10**12,
    10**18,
    10**400,
]


ALIASES = b"\na0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
"""A YAML text that stands for 2^40 words."""


def flip(data: bytes, rng: random.Random) -> bytes:
    """Change a few bytes of the last nine tenths, so that most headers stay."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if found:
            found[rng.randrange(len(found) // 10, len(found))] = rng.randrange(256)
    return bytes(found)


def flip_anywhere(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    if found:
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) // 2, len(data) + 1)]


def repeat(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start : start + rng.randrange(1, 200)] * rng.choice((2, 3, 50)) + data[start:]


def insert(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) // 10, len(data) + 1)
    return data[:place] + rng.randbytes(rng.choice((1, 2, 8, 64))) + data[place:]


def big_number(data: bytes, rng: random.Random) -> bytes:
    """Overwrite four or eight bytes with a number at an edge."""
    if len(data) < 16:
        return data
    place = rng.randrange(len(data) - 8)
    form, size = rng.choice((("<I", 4), (">I", 4), ("<Q", 8), (">Q", 8)))
    number = rng.choice([n for n in NUMBERS if 0 <= n < 256**size])
    return data[:place] + struct.pack(form, number) + data[place + size :]


BYTES: Sequence[Mutation] = (flip, flip, flip_anywhere, cut, repeat, insert, big_number)


def digits(data: bytes, rng: random.Random) -> bytes:
    """Replace a written number by one at an edge, or by something else."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", data))
    if not found:
        return data
    one = rng.choice(found)
    other = rng.choice(
        [*(str(n) for n in NUMBERS), "NaN", "1e400", "1e-9", "-0.0", "true", "null", '"x"', "[1]", "²", "1" * 5000]
    )
    return data[: one.start()] + other.encode() + data[one.end() :]


def text_edges(data: bytes, rng: random.Random) -> bytes:
    """Insert what text formats stumble over."""
    place = rng.randrange(len(data) + 1)
    edge = rng.choice(
        [b"\t", b"\0", b"\xff", b"\xed\xa0\x80", b"[" * 100_000, b"{" * 3000, b"- " * 3000, b"!!bool maybe", b"!!python/name:os.system ",
         b"*a", b"&a [*a]", b'"\\ud800"', b"'", b'"', b"\r", b"\xef\xbb\xbf", b",,,,", b"<<: [1]\n", b"x: &x [1,1]\n", b"\n---\n", b"{}",
         ALIASES]
    )  # fmt: skip
    return data[:place] + edge + data[place:]


def json_tree(data: bytes, rng: random.Random) -> bytes:
    """Change the type of one value of a JSON text, rename a key, or give one twice."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return data
    places: list[tuple[object, object]] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            places.append((node, key))
            stack.append(value)
    if not places:
        return data
    node, key = rng.choice(places)
    other = rng.choice(
        [
            None,
            True,
            0,
            -1,
            2**63,
            1.5,
            "",
            "x",
            "../..",
            "a" * 300,
            [],
            [1, "a", None],
            {},
            {"a": 1},
            [[]],
            "\u202e",
            -(2**70),
        ]
    )
    if isinstance(node, dict) and rng.random() < 0.3:
        value = node.pop(key)
        node[rng.choice(["state", "folder", "seed", "__metadata__", "x", ""])] = value
    else:
        node[key] = other  # type: ignore[index]
    return json.dumps(tree).encode()


def npy_header(data: bytes, rng: random.Random) -> bytes:
    """Rewrite what the header of an npy file says."""
    if data[:6] != b"\x93NUMPY":
        return data
    size = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + size].decode("latin1").rstrip()
    change = rng.randrange(6)
    if change == 0:
        shape = ", ".join(str(rng.choice(NUMBERS)) for _ in range(rng.randrange(1, 5)))
        header = re.sub(r"'shape': \([^)]*\)", f"'shape': ({shape},)", header)
    elif change == 1:
        kinds = [
            "<f8",
            "|O",
            "<U100000000",
            "|V8",
            "<c16",
            "<M8[ns]",
            "|S0",
            "<U0",
            "<f2",
            "xx",
            "|b1",
            ">i8",
            "<f8,<i4",
            "(3,)<f8",
        ]
        header = re.sub(r"'descr': '[^']*'", f"'descr': '{rng.choice(kinds)}'", header)
    elif change == 2:
        header = rng.choice(
            ["(" * 5000, "[" * 900, "{", "{'descr':", "__import__('os')", "{'a': 1}", "1", "\\", "'" * 3]
        )
    elif change == 3:
        header = header.replace("False", rng.choice(["True", "0", "None"]))
    elif change == 4:
        return data[:6] + bytes([rng.randrange(5), rng.randrange(3)]) + data[8:]
    else:
        return data[:8] + rng.randrange(65536).to_bytes(2, "little") + data[10:]
    body = header.encode("latin1") + b"\n"
    return data[:8] + len(body).to_bytes(2, "little") + body + data[10 + size :]


def zip_members(data: bytes, rng: random.Random) -> bytes:
    """Write a zip file again with other members: damaged, missing, twice, no arrays, compressed in another way."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:
        return data
    if not members:  # an earlier mutation took the last one
        return data
    place = rng.randrange(len(members))
    name, content = members[place]
    change = rng.randrange(9)
    if change == 0:
        members.pop(place)
    elif change == 1:
        members.append((rng.choice(["x.txt", "../x.npy", "/x.npy", "x.npy", "a\\b.npy", "y"]), b"text"))
    elif change == 2:
        members[place] = (name, rng.choice([b"", b"text", b"\x80\x04N.", content[: len(content) // 2], content + b"x"]))
    elif change in (3, 4, 5):
        members[place] = (name, npy_header(content, rng))
    elif change == 6:
        members[place] = (name, flip(content, rng))
    elif change == 7:
        members[place] = (name, members[rng.randrange(len(members))][1])
    out = io.BytesIO()
    kind = (
        rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
        if change == 8
        else zipfile.ZIP_DEFLATED
    )
    with zipfile.ZipFile(out, "w", kind) as archive:
        for each, held in members:
            archive.writestr(each, held)
    found = bytearray(out.getvalue())
    if rng.random() < 0.1:  # encrypted, by the flag in the table
        at = found.find(b"PK\x01\x02")
        found[at + 8] |= 1
    return bytes(found)


def array_values(data: bytes, rng: random.Random) -> bytes:
    """Replace a member of an npz file by a number or an array with values at an edge, of its own type or another."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
            name = rng.choice(sorted(members))
            array = np.load(io.BytesIO(members[name]), allow_pickle=False)
    except Exception:
        return data
    edges = (0, -1, 1, 1e-9, 1e9, 1e300, -1e300, float("nan"), float("inf"), 2**31, 2**62)
    kinds = ("float64", "float16", "int64", "uint8", "complex128", "bool", "U4")
    kind = array.dtype.name if rng.random() < 0.6 and array.dtype.kind in "fiub" else rng.choice(kinds)
    with np.errstate(all="ignore"):
        edge = np.array(rng.choice(edges)).astype(kind)
        if array.ndim and rng.random() < 0.6:
            changed = array.astype(kind) if array.dtype.kind in "fiub" else np.full(array.shape, edge)
            changed.flat[rng.randrange(max(1, changed.size)) : rng.choice((None, 1))] = edge
        else:
            changed = edge if rng.random() < 0.5 else np.full(array.shape[1:], edge)
    made, out = io.BytesIO(), io.BytesIO()
    np.save(made, changed)
    members[name] = made.getvalue()
    with zipfile.ZipFile(out, "w") as archive:
        for each, held in members.items():
            archive.writestr(each, held)
    return out.getvalue()


def bvh_structure(data: bytes, rng: random.Random) -> bytes:
    """Change what a BVH file says of itself: its frames, their time, channels; or give it very many joints."""
    change = rng.randrange(4)
    if change < 3:
        word = (rb"Frames:", rb"Frame Time:", rb"CHANNELS")[change]
        edges = ("0", "-1", "1e-9", "²", "1e400", "nan", "x", "", "1" * 400, *map(str, NUMBERS))
        edge = rng.choice(edges).encode()
        places = list(re.finditer(word + rb"[ \t]*(\S+)", data))
        if not places:
            return data
        place = rng.choice(places)
        return data[: place.start(1)] + edge + data[place.end(1) :]
    count = rng.choice((300, 40_000))
    joint = b"JOINT j%d\n{\nOFFSET 0 1 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
    if rng.random() < 0.5:
        joints = b"".join(joint % n for n in range(count)) + b"End Site\n{\nOFFSET 0 1 0\n}\n" + b"}\n" * count
    else:
        joints = b"".join(joint % n + b"End Site\n{\nOFFSET 0 1 0\n}\n}\n" for n in range(count))
    at = data.find(b"JOINT")
    return data if at < 0 else data[:at] + joints + data[at:]


def safetensors_header(data: bytes, rng: random.Random) -> bytes:
    """Change one thing in the table of a safetensors file and write its length again."""
    length = int.from_bytes(data[:8], "little")
    change = rng.choice((json_tree, json_tree, digits))
    header = change(data[8 : 8 + length], rng)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def csv_cells(data: bytes, rng: random.Random) -> bytes:
    """Replace, remove or add a cell."""
    lines = data.decode("utf-8", "replace").split("\n")
    place = rng.randrange(len(lines))
    cells = lines[place].split(",")
    other = rng.choice(["", '"', "nan", "inf", "1e400", "x", "a\0b", "'", "=1+1", "é", "9" * 400, "../x", "[]", "{"])
    at = rng.randrange(len(cells))
    if rng.random() < 0.7:
        cells[at] = other
    else:
        cells.insert(at, other)
    lines[place] = ",".join(cells)
    return "\n".join(lines).encode("utf-8", "surrogatepass")
