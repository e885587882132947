"""A camera's view of floor and sky agrees with the render stage's projection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from latentman.render.camera import project, to_camera
from latentman.train.scenes.plan import plan_scenes
from latentman.train.scenes.studio import Studio
from latentman.train.scenes.view import View
from latentman.types import Array, Camera


def seen_floor(view: View) -> tuple[Array, Array]:
    """Return the floor's points (N, 3), float64 metres, and the centres (N, 2) of the pixels that see them."""
    row, column = (view.ground > 0).nonzero(as_tuple=True)
    floor = view.floor[row, column].numpy().astype(np.float64)
    points = np.stack([floor[:, 0], np.zeros(len(floor)), floor[:, 1]], -1)
    return points, np.stack([column.numpy() + 0.5, row.numpy() + 0.5], -1)


@pytest.mark.parametrize("yaw", [20.0, -130.0])
@pytest.mark.parametrize("pitch", [0.0, 4.0, 10.0])
def test_the_floor_point_of_a_pixel_projects_to_that_pixel(
    camera_at: Callable[..., Camera], yaw: float, pitch: float
) -> None:
    camera = camera_at(yaw, pitch)
    points, pixels = seen_floor(View.of(camera, "cpu"))
    assert len(points) > 500
    assert np.abs(project(to_camera(points, camera), camera) - pixels).max() < 0.01


@pytest.mark.slow
def test_the_same_holds_for_the_cameras_of_drawn_pictures(studio: Studio) -> None:
    for plan in plan_scenes(12, seed=5):
        camera = studio._place(plan).camera
        view = View.of(camera, "cpu")
        points, pixels = seen_floor(view)
        assert np.abs(project(to_camera(points, camera), camera) - pixels).max() < 0.01
        assert 0.15 < view.horizon < 0.85


@pytest.mark.parametrize("yaw", [20.0, -130.0])
@pytest.mark.parametrize("pitch", [0.0, 4.0, 10.0])
def test_the_horizon_is_where_the_floor_ends(camera_at: Callable[..., Camera], yaw: float, pitch: float) -> None:
    camera = camera_at(yaw, pitch, size=512)
    view = View.of(camera, "cpu")
    ahead = camera.rotation[2] * (1, 0, 1)
    far = 4000 * ahead[None] / np.linalg.norm(ahead)
    assert view.horizon * 512 == pytest.approx(project(to_camera(far, camera), camera)[0, 1], abs=1.0)
    rows = (view.ground > 0).any(1)
    # Points farther away than the haze count as sky.
    assert int(rows.nonzero()[0, 0]) / 512 == pytest.approx(view.horizon, abs=0.03)
    assert rows[int(rows.nonzero()[0, 0]) :].all()


def test_the_floor_is_nearer_lower_in_the_picture_and_ends_in_haze(camera_at: Callable[..., Camera]) -> None:
    view = View.of(camera_at(), "cpu")
    assert (view.distance.diff(dim=0) <= 0).all()
    assert view.distance.isfinite().all()
    assert view.distance.max() == pytest.approx(60.0)
    assert (view.distance[view.ground == 0] == view.distance.max()).all()


def test_picture_coordinates_go_from_0_to_1_right_and_down(camera_at: Callable[..., Camera]) -> None:
    view = View.of(camera_at(), "cpu")
    assert view.x.shape == view.y.shape == view.ground.shape == view.distance.shape == view.floor.shape[:2]
    assert torch.equal(view.x, view.y.T)
    assert view.x[0, 0] == pytest.approx(0.5 / 64)
    assert view.x[0, -1] == pytest.approx(63.5 / 64)
    assert view.x.dtype == view.floor.dtype == view.ground.dtype == torch.float32
