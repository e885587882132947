"""Units that the legs show."""

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.motion.recorded.units import leg_length, to_metres, unit_name
from tests.factories.motion_clips import person


@pytest.mark.parametrize(
    ("per_metre", "name"),
    [(1, "metres"), (100, "centimetres"), (1000, "millimetres"), (39.37, "inches"), (17.7, "CMU units")],
)
def test_units_are_shown_by_the_legs(per_metre, name, caplog):
    joints = person()
    assert unit_name(leg_length(joints) * per_metre) == name
    np.testing.assert_allclose(to_metres(joints * per_metre, "walk.npz"), joints, rtol=2e-3)
    assert ("taken to be" in caplog.text) == (name != "metres")


@pytest.mark.parametrize(
    ("factor", "scale", "message"),
    [
        (1e5, None, r"walk\.npz: a leg is .* units long, which fits none of metres, centimetres"),
        (100, 1.0, r"walk\.npz: with scale 1 a leg is 82\.1 m long; give metres per unit, here about 0\.01,"),
        (0, None, r"walk\.npz: the legs have no length"),
    ],
)
def test_a_size_that_nobody_has_is_refused(factor, scale, message):
    with pytest.raises(DataError, match=message):
        to_metres(person() * factor, "walk.npz", scale)
