"""The procedural source: the action in a text as a closed-form motion of the 22-joint skeleton.

It needs no weights and no data. Feet are planted and legs follow by inverse kinematics, so that properties that a
learned source must learn hold by construction: bones keep their length, knees bend forward, feet do not slide.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from latentman.errors import ConfigError
from latentman.motion.action import parse_action
from latentman.motion.plausible.examine import examine, warn
from latentman.motion.procedural.cue import Clip, make_clip
from latentman.motion.procedural.dancing import dance, waltz
from latentman.motion.procedural.gait import run, ski, sneak, walk
from latentman.motion.procedural.jumping import jump, jump_off
from latentman.motion.procedural.pose import Pose, pose_joints
from latentman.motion.procedural.standing import bow, kick, look_around, punch, squat, stand, turn_around, warm_up, wave
from latentman.motion.vocabulary import VERBS
from latentman.types import Motion

log = logging.getLogger("latentman.motion")

ACTIONS: dict[str, Callable[[Clip], Pose]] = {
    "stand": stand,
    "walk": walk,
    "run": run,
    "move": walk,
    "jump": jump,
    "jump off": jump_off,
    "dance": dance,
    "waltz": waltz,
    "wave": wave,
    "kick": kick,
    "punch": punch,
    "turn around": turn_around,
    "bow": bow,
    "squat": squat,
    "sneak": sneak,
    "ski": ski,
    "warm up": warm_up,
}
"""The motion of every verb in the vocabulary."""

_GOING = ("walk", "run", "move", "sneak")


def _perform(clip: Clip) -> Pose:
    """Return the pose of the first verb; a hand can wave during locomotion."""
    verb = clip.action.verb
    if verb is None:
        return look_around(clip)
    verbs = (verb, *clip.action.also)
    going = next((name for name in verbs if name in _GOING), None)
    if going is None or "wave" not in verbs:
        return ACTIONS[verb](clip)
    pose = ACTIONS[going](clip)
    waving = {"left": [0], "both": [0, 1]}.get(clip.action.limb or "right", [1])
    arms = pose.arms.copy()
    arms[:, waving] = wave(clip).arms[:, waving]
    return replace(pose, arms=arms)


@dataclass(frozen=True, slots=True)
class ProceduralSource:
    """Produces clips at ``fps`` frames per second that contain the complete action."""

    fps: float = 20.0

    def __call__(self, text: str, *, num_frames: int, seed: int) -> Motion:
        """Return the motion of ``text``; the same text, length and seed give the same bytes.

        A text without a known verb gives a standing person who looks around, with a warning that lists the verbs.

        Raises:
            ConfigError: if ``num_frames`` is below 1.
        """
        if num_frames < 1:
            raise ConfigError(f"motion=procedural cannot make {num_frames} frames: num_frames must be 1 or more")
        action = parse_action(text)
        if action.verb is None:
            known = ", ".join(VERBS)
            log.warning(
                "motion=procedural knows no verb in '%s': the character stands and looks around; known verbs: %s",
                text,
                known,
            )
        clip = make_clip(action, num_frames=num_frames, fps=self.fps, seed=seed)
        joints = pose_joints(_perform(clip))
        joints[..., [0, 2]] -= joints[0, 0, [0, 2]]
        warn(examine(joints, self.fps), "motion=procedural")
        return Motion(np.ascontiguousarray(joints), self.fps, text, "procedural")
