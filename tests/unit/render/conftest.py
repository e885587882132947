"""Bodies and their conditions."""

import pytest

from latentman.config import CameraConfig
from latentman.render.conditions import render_conditions
from tests.factories.bodies import solid, sphere, walk
from tests.factories.views import BODY_RANGE, DEPTH, VIEW, camera_at, see


@pytest.fixture(scope="module")
def walking():
    body = walk(frames=2)
    return body, see(body, 20, 4)


@pytest.fixture(scope="module")
def ball():
    body = solid(sphere())
    return body, see(body, yaw=30, pitch=20)


@pytest.fixture(scope="module")
def sequence():
    return walk()


@pytest.fixture(scope="module")
def conditions(sequence):
    return render_conditions(sequence, camera=camera_at(20, 4), depth=DEPTH, size=96)


@pytest.fixture(scope="module")
def moving():
    return render_conditions(walk(), camera=CameraConfig(**VIEW, orbit=40.0, follow=0.5), depth=BODY_RANGE, size=48)
