"""What is said after the fit: nothing of what the body follows, and each fault that only the body shows, once."""

import pytest

from latentman.body.build import build
from latentman.body.fit import fit_motion, pose_body
from latentman.body.fit_check import examine_fit
from latentman.body.skinning import place_joints
from latentman.config import BodyConfig
from latentman.motion.procedural.source import ACTIONS
from latentman.types import Motion
from tests.factories.motion_clips import person
from tests.factories.quick import slow_except

NECK, COLLARS, CHEST = 12, [13, 14], 9


@pytest.fixture(scope="module")
def body():
    return build(BodyConfig("anny"))


def motion_of(joints, source="clip a.bvh"):
    return Motion(joints, 20.0, "", source)


def found(body, motion):
    fitted, rotations, root = pose_body(body, motion, BodyConfig("any"))
    return [finding.what for finding in examine_fit(place_joints(fitted, rotations, root), motion)]


def collar_through_the_chest(joints):
    """Collars and neck are one rigid piece: a body cannot follow one of them to the other side."""
    joints = joints.copy()
    joints[12:15, COLLARS[0]] = 2 * joints[12:15, CHEST] - joints[12:15, COLLARS[0]]
    return joints


@pytest.mark.parametrize("verb", slow_except(ACTIONS, "walk", "dance", "bow"))
def test_nothing_is_said_of_a_motion_that_the_body_follows(body, verb):
    assert found(body, motion_of(person(f"a person {verb}"))) == []


def test_a_bone_that_the_body_cannot_follow_is_named_with_its_frames(body, caplog):
    motion = motion_of(collar_through_the_chest(person("a person stands")))
    fit_motion(body, motion)
    (told,) = [r.getMessage() for r in caplog.records if "cannot follow the motion" in r.getMessage()]
    assert told.startswith("the body of clip a.bvh: the body cannot follow the motion: its bone to left_collar points")
    assert "(frames 12 to 14); the joints around it are wrong: map the right joints" in told


def test_what_the_motion_shows_itself_is_not_said_again(body):
    joints = person("a person stands").copy()
    joints[10:20, 15] = 2 * joints[10:20, NECK] - joints[10:20, 15]
    assert found(body, motion_of(joints)) == []


def test_what_only_the_body_shows_is_said(body):
    motion = motion_of(person("a person stands"))
    joints = motion.joints.copy()
    joints[10:20, 15] = 2 * joints[10:20, NECK] - joints[10:20, 15]
    said = [finding.what for finding in examine_fit(joints, motion)]
    assert "the head is below the neck along the spine" in said
    assert any("cannot follow the motion: its bone to head" in what for what in said)
