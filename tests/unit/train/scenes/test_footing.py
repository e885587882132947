"""Standing, hopping and jumping: only a real jump is in the air."""

from __future__ import annotations

import numpy as np
import pytest

from latentman.train.scenes.footing import LEAST_FLIGHT, flight_heights
from latentman.types import Array

FPS = 20.0


def motion(heights: Array) -> Array:
    """Return joints (T, 22, 3) of a rigid person whose feet are at ``heights`` (T,)."""
    joints = np.zeros((len(heights), 22, 3))
    joints[..., 1] = np.linspace(0, 1.7, 22) + heights[:, None]
    return joints


def jump(top: float, *, since: float = 0.0, frames: int = 60) -> Array:
    """Return heights (T,): standing at ``since``, a ballistic jump up to ``top``, and standing at 0."""
    times = np.arange(frames) / FPS - 1.0
    speed = np.sqrt(2 * 9.81 * (top - since))
    flight = since + speed * times - 9.81 / 2 * times**2
    return np.where(times < 0, since, np.maximum(flight, 0.0))


@pytest.mark.parametrize("floor", [0.0, 0.45, -0.2])
def test_standing_is_on_the_floor_at_any_height(floor: float) -> None:
    assert (flight_heights(motion(np.full(20, floor)), FPS) == 0).all()


def test_a_jump_keeps_its_height() -> None:
    heights = jump(0.5)
    found = flight_heights(motion(heights), FPS)
    assert found.max() == pytest.approx(heights.max())
    assert (found[heights >= LEAST_FLIGHT] == heights[heights >= LEAST_FLIGHT]).all()
    assert (found[heights == 0] == 0).all()


def test_a_hop_counts_as_standing() -> None:
    assert (flight_heights(motion(0.06 * np.abs(np.sin(np.arange(40)))), FPS) == 0).all()


def test_who_stands_on_a_ledge_is_not_in_the_air_before_the_leap() -> None:
    heights = jump(0.6, since=0.45)
    found = flight_heights(motion(heights), FPS)
    assert (found[:18] == 0).all()
    assert found.max() == pytest.approx(heights.max())


def test_a_motion_that_never_rests_is_on_the_floor() -> None:
    assert (flight_heights(motion(np.linspace(0, 9, 30)), FPS) == 0).all()
