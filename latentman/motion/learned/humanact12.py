"""MDM's action-to-motion models: the classes of HumanAct12, and the conversion of their output to joints.

A frame is 25 rows of 6 numbers: the rotations of SMPL's 24 joints, then the root's position in metres relative to the
first frame, padded with zeros. The released code (Tevet et al., ICLR 2023) writes a rotation as the first two rows of
its matrix (HumanML3D writes columns), and its world is upside down: it is turned by 180 degrees about X here.
"""

from __future__ import annotations

import numpy as np

from latentman.errors import ConfigError, ShapeError, nearest
from latentman.motion.action import split_words
from latentman.motion.rotations import unit
from latentman.motion.skeleton import forward_kinematics
from latentman.types import Array

NUM_FEATURES = 150
MAX_FRAMES = 60

ACTIONS = (
    "warm_up",
    "walk",
    "run",
    "jump",
    "drink",
    "lift_dumbbell",
    "sit",
    "eat",
    "turn steering wheel",
    "phone",
    "boxing",
    "throw",
)
"""The classes in the order of the model's embedding."""

_WORDS = {
    "warm_up": ("warm", "warms", "warming", "stretch", "stretches", "stretching"),
    "walk": ("walk", "walks", "walking"),
    "run": ("run", "runs", "running", "jog", "jogs", "jogging"),
    "jump": ("jump", "jumps", "jumping"),
    "drink": ("drink", "drinks", "drinking"),
    "lift_dumbbell": ("dumbbell", "dumbbells", "lift", "lifts", "lifting"),
    "sit": ("sit", "sits", "sitting"),
    "eat": ("eat", "eats", "eating"),
    "turn steering wheel": ("steering", "steer", "steers", "drive", "drives", "driving"),
    "phone": ("phone", "phones", "phoning", "telephone", "telephones"),
    "boxing": ("box", "boxes", "boxing", "punch", "punches", "punching"),
    "throw": ("throw", "throws", "throwing"),
}
"""Words that name a class in a text; the first one in the text decides."""

_SMPL_JOINTS = 24


def choose_action(action: str | None, text: str) -> int:
    """Return the number of the class in ``motion.action``, or else in the text.

    Raises:
        ConfigError: if neither names one.
    """
    if action is not None:
        name = action.strip().lower()
        same = [number for number, known in enumerate(ACTIONS) if known.replace("_", " ") == name.replace("_", " ")]
        if not same:
            raise ConfigError(
                f"motion.action='{action}' is unknown: choose one of {', '.join(ACTIONS)}{nearest(name, ACTIONS)}"
            )
        return same[0]
    for word in split_words(text):
        for number, known in enumerate(ACTIONS):
            if word in _WORDS[known]:
                return number
    raise ConfigError(
        f"an action-to-motion model finds none of its classes in '{text}': set motion.action to one of "
        f"{', '.join(ACTIONS)}"
    )


def joints_of(values: Array, rest_joints: Array) -> Array:
    """Return joints (T, 22, 3) in metres, the lowest on the floor, of a model's output (T, 150).

    Args:
        values: the output, 25 rows of 6 for each frame.
        rest_joints: (24, 3) metres, the joints of the body in SMPL's T-pose.

    Raises:
        ShapeError: if an array has other axes.
    """
    if values.ndim != 2 or values.shape[1] != NUM_FEATURES:
        raise ShapeError(f"action-to-motion output: expected (T, {NUM_FEATURES}), got {values.shape}")
    if rest_joints.shape != (_SMPL_JOINTS, 3):
        raise ShapeError(f"rest joints: expected ({_SMPL_JOINTS}, 3), got {rest_joints.shape}")
    rows = values.astype(np.float64).reshape(len(values), 25, 6)
    posed = forward_kinematics(rotations_from_rows(rows[:, :24]), rows[:, 24, :3], rest_joints.astype(np.float64))
    posed = posed * np.array([1.0, -1.0, -1.0])
    posed[..., 1] -= posed[..., 1].min()
    return posed


def rotations_from_rows(rows: Array) -> Array:
    """Return rotations (..., 3, 3) whose first two rows are near the halves of (..., 6) (Zhou et al., CVPR 2019)."""
    first = unit(rows[..., :3])
    second = rows[..., 3:]
    second = unit(second - (first * second).sum(-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], axis=-2)
