"""Building a motion source from the configuration."""

import pytest

from latentman.config import MotionConfig
from latentman.errors import ConfigError
from latentman.motion.build import build


def test_the_default_source_makes_a_motion_of_its_text():
    motion = build(MotionConfig(name="procedural"))("a person walks", num_frames=20, seed=0)
    assert len(motion.joints) >= 20
    assert motion.fps == 20.0
    assert motion.text == "a person walks"
    assert motion.source == "procedural"


def test_a_clip_without_its_file_names_the_key():
    with pytest.raises(ConfigError, match=r"motion=clip needs a file: set motion\.file=PATH \(\.bvh"):
        build(MotionConfig(name="clip"))("a person walks", num_frames=20, seed=0)


def test_an_unknown_source_lists_the_choices():
    with pytest.raises(ConfigError, match=r"procedural.*did you mean 'procedural'"):
        build(MotionConfig(name="proceduralx"))
