"""``motion=clip``: a motion of the user's own, from a file.

Every file goes the same way: the reader for its suffix (:mod:`latentman.motion.recorded.readers`), then the one door
(:mod:`latentman.motion.recorded.door`), which makes of it joints at ``motion.fps``, on the floor, from x and z of 0,
facing +Z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentman.config import MotionConfig
from latentman.errors import ConfigError
from latentman.motion.plausible.examine import warn
from latentman.motion.recorded.door import Clip, Settings, admit, examine_clip, to_motion
from latentman.motion.recorded.readers import READERS, read
from latentman.system.paths import is_file, user_path
from latentman.types import Array, Motion


@dataclass(frozen=True, slots=True)
class ClipSource:
    """Reads ``motion.file``; ``rest_joints`` gives the fitted body's T-pose joints (24, 3), for files of rotations."""

    cfg: MotionConfig
    rest_joints: Callable[[], Array] | None = None

    def clip(self) -> Clip:
        """Return the whole recording in the project's world, at the file's own rate.

        Raises:
            ConfigError: if there is no file, it is of an unknown kind, or its rig is not known.
            ShapeError: if an array of it has another shape than it should.
            DataError: if it is damaged, or its content makes no sense.
        """
        cfg = self.cfg
        settings = Settings(
            file_fps=cfg.file_fps, up=cfg.up, forward=cfg.forward, mirror=cfg.mirror, rest_joints=self.rest_joints
        )
        return admit(read(find_file(cfg), cfg.rig, cfg.track), settings)

    def __call__(self, text: str, *, num_frames: int, seed: int) -> Motion:
        """Return the whole motion of the file at ``motion.fps``, whatever ``num_frames`` and ``seed`` are.

        Its text is ``motion.text`` if that is set, else what the file says, else ``text``.

        Raises:
            LatentManError: what :meth:`clip` raises.
        """
        clip = self.clip()
        warn(examine_clip(clip), str(clip.recording.path), first=clip.skipped)
        return to_motion(clip, self.cfg.fps, self.cfg.text or clip.recording.text or text)


def find_file(cfg: MotionConfig) -> Path:
    """Return the path of ``motion.file``.

    Raises:
        ConfigError: if none is named, it is not there, or of an unknown kind.
    """
    kinds = ", ".join(READERS)
    if cfg.file is None:
        raise ConfigError(f"motion=clip needs a file: set motion.file=PATH ({kinds})")
    path = user_path(cfg.file)
    if path.suffix.lower() not in READERS:
        raise ConfigError(f"motion.file={path}: '{path.suffix}' is not a known kind of motion file: use one of {kinds}")
    if not is_file(path):
        several = "; for several files, give a list of which each is there, and -m" if "," in cfg.file else ""
        raise ConfigError(f"motion.file={path}: there is no such file (looked in {path.absolute().parent}){several}")
    return path
