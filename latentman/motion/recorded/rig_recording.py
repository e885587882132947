"""From a moving skeleton of any rig to what every reader returns."""

from __future__ import annotations

from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.rig_choice import choose_rig
from latentman.motion.recorded.rig_joints import rig_joints
from latentman.motion.recorded.rigs import Rig, locate
from latentman.motion.recorded.skeleton_clip import SkeletonClip
from latentman.types import Array


def rig_recording(
    clip: SkeletonClip, rig: str, *, rate: object, rest: Array | None = None, up: str | None = None
) -> Recording:
    """Return the recording of a skeleton's joints, found as ``motion.rig`` says.

    Args:
        clip: the skeleton.
        rig: "auto", a known rig's name, or a YAML file.
        rate: frames a second as the file states them.
        rest: (J, 3) the skeleton's joints at rest, in the unit and axes of the clip.
        up: the axis that the format states to be up; a rig file's own wins.

    Raises:
        ConfigError: if the rig is unknown, or its file is not valid.
        DataError: if the rig is not recognised, or a limb has no length.
    """
    chosen = choose_rig(rig, clip)
    return Recording(
        path=clip.path,
        joints=rig_joints(clip, chosen),
        rate=rate,
        rigged=True,
        up=chosen.up or up,
        scale=chosen.scale,
        rest=None if rest is None else _rest(clip, chosen, rest),
        rig=chosen.name,
        mapping=mapping(clip, chosen),
    )


def mapping(clip: SkeletonClip, rig: Rig) -> dict[str, str]:
    """Return what each of HumanML3D's joints is taken from, by the names of the file, for reports."""
    found = {joint: locate(source, clip.names) for joint, source in rig.joints.items()}
    return {
        joint: clip.names[place[0]]
        if place[0] == place[1]
        else f"{clip.names[place[0]]} to {clip.names[place[1]]} at {place[2]:g}"
        for joint, place in found.items()
        if place is not None
    }


def _rest(clip: SkeletonClip, rig: Rig, rest: Array) -> Array:
    still = SkeletonClip(path=clip.path, names=clip.names, parents=clip.parents, positions=rest[None])
    joints: Array = rig_joints(still, rig)[0]
    return joints
