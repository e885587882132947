"""A motion that begins again where it ended: what ``motion.if_short=loop`` shows of a clip that is too short.

Every repetition is moved as one so that its first pose stands where the last one ended: pelvis over pelvis, facing
the same way. A walk continues along its heading, and a turn keeps turning. The remaining difference between the two
poses is spread over the first frames of the repetition, which are played slower if necessary: the two together never
move a joint further in one frame than the clip itself does at its fastest.
"""

from __future__ import annotations

import math

import numpy as np

from latentman.motion.humanml3d import heading
from latentman.motion.skeleton import PELVIS, about_y
from latentman.types import Array

_SHARE = 0.25
"""Part of the clip's fastest step that a blend takes."""

_PACES = (1.0, 0.95, 0.9, 0.85, 0.8)
"""How fast the repetition is played during the blend: the first that keeps joints below the clip's fastest step."""


def repeated(joints: Array, num_frames: int) -> Array:
    """Return joints (num_frames, 22, 3) that play ``joints`` (T, 22, 3) again and again; a single pose just stays.

    Deviation from plain repetition: bones may change their length a little within a blend.
    """
    parts, total = [joints], len(joints)
    while total < num_frames:
        part = _next_repetition(joints, parts[-1][-1])
        parts.append(part)
        total += len(part)
    return np.concatenate(parts)[:num_frames]


def _next_repetition(joints: Array, last: Array) -> Array:
    """Return the frames (N, 22, 3) that follow the pose ``last`` (22, 3); its own first pose is ``last`` itself."""
    placed = _stood_on(joints, last)
    if len(placed) == 1:
        return placed
    difference = last - placed[0]
    fastest = float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).max())
    distance = float(np.linalg.norm(difference, axis=-1).max())
    if distance <= 1e-9 or fastest <= 0:
        return placed[1:]
    # A blend over n frames moves joints by distance / n per frame, which is kept to a share of the fastest step. At a
    # pace of one minus that share the sum cannot exceed it. A clip that is short compared with the difference needs a
    # larger share.
    frames_apart = distance / fastest
    share = max(_SHARE, frames_apart / (len(joints) - 1 + frames_apart))
    count = math.ceil(frames_apart / share)
    slowest = min(1 - share, (len(joints) - 1) / count)
    for pace in (*(p for p in _PACES if slowest < p <= (len(joints) - 1) / count), slowest):
        steps = np.arange(count + 1)
        blend = _at(placed, steps * pace) + (1 - steps / count)[:, None, None] * difference
        if np.linalg.norm(np.diff(blend, axis=0), axis=-1).max() <= fastest:
            break
    # From the end of the blend on at full pace, from a frame that may lie between two of the clip's.
    after = np.arange(count * pace + 1, len(joints) - 1 + 1e-9)
    return np.concatenate([blend[1:], _at(placed, after)])


def _stood_on(joints: Array, last: Array) -> Array:
    """Return the clip moved as one so that its first pelvis is over that of ``last``, facing the same way."""
    turn = about_y(np.asarray(float(heading(last[None])[0] - heading(joints[:1])[0])))
    first = joints[0, PELVIS]
    placed: Array = (joints - first) @ turn.T + first
    placed[..., [0, 2]] += last[PELVIS, [0, 2]] - first[[0, 2]]
    return placed


def _at(joints: Array, frames: Array) -> Array:
    """Return joints at frame numbers that need not be whole."""
    low = np.minimum(frames.astype(int), len(joints) - 1)
    high = np.minimum(low + 1, len(joints) - 1)
    weight = (frames - low)[:, None, None]
    between: Array = joints[low] * (1 - weight) + joints[high] * weight
    return between
