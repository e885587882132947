"""The rig file that is printed for the user to complete."""

import yaml

from latentman.motion.recorded.rig_choice import choose_rig
from latentman.motion.recorded.rig_template import rig_template
from latentman.motion.recorded.rigs import RIGS
from tests.factories.rig_names import SCHEMES
from tests.factories.skeleton_clips import skeleton


def test_a_template_is_a_rig_file_that_means_the_same(tmp_path):
    for name, names in SCHEMES.items():
        clip = skeleton(names)
        rig = choose_rig("auto", clip)
        path = tmp_path / f"{name}.yaml"
        path.write_text(rig_template(rig, clip.names))
        assert dict(choose_rig(str(path), clip).joints).keys() <= dict(rig.joints).keys()
        assert rig_template(choose_rig(str(path), clip), clip.names) == path.read_text()


def test_what_is_not_known_is_a_comment_and_what_is_left_is_listed():
    names = ("Hips", "LeftUpLeg", "LeftLeg", "Tail: [1]", "yes")
    text = rig_template(RIGS["mixamo"], names)
    assert yaml.safe_load(text) == {"joints": {"pelvis": "Hips", "left_hip": "LeftUpLeg", "left_knee": "LeftLeg"}}
    assert "  # right_knee: NAME  # needed\n" in text
    assert "  # spine1: NAME\n" in text
    assert text.endswith("# not used yet: Tail: [1], yes")


def test_names_that_yaml_would_read_otherwise_are_quoted():
    names = ("yes", "12", "a: b", "# x", "'q'", "[a]", "ünï", "骨")
    from latentman.motion.recorded.rigs import JOINT_NAMES, Rig

    rig = Rig("odd", dict(zip(JOINT_NAMES, names, strict=False)))
    assert list(yaml.safe_load(rig_template(rig, names))["joints"].values()) == list(names)
