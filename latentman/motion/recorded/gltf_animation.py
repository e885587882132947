"""The places of a glTF scene's nodes over time: animations sampled as glTF 2.0 (appendix C) says, one pose a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from latentman.motion.recorded.gltf_file import GltfFile
from latentman.motion.recorded.resample import MAX_FRAMES
from latentman.types import Array

_WIDTH = {"translation": 3, "rotation": 4, "scale": 3}
_REST = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}

_USUAL_RATE, _LARGEST_RATE = 30.0, 240.0
"""Frames a second at which keys of uneven spacing are sampled at least and at most."""

_SPARSE = 5.0
"""Keys a second below which they are those of an animator, between which the motion is drawn."""

_EVEN = 0.02
"""Largest difference of a step between keys from their mean, as a part of it, that counts as even."""

_MOST_ENTRIES = 4_000_000
"""Nodes times frames beyond which an animation is refused."""


@dataclass(frozen=True, slots=True)
class Track:
    """The keys of one property of a node: K times in seconds, values (K, width), for splines (K, 3, width)."""

    times: Array
    values: Array
    interpolation: str


Tracks = dict[tuple[int, str], Track]
"""Keys by node and by "translation", "rotation" or "scale"."""


def read_tracks(file: GltfFile, animation: Any, nodes: Sequence[int]) -> Tracks:
    """Return the keys of an animation that move some of these nodes.

    Raises:
        DataError: if keys are missing, out of order, not finite, or fit no property.
    """
    wanted, tracks = set(nodes), {}
    for channel in animation.channels or ():
        node, name = channel.target.node, channel.target.path
        if node not in wanted or name not in _WIDTH:
            continue
        if not isinstance(channel.sampler, int) or not 0 <= channel.sampler < len(animation.samplers):
            raise file.damaged(f"animation {animation.name} has no sampler {channel.sampler!s:.20}")
        sampler = animation.samplers[channel.sampler]
        kind = sampler.interpolation or "LINEAR"
        times, values = file.numbers(sampler.input)[:, 0], file.numbers(sampler.output)
        each = 3 if kind == "CUBICSPLINE" else 1
        if kind not in ("LINEAR", "STEP", "CUBICSPLINE") or values.shape != (each * len(times), _WIDTH[name]):
            raise file.damaged(f"keys of {name} of node {node} do not fit: {len(times)} times, values {values.shape}")
        if not (np.isfinite(times).all() and np.isfinite(values).all()) or (np.diff(times) <= 0).any():
            raise file.damaged(f"keys of {name} of node {node} are not finite, or their times do not increase")
        values = values.reshape(len(times), 3, -1) if each == 3 else values
        tracks[node, name] = Track(times, values, kind)
    return tracks


def frame_times(file: GltfFile, tracks: Tracks) -> tuple[Array, float]:
    """Return the times (T,) in seconds of the frames to take, and how many there are a second.

    Those of the keys where they are even; else evenly, at no less than 30 a second.

    Raises:
        DataError: if the keys span no time, or would give too many frames.
    """
    times = np.unique(np.concatenate([track.times for track in tracks.values()]))
    if len(times) < 2:
        raise file.damaged("its animation has keys at one time only: a motion needs two frames or more")
    steps = np.diff(times)
    mean = float(steps.mean())
    even = bool(np.abs(steps - mean).max() <= _EVEN * mean) and _SPARSE <= 1 / mean <= _LARGEST_RATE * 4
    rate = 1 / mean if even and len(times) > 2 else min(max(1 / float(np.median(steps)), _USUAL_RATE), _LARGEST_RATE)
    if abs(rate - round(rate)) < 0.002 * rate:
        rate = float(round(rate))
    count = round(float(times[-1] - times[0]) * rate) + 1
    if not 2 <= count <= MAX_FRAMES:
        raise file.damaged(f"its animation spans {times[-1] - times[0]:.4g} seconds, which make {count} frames")
    if even and count == len(times):
        return times, rate
    return np.minimum(times[0] + np.arange(count) / rate, times[-1]), rate


def positions(file: GltfFile, order: Sequence[int], parents: Sequence[int], tracks: Tracks, times: Array) -> Array:
    """Return the places (T, N, 3) of nodes in the scene at some times.

    Args:
        file: the scene.
        order: N nodes, parents before their children.
        parents: for each of them the place of its parent in ``order``, -1 for a root.
        tracks: the keys; nodes without any stay as the scene has them.
        times: (T,) seconds.

    Raises:
        DataError: if there are too many frames for the nodes, or a node's place is not finite.
    """
    if len(order) * len(times) > _MOST_ENTRIES:
        raise file.damaged(f"{len(order)} nodes in {len(times)} frames are more than {_MOST_ENTRIES} poses")
    turned: list[Array] = []
    places: list[Array] = []
    for node, parent in zip(order, parents, strict=True):
        linear, offset = _local(file, node, tracks, times)
        if parent >= 0:
            offset = places[parent] + np.einsum("tij,tj->ti", turned[parent], offset)
            linear = turned[parent] @ linear
        turned.append(linear)
        places.append(np.broadcast_to(offset, (len(times), 3)))
    result = np.stack(places, axis=1)
    if not np.isfinite(result).all():
        raise file.damaged("a node's place is not finite; export the animation again")
    return result


def _local(file: GltfFile, node: int, tracks: Tracks, times: Array) -> tuple[Array, Array]:
    """Return a node's linear maps (T or 1, 3, 3) and offsets (T or 1, 3) in its parent's frame."""
    each = file.content.nodes[node]
    animated = [name for name in _WIDTH if (node, name) in tracks]
    if each.matrix and not animated:
        matrix = _constant(file, node, each.matrix, 16).reshape(4, 4).T
        return matrix[None, :3, :3], matrix[None, :3, 3]
    values = {}
    for name, width in _WIDTH.items():
        track = tracks.get((node, name))
        given = getattr(each, name)
        rest = _constant(file, node, _REST[name] if given is None else given, width)
        values[name] = rest[None] if track is None else _sample(track, times, turn=name == "rotation")
    norms = np.linalg.norm(values["rotation"], axis=-1, keepdims=True)
    if (norms < 1e-6).any():
        raise file.damaged(f"a rotation of node {node} is the quaternion 0")
    turns = Rotation.from_quat(values["rotation"] / norms).as_matrix()
    return turns * values["scale"][:, None, :], values["translation"]


def _constant(file: GltfFile, node: int, values: Any, width: int) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (width,):
        raise file.damaged(f"node {node} has a transform of {array.size} numbers, {width} are needed")
    return array


def _sample(track: Track, times: Array, *, turn: bool) -> Array:
    """Return the values (T, width) of keys at some times; before the first key and after the last they stay."""
    if len(track.times) == 1:
        return (track.values[:, 1] if track.values.ndim == 3 else track.values).astype(np.float64)
    after = np.clip(np.searchsorted(track.times, times, side="right"), 1, len(track.times) - 1)
    before = after - 1
    span = track.times[after] - track.times[before]
    part = np.clip((times - track.times[before]) / span, 0.0, 1.0)[:, None]
    if track.interpolation == "CUBICSPLINE":
        return _spline(track.values, before, after, part, span[:, None])
    first, second = track.values[before], track.values[after]
    if track.interpolation == "STEP":
        return np.where(part < 1, first, second)
    return _slerp(first, second, part) if turn else first * (1 - part) + second * part


def _spline(values: Array, before: Array, after: Array, part: Array, span: Array) -> Array:
    """Return the cubic Hermite spline between keys of an in-tangent, a value and an out-tangent."""
    square, cube = part**2, part**3
    return (
        (2 * cube - 3 * square + 1) * values[before, 1]
        + (cube - 2 * square + part) * span * values[before, 2]
        + (3 * square - 2 * cube) * values[after, 1]
        + (cube - square) * span * values[after, 0]
    )


def _slerp(first: Array, second: Array, part: Array) -> Array:
    """Return quaternions (T, 4) on the shorter way between two."""
    cosine = (first * second).sum(axis=-1, keepdims=True)
    second = np.where(cosine < 0, -second, second)
    angle = np.arccos(np.clip(np.abs(cosine), 0.0, 1.0))
    sine = np.sin(angle)
    near = sine < 1e-6
    safe = np.where(near, 1.0, sine)
    weights = [np.where(near, w, np.sin(w * angle) / safe) for w in (1 - part, part)]
    return weights[0] * first + weights[1] * second
