"""The key ``companions``: what is refused."""

import pytest

from latentman.engine.compose import compose
from latentman.errors import ConfigError


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{text: ''}", r"companions\[0\]\.text is empty"),
        ("{text: '  '}", r"companions\[0\]\.text is empty"),
        ("{offset: [1, 0]}", r"companions\[0\]\.text"),
        ("{text: a, offset: [1, nan]}", r"companions\[0\]\.offset\[1\]=nan"),
        ("{text: a, offset: [inf, 0]}", r"companions\[0\]\.offset\[0\]=inf"),
        ("{text: a, offset: [1, 0, 2]}", r"companions\[0\]\.offset=.*two numbers"),
        ("{text: a, offset: [1]}", r"companions\[0\]\.offset=.*two numbers"),
        ("{text: a, offset: [101, 0]}", r"companions\[0\]\.offset=.*100 metres"),
        ("{text: a, facing: nan}", r"companions\[0\]\.facing=nan"),
        ("{text: a, facing: 400}", r"companions\[0\]\.facing=400"),
        ("{text: a, seed: -1}", r"companions\[0\]\.seed=-1"),
        ("{text: a, shape: tall}", r"companions\[0\]\.shape='tall'"),
        ("{text: a},{text: ''}", r"companions\[1\]\.text is empty"),
        (",".join(["{text: a}"] * 10), "companions has 10 entries, at most 9"),
    ],
)
def test_invalid_companions_are_refused_with_their_key(entry, words):
    with pytest.raises(ConfigError, match=words):
        compose([f"companions=[{entry}]"])


def test_nine_companions_are_allowed():
    assert len(compose([f"companions=[{','.join(['{text: a person jumps}'] * 9)}]"]).companions) == 9


def test_a_picture_of_one_pose_is_refused_where_there_are_companions():
    pose = "conditioner.nets=[{kind: pose, model: x}]"
    compose([pose])
    with pytest.raises(ConfigError, match=r"conditioner\.nets draws the pose of one character"):
        compose([pose, "companions=[{text: a person waves}]"])
