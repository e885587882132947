"""Names of joints without what differs between tools."""

import pytest

from latentman.motion.recorded.joint_names import canonical, canonical_names

KNOWN = {"upleg", "thigh", "hip", "foot", "hand", "upperarm", "uarm"}
BODY = ("Hips", "Spine", "Head", "LeftUpLeg", "LeftFoot", "RightUpLeg", "RightFoot", "LeftHand", "RightHand")


@pytest.mark.parametrize(
    "name",
    [
        "LeftUpLeg", "left_up_leg", "LEFT_UP_LEG", "Left Up Leg", "UpLeg.L", "upleg_l", "UpLegLeft", "LUpLeg",
        "leftupleg",
        "lupleg", "L_UpLeg", "UPLEG_LEFT", "mixamorig:LeftUpLeg", "mixamorig9:LeftUpLeg", "mixamorig_LeftUpLeg",
        "mixamorigLeftUpLeg", "Character1_LeftUpLeg", "Armature_LeftUpLeg", "DEF-upleg.L", "CC_Base_L_UpLeg",
        "Bip01 L UpLeg", "J_Bip_L_UpLeg", "ValveBiped.Bip01_L_UpLeg", "m_avg_L_upleg",
    ],
)  # fmt: skip
def test_every_spelling_of_a_joint_is_one_name(name):
    assert canonical(name, KNOWN) == "L upleg"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("spine_01", "spine1"), ("Spine.001", "spine1"), ("spine10", "spine10"), ("L5", "l5"), ("J_Bip_C_Hips", "hips"),
        ("root", "root"), ("lowerback", "lowerback"), ("collar", "collar"), ("LUArm", "L uarm"), ("Bip01", "bip01"),
        ("RightHandIndex1", "R handindex1"), ("l", "l"), ("", ""), ("骨", ""),
    ],
)  # fmt: skip
def test_what_is_not_a_side_or_a_prefix_stays(name, meant):
    assert canonical(name, KNOWN) == meant.replace("bip01", "bip1")


@pytest.mark.parametrize("change", ["Anna_{}", "Anna:{}", "rig|Anna:{}", "{}_jnt", "{}_1", "x.y.{}", "{}.001"])
def test_a_word_that_every_name_has_is_dropped(change):
    assert canonical_names([change.format(name) for name in BODY], KNOWN) == canonical_names(BODY, KNOWN)


def test_numbers_that_count_all_joints_are_dropped():
    numbered = [f"{name}_{number:02d}" for number, name in enumerate(BODY)]
    assert canonical_names(numbered, KNOWN) == canonical_names(BODY, KNOWN)


def test_numbers_of_a_few_joints_stay():
    names = ("pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head", "thigh_l", "foot_l", "thigh_r", "foot_r")
    assert canonical_names(names, KNOWN)[1:4] == ["spine1", "spine2", "spine3"]


def test_a_side_that_most_names_have_stays():
    names = [f"left_{part}" for part in ("hip", "knee", "ankle", "foot", "toe", "hand", "elbow", "wrist")]
    assert all(name.startswith("L ") for name in canonical_names(names, KNOWN))


def test_nothing_but_empty_names_is_no_fault():
    assert canonical_names(["", "", "", "", "", "", "", "", ":"], KNOWN) == [""] * 9
