"""Which joint of a BVH file is which: rigs by their joints' names, and how a file's rig is recognised.

A rig names a source for each of HumanML3D's 22 joints, as far as it has one; what it lacks is filled in by
:mod:`latentman.motion.recorded.rig_joints`. Names are compared without prefix (``mixamorig:``), case and punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
"""Joints that nothing can stand in for; beside these, a neck or a head is needed."""

_PREFIX = re.compile(r"^(?:.*:|mixamorig\d*_?|[mfn]_avg_)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Between:
    """A point on the way from one joint to another; ``fraction`` 0 is the first."""

    first: str
    second: str
    fraction: float = 0.5


Source = str | Between
"""The file's joint, or alternatives that are separated by ``|``, of which the first that is there is meant."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Sources of joints by HumanML3D's names; ``up`` "y" or "z" and ``scale`` metres per unit where they are known."""

    name: str
    joints: Mapping[str, Source]
    up: str | None = None
    scale: float | None = None


def _rig(name: str, sides: tuple[str, str], limbs: str, **spine: Source) -> Rig:
    """Return a rig from patterns of its limbs, hip to toes and collar to wrist, in which ``*`` stands for the side.

    A side with alternatives, such as ``left|l``, multiplies the alternatives of the pattern.
    """
    joints: dict[str, Source] = dict(spine)
    names = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
    for joint, pattern in zip(names, limbs.split(), strict=True):
        for side, spellings in zip(("left", "right"), sides, strict=True):
            choices = [p.replace("*", s) for s in spellings.split("|") for p in pattern.split("|")]
            joints[f"{side}_{joint}"] = "|".join(choices)
    return Rig(name, joints)


_RIGS = (
    _rig(
        "smpl",
        ("left|l", "right|r"),
        "*hip *knee *ankle *foot|*toe *collar *shoulder *elbow *wrist",
        pelvis="pelvis",
        spine1="spine1",
        spine2="spine2",
        spine3="spine3",
        neck="neck",
        head="head",
    ),
    _rig(
        "cmu",
        ("Left", "Right"),
        "*UpLeg *Leg *Foot *ToeBase *Shoulder *Arm *ForeArm *Hand",
        pelvis="Hips",
        spine1="Spine",
        spine2=Between("Spine", "Spine1", 0.6),
        spine3="Spine1",
        neck="Neck1",
        head="Head",
    ),
    _rig(
        "mixamo",
        ("Left", "Right"),
        "*UpLeg *Leg *Foot *ToeBase|*Toe *Shoulder *Arm *ForeArm *Hand",
        pelvis="Hips",
        spine1="Spine",
        spine2="Spine1",
        spine3="Spine2",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "bandai",
        ("L", "R"),
        "UpperLeg_* LowerLeg_* Foot_* Toes_*|Toe_* Shoulder_* UpperArm_* LowerArm_* Hand_*",
        pelvis="Hips",
        spine1="Spine",
        spine3="Chest",
        neck="Neck",
        head="Head",
    ),
    _rig(
        "cc_base",
        ("L", "R"),
        "CC_Base_*_Thigh CC_Base_*_Calf CC_Base_*_Foot CC_Base_*_ToeBase CC_Base_*_Clavicle CC_Base_*_Upperarm "
        "CC_Base_*_Forearm CC_Base_*_Hand",
        pelvis="CC_Base_Pelvis|CC_Base_Hip",
        spine1="CC_Base_Waist",
        spine2="CC_Base_Spine01",
        spine3="CC_Base_Spine02",
        neck="CC_Base_NeckTwist01",
        head="CC_Base_Head",
    ),
    _rig(
        "daz",
        ("l", "r"),
        "*Thigh|*ThighBend *Shin *Foot *Toe *Collar *Shldr|*ShldrBend *ForeArm|*ForearmBend *Hand",
        pelvis=Between("lThigh|lThighBend", "rThigh|rThighBend"),
        spine1="abdomen|abdomenLower",
        spine2="abdomenUpper|abdomen2",
        spine3="chest|chestLower",
        neck="neck|neckLower",
        head="head",
    ),
    _rig(
        "biovision",
        ("Left", "Right"),
        "*Hip *Knee *Ankle *Toe *Collar *Shoulder *Elbow *Wrist",
        pelvis="Hips",
        spine1="Chest",
        spine2="Chest2",
        spine3="Chest3|Chest4",
        neck="Neck",
        head="Head",
    ),
)
RIGS = {rig.name: rig for rig in _RIGS}
"""The rigs that are known, by the name that ``motion.rig`` chooses."""


def plain(name: str) -> str:
    """Return a joint's name without prefix, case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", _PREFIX.sub("", name).lower())


def locate(source: Source, names: Sequence[str]) -> tuple[int, int, float] | None:
    """Return the two joints of a file that a source lies between, and the fraction; None if the file lacks one."""
    if isinstance(source, Between):
        first, second = locate(source.first, names), locate(source.second, names)
        return None if first is None or second is None else (first[0], second[0], source.fraction)
    if source in names:
        index = names.index(source)
        return index, index, 0.0
    known = {plain(name): index for index, name in reversed(list(enumerate(names)))}
    found = next((known[plain(choice)] for choice in source.split("|") if plain(choice) in known), None)
    return None if found is None else (found, found, 0.0)
