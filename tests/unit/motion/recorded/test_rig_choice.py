"""Which rig a skeleton's joints belong to: 20 tools' names in every spelling, the shape, and what cannot be found."""

import pytest

from latentman.errors import ConfigError, DataError
from latentman.motion.recorded.bvh_clip import bvh_recording
from latentman.motion.recorded.rig_choice import choose_rig
from latentman.motion.recorded.rigs import JOINT_NAMES, RIGS, locate
from tests.factories.quick import slow_except
from tests.factories.rig_names import SCHEMES, SPELLINGS, named
from tests.factories.skeleton_clips import extended, person, renamed, skeleton
from tests.unit.motion.bvh_files import write_bvh

FREE = {"pelvis", "spine1", "spine2", "spine3"}
"""Joints that a rig may put between the file's own."""

OLDER = {
    "bandai": named(
        "Hips Spine - Chest Neck Head",
        "UpperLeg_* LowerLeg_* Foot_* Toes_* Shoulder_* UpperArm_* LowerArm_* Hand_*",
        "L",
        "R",
    ),
    "cc_base": named(
        "Pelvis Waist Spine01 Spine02 NeckTwist01 Head",
        "*_Thigh *_Calf *_Foot *_ToeBase *_Clavicle *_Upperarm *_Forearm *_Hand",
        "L",
        "R",
        "CC_Base_",
    ),
    "daz": named(
        "hip abdomenLower abdomenUpper chestLower neckLower head",
        "*ThighBend *Shin *Foot *Toe *Collar *ShldrBend *ForearmBend *Hand",
        "l",
        "r",
    ),
    "cmu": named("Hips Spine - Spine1 Neck1 Head", "*UpLeg *Leg *Foot *ToeBase *Shoulder *Arm *ForeArm *Hand"),
}


def found(clip):
    rig = choose_rig("auto", clip)
    places = {joint: locate(source, clip.names) for joint, source in rig.joints.items()}
    return {
        joint: clip.names[place[0]] if place[0] == place[1] else (clip.names[place[0]], clip.names[place[1]])
        for joint, place in places.items()
        if place is not None
    }


def assert_all_found(names, where):
    for joint, name in names.items():
        if joint in FREE and where.get(joint) != name:
            assert where.get(joint) is None or isinstance(where[joint], tuple), (joint, where[joint])
        else:
            assert where[joint] == name


@pytest.mark.parametrize("scheme", [*SCHEMES, *OLDER])
def test_the_names_of_every_tool_are_read_without_a_rig_file(scheme, caplog):
    names = {**SCHEMES, **OLDER}[scheme]
    assert_all_found(names, found(skeleton(names)))
    assert not caplog.records


@pytest.mark.slow
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_spelling_of_every_tool_is_read(scheme, spelling, caplog):
    names = SPELLINGS[spelling](SCHEMES[scheme])
    assert_all_found(names, found(skeleton(names)))
    assert not caplog.records


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_file_with_the_names_of_a_tool_moves_as_it_was_written(tmp_path, scheme):
    joints = person("a person kicks")
    names = {joint: SCHEMES[scheme].get(joint, f"extra {joint}") for joint in JOINT_NAMES}
    recording = bvh_recording(write_bvh(tmp_path / "kick.bvh", joints, names=names))
    wanted = [i for i, joint in enumerate(JOINT_NAMES) if joint in SCHEMES[scheme] and joint not in FREE]
    assert abs(recording.joints - joints)[:, wanted].max() < 1e-6
    assert {joint: recording.mapping[joint] for joint in SCHEMES[scheme] if joint not in FREE} == {
        joint: name for joint, name in SCHEMES[scheme].items() if joint not in FREE
    }


def test_fingers_twists_and_props_are_passed_over():
    clip = skeleton(SCHEMES["mixamo"])
    for name, parent in (
        ("mixamorig:LeftHandThumb1", "mixamorig:LeftHand"),
        ("mixamorig:LeftHandIndex1", "mixamorig:LeftHand"),
        ("mixamorig:LeftUpLegTwist", "mixamorig:LeftUpLeg"),
        ("mixamorig:HeadTop_End", "mixamorig:Head"),
        ("Sword", "mixamorig:RightHand"),
    ):
        clip = extended(clip, name, parent, [0.05, 0.02, 0.01])
    assert_all_found(SCHEMES["mixamo"], found(clip))


def test_names_in_impossible_places_give_way_to_the_shape(caplog):
    """Mixamo's names with shin and thigh exchanged: the names fit, the tree does not."""
    names = {**SCHEMES["mixamo"]}
    for side in ("left", "right"):
        names[f"{side}_hip"], names[f"{side}_knee"] = names[f"{side}_knee"], names[f"{side}_hip"]
    assert_all_found(names, found(skeleton(names)))
    assert "were found by the skeleton's shape" in caplog.text


def test_joints_whose_names_say_nothing_are_found_by_the_shape_with_a_warning(caplog):
    clip = renamed(skeleton(SCHEMES["mixamo"]), "mixamorig:LeftLeg", "mixamorig:RightHand")
    assert found(clip)["left_knee"] == "x4"
    assert "no known rig fits its joints' names, so they were found by the skeleton's shape" in caplog.text
    assert "left_knee x4" in caplog.text
    assert "motion.rig=FILE" in caplog.text


def fish():
    names = {
        joint: name
        for joint, name in SCHEMES["mixamo"].items()
        if joint not in ("left_knee", "left_ankle", "left_foot")
    }
    return skeleton(names)  # fmt: skip


def test_an_unknown_skeleton_lists_what_is_missing_and_prints_a_rig_file_to_complete():
    with pytest.raises(
        DataError, match=r"no known rig fits.*mixamo, finds nothing for left_knee, left_ankle"
    ) as caught:
        choose_rig("auto", fish())
    lines = str(caught.value).splitlines()
    assert "known rigs are smpl, smpl_foot_hand, cmu, mixamo" in lines[0]
    assert "motion.rig=my_rig.yaml" in lines[1]
    assert lines[2:5] == ["joints:", "  pelvis: mixamorig:Hips", "  left_hip: mixamorig:LeftUpLeg"]
    assert "  # left_knee: NAME  # needed" in lines
    assert "  # left_foot: NAME" in lines


def test_a_rig_that_does_not_fit_the_file_says_so():
    with pytest.raises(DataError, match=r"rig daz finds nothing for left_hip, right_hip.*known rigs are"):
        choose_rig("daz", skeleton())


def test_an_unknown_rig_name_lists_the_rigs():
    with pytest.raises(ConfigError, match=r"motion\.rig='mixxamo' is unknown.*cc_base.*did you mean 'mixamo'"):
        choose_rig("mixxamo", skeleton())


@pytest.mark.parametrize("rig", slow_except(RIGS, "mixamo", "smpl", "unity", "rokoko"))
def test_every_rig_gives_each_joint_a_place_of_its_own(rig):
    """In the file of any tool: two joints in one place would have no bone between them."""
    for names in SCHEMES.values():
        clip = skeleton(names)
        places = [locate(source, clip.names) for source in RIGS[rig].joints.values()]
        there = [place for place in places if place is not None]
        assert len(set(there)) == len(there)
