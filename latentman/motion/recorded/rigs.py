"""Which joint of a file is which: the kinds of rig that are known, and how a rig finds its joints in a file.

A rig gives a source for each of HumanML3D's 22 joints, as far as it has one;
:mod:`latentman.motion.recorded.rig_joints` fills in the rest. Names are compared as
:mod:`latentman.motion.recorded.joint_names` reduces them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from latentman.motion.recorded.joint_names import canonical, canonical_names

# fmt: off
JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)
# fmt: on
"""HumanML3D's 22 joints in their order."""

_SIDED = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
NEEDED = tuple(f"{side}_{joint}" for joint in _SIDED for side in ("left", "right"))
"""Joints that nothing can stand in for; besides these, a neck or a head is needed."""

_LIMBS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


@dataclass(frozen=True, slots=True)
class Between:
    """A point between two joints; ``fraction`` 0 is the first, 1 the second."""

    first: str
    second: str
    fraction: float = 0.5


Source = str | Between
"""A joint of the file, or alternatives that are separated by ``|``, of which the first that the file has is meant."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Sources of joints by HumanML3D's names; ``up`` "y" or "z" and ``scale`` metres per unit where they are known."""

    name: str
    joints: Mapping[str, Source]
    up: str | None = None
    scale: float | None = None


def _rig(name: str, limbs: str, **spine: Source) -> Rig:
    """Return a rig from the names of its limbs without their side, hip to toes and collar to wrist; ``-`` is none."""
    joints: dict[str, Source] = dict(spine)
    for joint, names in zip(_LIMBS, limbs.split(), strict=True):
        for side in ("left", "right"):
            if names != "-":
                joints[f"{side}_{joint}"] = "|".join(f"{side} {each}" for each in names.split("|"))
    return Rig(name, joints)


_HUMAN_IK = "UpLeg Leg Foot ToeBase|Toe Shoulder Arm ForeArm Hand"
_SMPL_SPINE = {"pelvis": "pelvis", "spine1": "spine1", "spine2": "spine2", "spine3": "spine3"}
_SMPL_ENDS = {"neck": "neck", "head": "head"}

RIG_TABLE = (
    _rig("smpl", "hip knee ankle foot|toe collar shoulder elbow wrist", **_SMPL_SPINE, **_SMPL_ENDS),
    # SMPL's joints under the names of the bones below them, as some exporters write them.
    _rig("smpl_foot_hand", "hip knee foot toe collar shoulder elbow hand", **_SMPL_SPINE, **_SMPL_ENDS),
    _rig(
        "cmu",
        "UpLeg Leg Foot ToeBase Shoulder Arm ForeArm Hand",
        pelvis="Hips",
        spine1="Spine",
        spine2=Between("Spine", "Spine1", 0.6),
        spine3="Spine1",
        neck="Neck1",
        head="Head",
    ),
    # Mixamo's names are Autodesk HumanIK's, which MotionBuilder, Rokoko and OptiTrack export too.
    _rig(
        "mixamo", _HUMAN_IK, pelvis="Hips", spine1="Spine", spine2="Spine1", spine3="Spine2", neck="Neck", head="Head"
    ),
    _rig(
        "bandai",
        "UpperLeg LowerLeg Foot Toes|Toe Shoulder UpperArm LowerArm Hand",
        pelvis="Hips",
        spine1="Spine",
        spine3="Chest",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "cc_base",
        "Thigh Calf Foot ToeBase Clavicle Upperarm Forearm Hand",
        pelvis="Pelvis|Hip",
        spine1="Waist",
        spine2="Spine01",
        spine3="Spine02",
        neck="NeckTwist01",
        head="Head",
    ),
    # Daz and Poser; MocapNET writes the same names.
    _rig(
        "daz",
        "Thigh|ThighBend Shin Foot Toe Collar Shldr|ShldrBend ForeArm|ForearmBend Hand",
        pelvis=Between("left Thigh|left ThighBend", "right Thigh|right ThighBend"),
        spine1="abdomen|abdomenLower",
        spine2="abdomenUpper|abdomen2",
        spine3="chest|chestLower",
        neck="neck|neckLower",
        head="head",
    ),
    # Xsens MVN writes BVH files with Biovision's names.
    _rig(
        "biovision",
        "Hip Knee Ankle Toe Collar Shoulder Elbow Wrist",
        pelvis="Hips",
        spine1="Chest",
        spine2="Chest2",
        spine3="Chest3|Chest4",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "rokoko",
        "Thigh Shin Foot Toe|ToeBase Shoulder Arm ForeArm Hand",
        pelvis="Hips|Hip",
        spine1="Spine1|Spine",
        spine2="Spine2",
        spine3="Spine4|Spine3",
        neck="Neck",
        head="Head",
    ),
    # The segments of MVN's own format, of which each begins at the joint that it is taken for.
    _rig(
        "xsens",
        "UpperLeg LowerLeg Foot Toe Shoulder UpperArm ForeArm Hand",
        pelvis="Pelvis",
        spine1="L5",
        spine2="T12|L3",
        spine3="T8",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "optitrack",
        "Thigh Shin Foot Toe Shoulder UArm FArm Hand",
        pelvis="Hip",
        spine1="Ab",
        spine3="Chest",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "biped",
        "Thigh Calf Foot Toe0|Toe Clavicle UpperArm Forearm Hand",
        pelvis="Pelvis",
        spine1="Spine",
        spine2="Spine1",
        spine3="Spine3|Spine2",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "unreal5",
        "thigh calf foot ball clavicle upperarm lowerarm hand",
        pelvis="pelvis",
        spine1="spine_01",
        spine2="spine_03",
        spine3="spine_05",
        neck="neck_01",
        head="head",
    ),
    _rig(
        "unreal",
        "thigh calf foot ball clavicle upperarm lowerarm hand",
        pelvis="pelvis",
        spine1="spine_01",
        spine2="spine_02",
        spine3="spine_03",
        neck="neck_01",
        head="head",
    ),
    # VRM's names are Unity's.
    _rig(
        "unity",
        "UpperLeg LowerLeg Foot Toes|ToeBase|Toe Shoulder UpperArm LowerArm Hand",
        pelvis="Hips",
        spine1="Spine",
        spine2="Chest",
        spine3="UpperChest",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "slimevr",
        "UpperLeg LowerLeg Foot Toe Shoulder UpperArm LowerArm Hand",
        pelvis="Hip",
        spine1="Waist",
        spine2="Chest",
        spine3="UpperChest",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "mocopi",
        "up_leg low_leg foot toes shoulder up_arm low_arm hand",
        pelvis="root|hip|hips",
        spine1="torso_2",
        spine2="torso_4",
        spine3="torso_6",
        neck="neck_1",
        head="head",
    ),
    _rig(
        "kinect",
        "Hip Knee Ankle Foot - Shoulder Elbow Wrist",
        pelvis="SpineBase|HipCenter",
        spine2="SpineMid",
        neck="Neck|ShoulderCenter|SpineShoulder",
        head="Head",
    ),
    _rig(
        "azure_kinect",
        "Hip Knee Ankle Foot Clavicle Shoulder Elbow Wrist",
        pelvis="Pelvis",
        spine1="SpineNavel|SpineNaval",
        spine3="SpineChest",
        neck="Neck",
        head="Head",
    ),
    _rig("openni", "hip knee foot toe collar shoulder elbow hand", spine2="torso", neck="neck", head="head"),
    _rig(
        "rigify",
        "thigh shin foot toe shoulder upper_arm forearm hand",
        pelvis="spine",
        spine1="spine.001",
        spine2="spine.002",
        spine3="spine.003",
        neck="spine.004|neck",
        head="spine.006|head|spine.005",
    ),
    # MakeHuman counts the spine from the neck downwards.
    _rig(
        "makehuman",
        "upperleg01 lowerleg01 foot toe1-1 clavicle upperarm01 lowerarm01 wrist|hand",
        pelvis=Between("left upperleg01", "right upperleg01"),
        spine1="spine04",
        spine2="spine02",
        spine3="spine01",
        neck="neck01",
        head="head",
    ),
    _rig(
        "cmu_asf",
        "femur tibia foot toes clavicle humerus radius wrist|hand",
        pelvis="root",
        spine1="upperback",
        spine2=Between("upperback", "thorax", 0.6),
        spine3="thorax",
        neck="upperneck|lowerneck",
        head="head",
    ),
)
RIGS = {rig.name: rig for rig in RIG_TABLE}
"""The rigs that are known, by the name that ``motion.rig`` chooses; where two fit equally well, the first is taken."""


def _spellings(source: Source) -> list[str]:
    if isinstance(source, Between):
        return [*_spellings(source.first), *_spellings(source.second)]
    return source.split("|")


_KNOWN = frozenset(
    canonical(spelling).removeprefix("L ")
    for rig in RIG_TABLE
    for joint, source in rig.joints.items()
    if joint.startswith("left_")
    for spelling in _spellings(source)
)
"""Names of limbs without their side, by which "lfemur" is read as a left one."""


@lru_cache(maxsize=16)
def _places(names: tuple[str, ...]) -> dict[str, int]:
    """Return the index of each canonical name in a file, of the first where several joints share it."""
    return {name: index for index, name in reversed(list(enumerate(canonical_names(names, _KNOWN))))}


def locate(source: Source, names: Sequence[str]) -> tuple[int, int, float] | None:
    """Return the two joints of a file that a source is between, and the fraction; None if the file lacks one."""
    if isinstance(source, Between):
        first, second = locate(source.first, names), locate(source.second, names)
        return None if first is None or second is None else (first[0], second[0], source.fraction)
    if source in names:
        index = list(names).index(source)
        return index, index, 0.0
    places = _places(tuple(names))
    wanted = (canonical(choice, _KNOWN) for choice in source.split("|"))
    found = next((places[name] for name in wanted if name in places), None)
    return None if found is None else (found, found, 0.0)
