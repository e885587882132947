"""``motion=clip``: a motion of the user's own, from a file.

``.bvh`` of any rig; ``.npz`` with joints and fps (a run's own ``motion.npz`` too) or with AMASS's SMPL poses; ``.npy``
with HumanML3D's features or joints. Whatever comes in goes out as joints at ``motion.fps``, on the floor, from x and z
of 0, facing +Z. A file with a skeleton of its own (BVH) gets the template's bones; joints and poses keep theirs.
"""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentman.config import MotionConfig
from latentman.errors import ConfigError, DataError, ShapeError
from latentman.motion import humanml3d
from latentman.motion.recorded.amass import POSE_KEYS, read_amass
from latentman.motion.recorded.bvh_clip import read_bvh_clip
from latentman.motion.recorded.recording import Recording, settle
from latentman.motion.recorded.resample import resample
from latentman.motion.recorded.upright import find_up, to_metres, y_up
from latentman.types import NUM_JOINTS, Array, Motion

log = logging.getLogger("latentman.motion")

_READ = {"joints", "fps", "text", "poses", "root_orient", "pose_body", "trans", "mocap_framerate", "mocap_frame_rate"}
"""What is read of an npz file; other entries, which may be pickled objects, are not opened."""

_DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class ClipSource:
    """Reads ``motion.file``; ``rest_joints`` gives the fitted body's T-pose joints (24, 3), for files of rotations."""

    cfg: MotionConfig
    rest_joints: Callable[[], Array] | None = None

    def __call__(self, text: str, *, num_frames: int, seed: int) -> Motion:
        """Return the whole motion of the file at ``motion.fps``, whatever ``num_frames`` and ``seed`` are.

        Its text is ``motion.text`` if that is set, else what the file says, else ``text``.

        Raises:
            ConfigError: if there is no file, it is of an unknown kind, or its rig is not known.
            ShapeError: if an array of it has another shape than it should.
            DataError: if it is damaged, or its content makes no sense.
        """
        path = find_file(self.cfg)
        recording = READERS[path.suffix.lower()](path, self)
        joints = resample(recording.joints, recording.fps, self.cfg.fps)
        if recording.rigged:
            joints = humanml3d.retarget(joints)
        name = self.cfg.text or recording.text or text
        return Motion(np.ascontiguousarray(settle(joints)), self.cfg.fps, name, f"clip {path.name}")


def find_file(cfg: MotionConfig) -> Path:
    """Return the path of ``motion.file``.

    Raises:
        ConfigError: if none is named, it is not there, or of an unknown kind.
    """
    kinds = ", ".join(READERS)
    if cfg.file is None:
        raise ConfigError(f"motion=clip needs a file: set motion.file=PATH ({kinds})")
    path = Path(cfg.file).expanduser()
    if path.suffix.lower() not in READERS:
        raise ConfigError(f"motion.file={path}: '{path.suffix}' is no kind of motion file: use one of {kinds}")
    if not path.is_file():
        raise ConfigError(f"motion.file={path}: there is no such file (looked in {path.absolute().parent})")
    return path


def _read_bvh(path: Path, source: ClipSource) -> Recording:
    frame_time = None if source.cfg.file_fps is None else 1.0 / source.cfg.file_fps
    return read_bvh_clip(path, rig=source.cfg.rig, frame_time=frame_time)


def _read_npz(path: Path, source: ClipSource) -> Recording:
    try:
        # Opened here, since numpy leaves a damaged archive open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            data = {key: file[key] for key in file.files if key in _READ}
            keys = list(file.files)
    except _DAMAGED as error:
        raise DataError(f"cannot read motion.file={path}: {error}; save plain arrays with numpy.savez") from error
    if any(key in data for key in POSE_KEYS):
        return read_amass(path, data, source.rest_joints, source.cfg.file_fps)
    if "joints" not in data:
        raise DataError(
            f"motion.file={path} holds {', '.join(keys) or 'nothing'}: expected joints (T, 22, 3) and fps, or AMASS's "
            "poses, trans and mocap_framerate"
        )
    fps = source.cfg.file_fps or _number(path, data.get("fps"))
    text = str(data["text"]) if "text" in data else None
    return Recording(_joints(path, data["joints"]), fps, text or None)


def _read_npy(path: Path, source: ClipSource) -> Recording:
    try:
        with path.open("rb") as opened:
            array = np.load(opened, allow_pickle=False)
    except _DAMAGED as error:
        raise DataError(f"cannot read motion.file={path}: {error}; save a plain array with numpy.save") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"motion.file={path} is an archive of arrays: give it the suffix .npz")
    if array.ndim == 2 and array.shape[1] == humanml3d.NUM_FEATURES:
        joints = humanml3d.recover(_features(path, array))
    else:
        joints = _joints(path, array)
    return Recording(joints, source.cfg.file_fps or humanml3d.FPS)


READERS: dict[str, Callable[[Path, ClipSource], Recording]] = {".bvh": _read_bvh, ".npz": _read_npz, ".npy": _read_npy}
"""How each kind of file is read."""


def _number(path: Path, value: Array | None) -> float:
    if value is None:
        log.warning("%s does not say its frame rate: taken to be %g; motion.file_fps changes it", path, humanml3d.FPS)
        return humanml3d.FPS
    if value.size != 1 or not np.issubdtype(value.dtype, np.number) or not 0 < float(value.reshape(())) < np.inf:
        raise DataError(f"{path}: fps={value} must be a number above 0; motion.file_fps=... overrides it")
    return float(value.reshape(()))


def _checked(path: Path, name: str, array: Array) -> Array:
    if not np.issubdtype(array.dtype, np.number):
        raise ShapeError(f"{path}: {name}: expected numbers, got {array.dtype}")
    if len(array) < 2:
        raise DataError(f"{path} has {len(array)} frames: a motion needs two or more")
    if not np.isfinite(array).all():
        frame = int(np.argwhere(~np.isfinite(array))[0][0])
        raise DataError(f"{path}: {name} holds values that are not finite, first at frame {frame}; repair or cut it")
    return array.astype(np.float64)


def _joints(path: Path, array: Array) -> Array:
    """Return joints (T, 22, 3) in metres, Y up, of an array with 22 or SMPL's 24 joints."""
    if array.ndim != 3 or array.shape[2] != 3 or array.shape[1] not in (NUM_JOINTS, 24):
        raise ShapeError(
            f"{path}: expected joints (T, 22, 3) or (T, 24, 3) in HumanML3D's order, or features (T, 263) in a .npy, "
            f"got {array.shape}"
        )
    joints = to_metres(_checked(path, "joints", array)[:, :NUM_JOINTS], str(path))
    up = find_up(joints)
    if up != "y":
        log.warning("%s: the body stands along %s: turned to stand along Y", path, up.upper())
    return y_up(joints, up)


def _features(path: Path, array: Array) -> Array:
    """Return features (T, 263) unless they were normalised: contacts lie near 0 or 1, and a pelvis above the floor."""
    values = _checked(path, "features", array)
    height = float(np.median(values[:, humanml3d.ROOT_HEIGHT]))
    if values[:, humanml3d.CONTACTS].min() < -0.75 or not 0.02 < height < 3:
        raise DataError(
            f"{path}: these features look normalised, with the pelvis at {height:.2f} m: multiply them by Std.npy and "
            "add Mean.npy first"
        )
    return values
