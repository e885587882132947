"""The exact map with a moving camera, against rays from each pixel to the mesh and from its point to the camera.

The reference uses neither a rasteriser's faces nor the map's own visibility bounds: it intersects rays with every
triangle.
"""

import numpy as np
import pytest

from latentman.config import CameraConfig
from latentman.correspondence.mesh import carry, match_mesh
from latentman.render.conditions import render_conditions
from tests.factories.mesh_maps import slow_map, walker
from tests.factories.sheets import DEPTH, moved, scene, seen, sheet

MOVING = CameraConfig(47, 30, 4, 0.1, orbit=60.0, follow=0.6)


def hits(origin, directions, triangles):
    """Return the nearest hit of each ray (N, 3): the triangle (-1 for none), its weights (N, 3), and the distance."""
    a, first, second = triangles[:, 0], *(triangles[:, k] - triangles[:, 0] for k in (1, 2))
    found = []
    for direction in directions:
        p = np.cross(direction, second)
        volume = (first * p).sum(1)
        s = origin - a
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (s * p).sum(1) / volume
            q = np.cross(s, first)
            v = (q @ direction) / volume
            along = (second * q).sum(1) / volume
            hit = (np.abs(volume) > 1e-15) & (u >= 0) & (v >= 0) & (u + v <= 1) & (along > 1e-6)
        nearest = np.where(hit, along, np.inf).argmin()
        found.append((nearest, (1 - u - v)[nearest], u[nearest], v[nearest], along[nearest]) if hit.any() else [-1] * 5)
    found = np.array(found, float)
    return found[:, 0].astype(int), found[:, 1:4], found[:, 4]


def eye(camera):
    return -camera.rotation.T @ camera.translation


def ray(camera, row, col):
    inward = np.stack([(col + 0.5 - camera.cx) / camera.fx, (row + 0.5 - camera.cy) / camera.fy, np.ones(len(row))], 1)
    return inward @ camera.rotation


def pixel_of(camera, points):
    x, y, z = (points @ camera.rotation.T + camera.translation).T
    return np.stack([camera.fy * y / z + camera.cy - 0.5, camera.fx * x / z + camera.cx - 0.5], 1)


@pytest.fixture(scope="module")
def clip():
    body = walker(4, turn=0.5)
    return body, render_conditions(body, camera=MOVING, depth=DEPTH, size=256)


@pytest.mark.parametrize(
    ("frame", "to"), [(3, 0), *(pytest.param(*pair, marks=pytest.mark.slow) for pair in ((1, 0), (3, 2)))]
)
def test_positions_and_visibility_equal_ray_casting(clip, frame, to):
    body, conditions = clip
    carried = carry(body, conditions, frame=frame, to=to, size=64)
    here, there = conditions.cameras[frame], conditions.cameras[to]
    row, col = 4 * carried.target.T
    triangle, weights, _ = hits(eye(here), ray(here, row, col), body.vertices[frame][body.faces].astype(float))
    sure = triangle >= 0  # a ray through an outermost edge may miss by rounding
    assert sure.mean() > 0.98
    triangle, weights, position, visible = (x[sure] for x in (triangle, weights, carried.position, carried.visible))
    corners = body.vertices[to][body.faces].astype(float)
    point = (weights[..., None] * corners[triangle]).sum(1)
    np.testing.assert_allclose(4 * position, pixel_of(there, point), atol=0.02)
    towards = point - eye(there)
    _, _, along = hits(eye(there), towards, corners)
    hidden_by = (1 - along) * np.linalg.norm(towards, axis=1)
    assert (visible & (hidden_by > 0.01)).mean() < 0.01
    assert (~visible & (hidden_by < 1e-4)).mean() < 0.08
    assert 0.2 < visible.mean() < 0.99 if to != frame - 1 else visible.mean() > 0.6


@pytest.mark.parametrize("reference", ["prev", "first"])
def test_the_map_equals_a_loop_over_pixels_with_a_moving_camera(reference):
    body = walker()
    conditions = seen(body, 48, camera=MOVING)
    found = match_mesh(body, conditions, size=24, reference=reference)
    for i in range(1, 4):
        kept, counts = slow_map(body, conditions, i, found.source_frame(i), 24)
        target, source = found.pairs[i]
        assert [tuple(q) for q in target.tolist()] == sorted(kept)
        assert [tuple(s) for s in source.tolist()] == [kept[q][0] for q in sorted(kept)]
        assert found.unmatched[i].tolist() == counts


def test_a_following_camera_keeps_a_gliding_figure_fixed():
    body = scene(moved(sheet((0, 0, 0), 1.0, 1.2), [(0, 0, 0), (0.5, 0, 0.2), (1.0, 0, 0.4)]))
    conditions = seen(body, camera=CameraConfig(47, 10, 5, 0.1, follow=1.0))
    found = match_mesh(body, conditions, size=96)
    assert conditions.camera_moves
    for (target, _), position in zip(found.pairs[1:], found.positions[1:], strict=True):
        assert len(target) > 0.99 * conditions.mask[0].sum()
        np.testing.assert_allclose(position, target, atol=1e-3)
