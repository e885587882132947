"""BVH files: a strict parser and the forward kinematics of what it read.

The format (Biovision, 1990s) is a tree of joints, each with an offset and a list of channels, then one line of channel
values a frame. Any order of channels and rotations is read, position channels on any joint, and End Sites, which become
joints of their own. Units, axes and the frame rate stay as the file has them; :mod:`latentman.motion.recorded.door`
makes sense of them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from latentman.errors import DataError
from latentman.files.opening import missing_as, read_text
from latentman.system.whole_number import whole_number
from latentman.types import Array

log = logging.getLogger("latentman.motion")

MAX_DEPTH, MAX_JOINTS = 128, 2000
"""Joints from the root to a fingertip, and in all, beyond which a file is damaged rather than detailed."""

_CHANNELS = {f"{axis}{kind}" for axis in "XYZ" for kind in ("POSITION", "ROTATION")}
_MOST_BYTES = 2**28
_TRUNCATED = "the file is truncated: export or copy it again"
_Tokens = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Bvh:
    """The content of a file: J joints in the order of the file, End Sites included and named ``<parent>_end``.

    ``parents`` index of each joint's parent, -1 for the root; ``offsets`` (J, 3) in the file's unit; ``channels`` of
    each joint, such as "ZROTATION"; ``values`` (T, C) in the file's unit and degrees; ``frame_time`` as the file writes
    it, in seconds, unchecked; ``frame_time_line`` the line where it is.
    """

    path: Path
    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Array
    channels: tuple[tuple[str, ...], ...]
    values: Array
    frame_time: str
    frame_time_line: int

    @property
    def fps(self) -> float:
        """Frames a second, NaN where the file has no number above 0.

        A rate within 0.2 % of a whole number is that number, since files write few digits.
        """
        try:
            seconds = float(self.frame_time)
        except ValueError:
            return math.nan
        # Also for a number so small that there is no reciprocal.
        if not 1e-300 < seconds < math.inf:
            return math.nan
        rate = 1.0 / seconds
        return float(round(rate)) if abs(rate - round(rate)) <= 0.002 * rate else rate


@dataclass
class _Skeleton:
    """The tree while it is being read."""

    path: Path
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float] | None] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def begin(self, name: str, line: int) -> None:
        """Open a joint below the one that is open."""
        if name in self.known:
            raise _bad(self.path, line, f"a second joint is named '{name}'", "give every joint its own name")
        if len(self.names) >= MAX_JOINTS:
            raise _bad(self.path, line, f"there are more than {MAX_JOINTS} joints", "keep one character in a file")
        if len(self.open) >= MAX_DEPTH:
            raise _bad(
                self.path, line, f"joints are nested more than {MAX_DEPTH} deep", "export the file again, it is damaged"
            )
        self.parents.append(self.open[-1] if self.open else -1)
        self.open.append(len(self.names))
        self.names.append(name)
        self.known.add(name)
        self.offsets.append(None)
        self.channels.append(())

    def end_name(self) -> str:
        """Return a free name for an End Site of the joint that is open."""
        name = f"{self.names[self.open[-1]]}_end"
        return next(n for n in chain([name], (f"{name}{i}" for i in count(2))) if n not in self.known)


def _bad(path: Path, line: int, what: str, remedy: str) -> DataError:
    return DataError(f"{path}, line {line}: {what}; {remedy}")


def read_bvh(path: Path) -> Bvh:
    """Read a BVH file.

    Raises:
        DataError: naming the file, the line and the remedy, if it cannot be read, is not a BVH file, is truncated, has
            fewer than two frames, or holds anything that is not a finite number where one belongs.
    """
    lines = _lines(path)
    start = next((i for i, line in enumerate(lines) if line.strip().upper() == "MOTION"), None)
    if start is None:
        raise _bad(path, len(lines), "the file ends without a MOTION section", _TRUNCATED)
    skeleton = _hierarchy(path, lines[:start])
    count, seconds, seconds_line = _motion_header(path, lines, start)
    values = _values(path, lines, seconds_line, count, sum(map(len, skeleton.channels)))
    return Bvh(
        path,
        tuple(skeleton.names),
        tuple(skeleton.parents),
        np.array(skeleton.offsets, dtype=np.float64),
        tuple(skeleton.channels),
        values,
        seconds,
        seconds_line,
    )


def joint_positions(bvh: Bvh, frames: slice | Array = slice(None)) -> Array:
    """Return the positions (T, J, 3) of all joints in the file's unit and axes, for a choice of frames.

    Position channels take the place of the joint's offset along their axis; rotations act in the order of the channels,
    each in the frame that the one before it left (intrinsic).
    """
    values = bvh.values[frames]
    positions = np.empty((len(values), len(bvh.names), 3))
    rotations: list[Array] = []
    column = 0
    for joint, (parent, channels) in enumerate(zip(bvh.parents, bvh.channels, strict=True)):
        own = values[:, column : column + len(channels)]
        column += len(channels)
        local = np.tile(bvh.offsets[joint], (len(values), 1))
        for index, channel in enumerate(channels):
            if channel.endswith("POSITION"):
                local[:, "XYZ".index(channel[0])] = own[:, index]
        turn = _rotation(channels, own)
        if parent < 0:
            positions[:, joint] = local
            rotations.append(turn)
        else:
            above = rotations[parent]
            positions[:, joint] = positions[:, parent] + np.einsum("tij,tj->ti", above, local)
            rotations.append(above @ turn if channels else above)
    return positions


def _rotation(channels: tuple[str, ...], values: Array) -> Array:
    """Return the rotations (T, 3, 3) of one joint's channels (T, C)."""
    turning = [i for i, channel in enumerate(channels) if channel.endswith("ROTATION")]
    if not turning:
        return np.tile(np.eye(3), (len(values), 1, 1))
    order = "".join(channels[i][0] for i in turning)
    matrices: Array = Rotation.from_euler(order, values[:, turning], degrees=True).as_matrix()
    return matrices


def _lines(path: Path) -> list[str]:
    """Return the lines of a text file whose first word is HIERARCHY."""
    with missing_as(path, advice="check the path"):
        text = read_text(path, advice="check the path", max_bytes=_MOST_BYTES, lenient=True)
    lines = text.removeprefix("\ufeff").splitlines()
    number, first = next(((i, line.split()[0]) for i, line in enumerate(lines, 1) if line.strip()), (1, ""))
    if first.upper() != "HIERARCHY":
        shown = f"it begins with '{first[:20]}'" if first.isprintable() and first else "it is empty or not text"
        raise _bad(path, number, f"this is not a BVH file, {shown} instead of HIERARCHY", "export the motion as BVH")
    return lines


def _hierarchy(path: Path, lines: list[str]) -> _Skeleton:
    """Read the tree of joints."""
    skeleton = _Skeleton(path)
    tokens = ((n, t) for n, line in enumerate(lines, 1) for t in line.replace("{", " { ").replace("}", " } ").split())
    next(tokens)  # HIERARCHY
    line = 1
    for line, token in tokens:
        word = token.upper()
        if word in ("ROOT", "JOINT", "END"):
            _begin(skeleton, word, line, tokens)
        elif word == "}" and skeleton.open:
            joint = skeleton.open.pop()
            if skeleton.offsets[joint] is None:
                raise _bad(path, line, f"joint {skeleton.names[joint]} has no OFFSET", "give it one, such as 0 0 0")
        elif word == "OFFSET" and skeleton.open:
            skeleton.offsets[skeleton.open[-1]] = [_number(path, *_next(path, line, tokens)) for _ in range(3)]
        elif word == "CHANNELS" and skeleton.open:
            skeleton.channels[skeleton.open[-1]] = _channels(path, line, tokens)
        else:
            raise _bad(path, line, f"'{token}' does not belong here", "export the file again")
    if skeleton.open or not skeleton.names:
        what = f"{len(skeleton.open)} joints are not closed" if skeleton.names else "there is no joint"
        raise _bad(path, line, what, _TRUNCATED)
    return skeleton


def _begin(skeleton: _Skeleton, word: str, line: int, tokens: _Tokens) -> None:
    """Read the name of a joint up to its brace and open it."""
    if (word == "ROOT") == bool(skeleton.names) or (word != "ROOT" and not skeleton.open):
        what = "a second ROOT" if skeleton.names else f"{word} in the place of ROOT"
        raise _bad(skeleton.path, line, what, "keep one character, with one ROOT, in a file")
    name: list[str] = []
    token = ""
    while token != "{":
        _, token = _next(skeleton.path, line, tokens)
        if token in ("}", "OFFSET", "CHANNELS"):
            raise _bad(skeleton.path, line, f"no '{{' follows {word} {' '.join(name)}".rstrip(), "add it")
        name.append(token)
    if word != "END" and len(name) < 2:
        raise _bad(skeleton.path, line, f"a {word} has no name", "give every joint a name")
    skeleton.begin(skeleton.end_name() if word == "END" else " ".join(name[:-1]), line)


def _channels(path: Path, line: int, tokens: _Tokens) -> tuple[str, ...]:
    """Read the number of channels and their names."""
    _, text = _next(path, line, tokens)
    count = whole_number(text)
    if count is None or count > len(_CHANNELS):
        raise _bad(path, line, f"CHANNELS {text[:20]}", f"a joint has 0 to {len(_CHANNELS)} channels")
    names = tuple(_next(path, line, tokens)[1].upper() for _ in range(count))
    for name in names:
        if name not in _CHANNELS:
            raise _bad(path, line, f"'{name}' is not a channel", "channels are Xposition, Zrotation and the like")
    if len(set(names)) < len(names):
        raise _bad(path, line, f"a channel is there twice in {' '.join(names)}", "a joint may have each once")
    return names


def _next(path: Path, line: int, tokens: _Tokens) -> tuple[int, str]:
    found = next(tokens, None)
    if found is None:
        raise _bad(path, line, "the tree of joints ends in the middle", _TRUNCATED)
    return found


def _number(path: Path, line: int, token: str) -> float:
    try:
        value = float(token)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _bad(path, line, f"'{token}' is not a finite number", "write numbers like -1.5, with a decimal point")
    return value


def _motion_header(path: Path, lines: list[str], start: int) -> tuple[int, str, int]:
    """Read the two lines below MOTION, blank lines left out.

    Returns:
        How many frames there are, how many seconds each takes as the file writes it, and the line, from 1, of that.
    """
    filled = [i for i in range(start + 1, len(lines)) if lines[i].strip()][:2] + [len(lines)] * 2
    (first, second), texts = filled[:2], [" ".join(line.split()) for line in [*lines, ""]]
    name, _, number = texts[first].partition(":")
    count = whole_number(number.strip())
    if name.strip().upper() != "FRAMES" or count is None:
        raise _bad(path, first + 1, f"'{texts[first][:40]}' in the place of 'Frames: N'", "export the file again")
    if count < 2:
        raise _bad(path, first + 1, f"{count} frames are not a motion", "export two frames or more")
    name, _, seconds = texts[second].partition(":")
    if name.strip().upper() != "FRAME TIME":
        what = f"'{texts[second][:40]}' in the place of 'Frame Time: SECONDS'"
        raise _bad(path, second + 1, what, "export the file again")
    return count, seconds.strip(), second + 1


def _values(path: Path, lines: list[str], first: int, count: int, width: int) -> Array:
    """Read one line of ``width`` numbers a frame."""
    rows = []
    for number, text in enumerate(lines[first:], first + 1):
        row = text.split()
        if not row:
            continue
        if len(row) != width:
            what = f"{len(row)} numbers in a frame, but the joints have {width} channels"
            raise _bad(path, number, what, "the file is truncated or its CHANNELS are wrong: export it again")
        try:
            rows.append([float(x) for x in row])
        except ValueError:
            rows.append([_number(path, number, x) for x in row])
        if not math.isfinite(sum(rows[-1])):
            for x in row:
                _number(path, number, x)
    if len(rows) < 2 or abs(len(rows) - count) > 1:
        what = f"{len(rows)} frames follow, but 'Frames: {count}' announces {count}"
        raise _bad(path, len(lines), what, f"the file is truncated or edited: export it again, or write {len(rows)}")
    if len(rows) != count:
        # Some exporters do not count the T-pose that they put in front.
        log.warning("%s announces %d frames and holds %d: all of them are read", path, count, len(rows))
    return np.array(rows, dtype=np.float64)
