"""Clips for tests: motions of the procedural source, turned, laid down and let fall, and a reader of files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentman.config import BodyConfig, MotionConfig
from latentman.motion.build import build
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.skeleton import about_x
from latentman.motion.source import Surroundings
from latentman.types import Motion

Array = NDArray[np.float64]

TURNS = {
    "x": lambda x, y, z: (y, -x, z),
    "y": lambda x, y, z: (x, y, z),
    "z": lambda x, y, z: (x, -z, y),
    "-x": lambda x, y, z: (-y, x, z),
    "-y": lambda x, y, z: (-x, -y, z),
    "-z": lambda x, y, z: (x, z, -y),
}


def axis_up(joints: Array, up: str) -> Array:
    """Return joints (..., 3), Y up, in a file's axes of which ``up`` is up; turned, not mirrored."""
    x, y, z = np.moveaxis(joints, -1, 0)
    return np.stack(TURNS[up](x, y, z), axis=-1)


def person(text: str = "a person walks", num_frames: int = 40, fps: float = 20.0, seed: int = 3) -> Array:
    """Return joints (T, 22, 3) of the procedural source."""
    return ProceduralSource(fps)(text, num_frames=num_frames, seed=seed).joints


def lying(num_frames: int = 40) -> Array:
    """Return a person who is lying on the back, the pelvis 0.12 m above the floor, and moves the arms."""
    joints = person("a person waves", num_frames) - person("a person stands", 1)[:, :1]
    laid = joints @ about_x(np.asarray(-np.pi / 2)).T
    laid[..., 1] += 0.12 - laid[:1, :1, 1]
    return laid


def falling(num_frames: int = 60, fps: float = 20.0) -> Array:
    """Return a person who stands for a third of the time, falls on the back within a third, and stays there."""
    joints = np.repeat(person("a person stands", 1), num_frames, axis=0)
    angle = np.clip(np.linspace(-1, 2, num_frames), 0, 1) ** 2 * -np.pi / 2
    fallen = np.einsum("tij,tkj->tki", about_x(angle), joints)
    fallen[..., 1] += 0.08 - np.minimum(0, fallen[..., 1].min(axis=1, keepdims=True))
    return fallen


def rest_joints() -> Array:
    """Return the T-pose joints (24, 3) of the body that ships."""
    from latentman.body.build import build as build_body
    from latentman.body.skinning import rest_joints as of_body

    return of_body(build_body(BodyConfig(name="anny")))


def read_clip(path: Path, **settings: object) -> Motion:
    """Return the motion of a file as ``motion=clip`` makes it, with the body that ships."""
    cfg = MotionConfig(name="clip", file=str(path), **settings)  # type: ignore[arg-type]
    return build(cfg, Surroundings(path.parent, "cpu", rest_joints))("a text", num_frames=8, seed=0)
