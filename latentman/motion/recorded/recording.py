"""What a motion file holds, whatever its format: the one value that every reader returns.

A reader only reads. It converts nothing and refuses only what it cannot parse: units, axes, sides, rates and shapes are
made out and checked in :mod:`latentman.motion.recorded.door`, for all formats alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from latentman.types import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A motion as its file has it, in the file's own unit and axes, unchecked.

    Either ``joints`` or ``rotations`` is given.

    Attributes:
        path: the file, for messages.
        joints: (T, 22 or more, 3) positions, HumanML3D's joints first (SMPL's order).
        rotations: (T, 22 or more, 3) axis-angle in radians, or (T, 22 or more, 3, 3) rotation matrices, in the
            parents' frames, SMPL's order, SMPL's T-pose at rest.
        root: (T, 3) path of the pelvis that belongs to ``rotations``, metres; None where the file has none.
        rate: frames a second as the file states them (any type; the door checks it); None where it states none.
        rate_stated: how the file states the rate, for messages, such as "Frame Time: 1.0".
        usual_rate: what a file of this kind has when it states none; None refuses such a file.
        text: what the file says of itself.
        rigged: whether the joints are those of a skeleton of its own, which is retargeted to the template's bones.
        up: the axis that the file or its rig states to be up: "x", "y", "z", "-x", "-y" or "-z"; None to find it.
        usual_up: the axis that files of this kind mostly have up, for a clip that shows no evidence.
        scale: metres per unit where the file or its rig states them; None lets the legs show it.
        rest: (22, 3) the joints in the skeleton's rest pose, in the unit and axes of ``joints``; None where unknown.
        rig: name of the rig that the joints were found with.
        mapping: HumanML3D's joint to the file's joint, as far as the reader knows, for reports.
    """

    path: Path
    joints: Array | None = None
    rotations: Array | None = None
    root: Array | None = None
    rate: object = None
    rate_stated: str = ""
    usual_rate: float | None = None
    text: str | None = None
    rigged: bool = False
    up: str | None = None
    usual_up: str = "y"
    scale: float | None = None
    rest: Array | None = None
    rig: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


Reader = Callable[[Path, str, str | None], Recording]
"""Reads a file, given ``motion.rig`` and ``motion.track``.

Raises ConfigError for a rig or a track that is unknown, and DataError or ShapeError, naming the file, for a file that
cannot be parsed.
"""
