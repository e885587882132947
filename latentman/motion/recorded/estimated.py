"""What pose estimators write for a video: nested tables of SMPL's parameters, of one person or of several.

GVHMR has ``smpl_params_global``, and ``smpl_params_incam`` in the camera's axes. WHAM, VIBE and PyMAF have a table a
person, 4D-Humans (PHALP) a table a frame with a list entry a person. Frames in which a person was lost are filled in
between.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from latentman.errors import DataError
from latentman.motion.recorded.arrays import numbers
from latentman.motion.recorded.pose_rotations import as_matrices, joint_rotations
from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.resample import MAX_FRAMES
from latentman.motion.recorded.smpl_arrays import POSE_NAMES, READ, smpl_recording
from latentman.motion.recorded.tracks import choose_track
from latentman.system.pickle_arrays import to_array, to_objects
from latentman.system.pickled_object import Record
from latentman.system.whole_number import whole_number
from latentman.types import Array

log = logging.getLogger("latentman.motion")

_WORLD = ("smpl_params_global", "smplx_world", "smpl_world")
_CAMERA = ("smpl_params_incam", "smplx_cam", "smpl_cam", "smpl_params")
_AROUND = ("people", "results")
"""Names of tables inside which the parameters are, in the world's axes, in the camera's, or one level further down."""

_FRAMES = ("frame_ids", "frame_id", "frames")
_READ = READ | set(_FRAMES)
_CAMERA_UP = "-y"
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class _Person:
    """One person's parameters by name, and the axis that is up in such files."""

    name: str
    data: Mapping[str, Any]
    up: str


def estimated_recording(path: Path, content: Any, track: str | None) -> Recording:
    """Return the recording of one person in a pose estimator's results.

    Args:
        path: the file, for messages.
        content: nested tables whose leaves are arrays, tensors or records.
        track: the person, by name or number; None takes the one that is seen longest.

    Raises:
        ConfigError: if there is no such person.
        ShapeError: if an array has another shape than a pose.
        DataError: if no poses are found.
    """
    people = _people(content, "", "y", _DEEPEST) or _tracked(path, content)
    if not people:
        held = ", ".join(map(str, list(content)[:20])) if isinstance(content, dict) else f"a {type(content).__name__}"
        raise DataError(
            f"motion.file={path} holds {held or 'nothing'}: no SMPL poses are found in it, under none of "
            f"{', '.join((*_WORLD, *POSE_NAMES))}"
        )
    lengths = [_length(person.data) for person in people]
    names = [person.name or str(number) for number, person in enumerate(people)]
    person = people[choose_track(path, names, track, what="person", otherwise=int(np.argmax(lengths)))]
    data = {name: _leaf(path, name, value) for name, value in person.data.items() if name in _READ}
    return smpl_recording(path, _without_gaps(path, data), usual_up=person.up)


def _people(content: Any, name: str, up: str, depth: int) -> list[_Person]:
    """Return everybody whose parameters are in nested tables of people."""
    if not isinstance(content, Mapping) or depth == 0:
        return []
    for keys, axis in ((_WORLD, "y"), (_CAMERA, _CAMERA_UP)):
        found = [_people(content[key], name, axis, depth - 1) for key in keys if key in content]
        if any(found):
            return next(people for people in found if people)
    if any(key in content and _is_leaf(content[key]) for key in POSE_NAMES):
        world = up == "y" and ("pose" not in content or "pose_world" in content)
        return [_Person(name, content, up if world else _CAMERA_UP)]
    around = next((content[key] for key in _AROUND if isinstance(content.get(key), Mapping)), content)
    inner = [(str(key), value) for key, value in around.items() if isinstance(value, Mapping)]
    return [person for key, value in inner for person in _people(value, key, up, depth - 1)]


def _tracked(path: Path, content: Any) -> list[_Person]:
    """Return everybody in 4D-Humans' tables of frames, whose lists have one entry a person."""
    if not isinstance(content, Mapping):
        return []
    frames = [(key, value) for key, value in content.items() if isinstance(value, Mapping) and "smpl" in value]
    if len(frames) > MAX_FRAMES:
        raise DataError(f"{path} has {len(frames)} frames, more than {MAX_FRAMES}")
    frames.sort(key=lambda frame: _natural(frame[0]))
    tracks: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for number, (_, frame) in enumerate(frames):
        people = frame["smpl"] if isinstance(frame["smpl"], list) else []
        given = frame.get("tid")
        ids = given if isinstance(given, list) else list(range(len(people)))
        for each, smpl in zip(ids, people, strict=False):
            if isinstance(smpl, Mapping) and "global_orient" in smpl and "body_pose" in smpl:
                tracks.setdefault(str(_plain(each)), []).append((number, smpl))
    return [_Person(name, _stacked(path, seen), _CAMERA_UP) for name, seen in tracks.items() if len(seen) > 1]


def _stacked(path: Path, seen: list[tuple[int, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return one person's parameters of all frames as arrays over frames."""
    data: dict[str, Any] = {"frame_ids": np.array([number for number, _ in seen])}
    for name in ("global_orient", "body_pose"):
        each = [_leaf(path, name, smpl[name]) for _, smpl in seen]
        if len({array.shape for array in each}) > 1:
            raise DataError(f"{path}: {name} has another shape in some frames")
        data[name] = np.stack(each)
    return data


def _without_gaps(path: Path, data: dict[str, Array]) -> dict[str, Array]:
    """Return arrays over all frames from the first to the last, where only some are there."""
    ids = next((data[name] for name in _FRAMES if name in data), None)
    names = [name for name in POSE_NAMES if name in data]
    turns = {name: joint_rotations(path, name, data[name]) for name in names}
    count = max((len(each) for each in turns.values()), default=0)
    if ids is None or ids.shape != (count,) or ids.dtype.kind not in "iu" or count < 2:
        return data
    steps = np.diff(ids)
    if (steps == 1).all() or (steps < 1).any() or int(ids[-1]) - int(ids[0]) >= MAX_FRAMES:
        return data
    every = np.arange(ids[0], ids[-1] + 1)
    log.warning("%s: the person is lost in %d of %d frames, which are filled in", path, len(every) - count, len(every))
    filled = dict(data)
    for name, each in turns.items():
        if len(each) == count and np.isfinite(each).all():
            filled[name] = _between(ids, as_matrices(each), every)
    for name, values in data.items():
        if name not in turns and values.shape == (count, 3) and values.dtype.kind in "iuf":
            filled[name] = np.stack([np.interp(every, ids, values[:, axis]) for axis in range(3)], axis=-1)
    return filled


def _between(ids: Array, matrices: Array, every: Array) -> Array:
    """Return rotations (T, J, 3, 3) at every frame, turning evenly between those that are there."""
    joints = [Slerp(ids, Rotation.from_matrix(matrices[:, j]))(every).as_matrix() for j in range(matrices.shape[1])]
    return np.stack(joints, axis=1)


def _is_leaf(value: Any) -> bool:
    return isinstance(value, np.ndarray | Record | list | tuple | int | float) or hasattr(value, "detach")


def _leaf(path: Path, name: str, value: Any) -> Array:
    """Return an array of what a file keeps one in."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        return np.asarray(value.float() if value.is_floating_point() else value)
    if isinstance(value, np.ndarray):
        return value
    try:
        return to_array(value)
    except Exception as error:  # whatever the parts of a made-up array do not allow
        if name in POSE_NAMES:
            raise DataError(f"{path} is damaged: {name} is not an array of numbers ({error})") from error
        return np.zeros(0)


def _length(data: Mapping[str, Any]) -> int:
    """Return how many frames a person's poses have, as far as that can be seen without putting arrays together."""
    for name in POSE_NAMES:
        value = data.get(name)
        if isinstance(value, Record):
            try:
                return len(to_array(value))
            except Exception:
                return 0
        if value is not None and hasattr(value, "__len__"):
            return len(value)
    return 0


def _plain(value: Any) -> Any:
    return numbers(Path(), "tid", to_array(value)).item() if isinstance(value, Record) else value


def _natural(name: Any) -> list[tuple[int, int | str]]:
    """Return a key by which frame 10 comes after frame 9."""
    parts = re.split(r"(\d{1,18})", str(name))
    return [(1, part) if (number := whole_number(part)) is None else (0, number) for part in parts]


def unwrapped(content: Any) -> Any:
    """Return the one object of an array of objects, as ``numpy.save`` writes a table."""
    objects = to_objects(content)
    return objects[0] if objects is not None and len(objects) == 1 else content
