"""Facial features are at the right positions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from latentman.train.scenes.bodies import REGIONS, Bodies
from latentman.train.scenes.faces import EYE_HEIGHT, EYE_SIDE, MOUTH_HEIGHT, NOSE_HEIGHT, paint_face
from latentman.train.scenes.look import FaceLook
from latentman.train.scenes.surface import Surface

SKIN = torch.tensor([0.8, 0.6, 0.5])
EYES = np.array([0.1, 0.5, 0.1])


def _at(*points: tuple[float, float]) -> Surface:
    where = torch.tensor([(x, y, 0.1) for x, y in points])
    face = torch.full((len(points),), REGIONS.index("face"))
    return Surface(where, torch.zeros_like(where), face, torch.zeros_like(where))


def _painted(look: FaceLook, *points: tuple[float, float]) -> Tensor:
    return paint_face(SKIN.repeat(len(points), 1), look, _at(*points))


def test_mouth_eyes_and_nose_are_painted_where_the_mesh_has_them(bodies: Bodies) -> None:
    # The vertices that close the holes of the mesh are in the middle of its lips and of its eyes.
    mouth, one, other = bodies.points[-3:].tolist()
    assert mouth[1] == pytest.approx(MOUTH_HEIGHT, abs=0.003)
    for eye in (one, other):
        assert (abs(eye[0]), eye[1]) == pytest.approx((EYE_SIDE, EYE_HEIGHT), abs=0.003)
    face = bodies.points[bodies.points[:, 1].abs() < 0.02]
    assert float(face[face[:, 2].argmax(), 1]) == pytest.approx(NOSE_HEIGHT, abs=0.003)


def test_a_painted_mouth_is_on_the_lips(bodies: Bodies) -> None:
    """The rim of the hole between the lips is painted on both sides, and the chin is not."""
    look = FaceLook(eyes=EYES, nose="none", mouth=np.zeros(3))
    hole = len(bodies.points) - 3
    rim = bodies.faces[(bodies.faces == hole).any(1)].unique()
    lips = bodies.points[rim[bodies.points[rim, 0].abs() < 0.015]][:, :2].tolist()
    painted = _painted(look, *lips, (0.0, -0.048), (0.0, -0.014))
    assert (painted[:-2].mean(1) < 0.2).float().mean() > 0.9
    assert torch.equal(painted[-2:], SKIN.repeat(2, 1))


def test_eyes_on_both_sides_have_whites_and_pupils() -> None:
    look = FaceLook(eyes=EYES)
    found = _painted(look, (EYE_SIDE, EYE_HEIGHT), (-EYE_SIDE, EYE_HEIGHT), (EYE_SIDE + 0.013, EYE_HEIGHT))
    for colour, expected in zip(found, (EYES, EYES, np.full(3, 0.95)), strict=True):
        np.testing.assert_allclose(colour.numpy(), expected, atol=0.05)


@pytest.mark.parametrize(
    ("features", "point"),
    [
        ({"brows": np.zeros(3)}, (EYE_SIDE, EYE_HEIGHT + 0.021)),
        ({"mouth": np.zeros(3)}, (0.0, MOUTH_HEIGHT)),
        ({"beard": np.zeros(3)}, (0.0, -0.07)),
        ({"beard": np.zeros(3)}, (0.0, MOUTH_HEIGHT + 0.014)),
        ({"nose": "clown"}, (0.0, NOSE_HEIGHT)),
        ({"cover": "mask", "cover_colour": np.zeros(3)}, (0.0, EYE_HEIGHT)),
        ({"cover": "visor", "cover_colour": np.zeros(3)}, (0.0, 0.03)),
        ({"cover": "slit", "cover_colour": np.zeros(3)}, (0.03, EYE_HEIGHT)),
        ({"cover": "goggles", "cover_colour": np.zeros(3)}, (0.05, EYE_HEIGHT)),
    ],
)
def test_a_feature_is_at_its_position_and_nowhere_else(features: dict[str, object], point: tuple[float, float]) -> None:
    without, plain = FaceLook(eyes=EYES, nose="none"), (0.06, 0.10)
    look = FaceLook(eyes=EYES, **{"nose": "none", **features})  # type: ignore[arg-type]
    before, after = _painted(without, point, plain), _painted(look, point, plain)
    assert float((after[0] - before[0]).abs().max()) > 0.2
    assert torch.equal(after[1], before[1])


def test_nothing_is_painted_behind_or_below_the_head(seen: Callable[..., Surface]) -> None:
    surface = seen(180.0)
    look = FaceLook(eyes=EYES, brows=np.zeros(3), mouth=np.zeros(3), cover="mask", cover_colour=np.zeros(3))
    colour = SKIN.repeat(len(surface.points), 1)
    changed = (paint_face(colour, look, surface) - colour).abs().amax(1) > 1e-6
    assert float(changed.float().mean()) < 0.005
    front = seen(0.0)
    colour = SKIN.repeat(len(front.points), 1)
    changed = (paint_face(colour, look, front) - colour).abs().amax(1) > 1e-6
    assert changed.any()
    assert set(front.region[changed].tolist()) <= {REGIONS.index("face"), REGIONS.index("scalp")}
