"""From the configuration to a motion source."""

import pytest

from latentman.config import MotionConfig
from latentman.errors import ConfigError
from latentman.motion.build import SOURCES, build


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_makes_a_motion_of_its_text(name):
    motion = build(MotionConfig(name=name))("a person walks", num_frames=20, seed=0)
    assert len(motion.joints) >= 20
    assert motion.fps == 20.0
    assert motion.text == "a person walks"
    assert motion.source == name


def test_an_unknown_source_lists_the_choices():
    with pytest.raises(ConfigError, match=r"procedural.*did you mean 'procedural'"):
        build(MotionConfig(name="proceduralx"))
