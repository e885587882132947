"""Several characters in one scene: each is placed, then all are joined into one moving mesh."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from latentman.errors import DataError
from latentman.types import MAX_CHARACTERS, NUM_PARTS, Array, BodySequence


def place_beside(
    sequence: BodySequence, first: BodySequence, *, offset: tuple[float, float], facing: float
) -> BodySequence:
    """Return a character that starts at ``offset`` from the start of another one.

    The motion is turned about the vertical axis through its own first pelvis, then moved over the floor so that this
    pelvis is at ``offset`` from the first pelvis of ``first``. Heights are unchanged.

    Args:
        sequence: the character.
        first: the other character.
        offset: x and z in metres, along the world's axes.
        facing: degrees, positive from +Z towards +X.
    """
    pivot = sequence.joints[0, 0].astype(np.float64) * (1, 0, 1)
    goal = first.joints[0, 0].astype(np.float64) * (1, 0, 1) + (offset[0], 0.0, offset[1])
    sine, cosine = math.sin(math.radians(facing)), math.cos(math.radians(facing))
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])

    def moved(points: Array) -> Array:
        return np.asarray(((points.astype(np.float64) - pivot) @ turn.T + goal).astype(points.dtype))

    return BodySequence(
        moved(sequence.vertices), sequence.faces, moved(sequence.joints), sequence.part, sequence.corner_uv,
        sequence.fps,
    )  # fmt: skip


def join(sequences: Sequence[BodySequence]) -> BodySequence:
    """Return one moving mesh of several characters, which occlude each other.

    Parts of character k, counted from 0, are numbered 24 k + 1 to 24 k + 24, so that no part is shared. The joints are
    only the first character's, which the camera and the depth range follow.

    Args:
        sequences: one for each character, 1 to ``MAX_CHARACTERS``, of equal length and frame rate.

    Raises:
        DataError: if there are none or too many, or if their lengths differ.
    """
    if not 1 <= len(sequences) <= MAX_CHARACTERS or len({len(one.vertices) for one in sequences}) > 1:
        raise DataError(
            f"cannot join {len(sequences)} characters of {[len(one.vertices) for one in sequences]} frames: a scene "
            f"has 1 to {MAX_CHARACTERS} of equal length; check companions=... and motion=..."
        )
    first = sequences[0]
    if len(sequences) == 1:
        return first
    before = np.cumsum([0, *(one.vertices.shape[1] for one in sequences[:-1])])
    return BodySequence(
        vertices=np.concatenate([one.vertices for one in sequences], axis=1),
        faces=np.concatenate([one.faces + start for one, start in zip(sequences, before, strict=True)]),
        joints=first.joints,
        part=np.concatenate([one.part + one.part.dtype.type(NUM_PARTS * k) for k, one in enumerate(sequences)]),
        corner_uv=np.concatenate([one.corner_uv for one in sequences]),
        fps=first.fps,
    )
