"""White lines, one pixel wide, at edges of the geometry, as ``lllyasviel/control_v11p_sd15_canny`` expects.

That network was trained on Canny edges of photographs. Here the edges come from the geometry, not from a shaded
picture. A pixel is on an edge if one of its four neighbours shows

- the background (the silhouette),
- a point behind it that is not on the continuation of its own surface (an occlusion), or
- a face at a sharp angle to its own (a crease).

The line belongs to the nearer surface. All thresholds are lengths and angles of the body, the same for the whole clip,
so that no edge appears or vanishes because something else in the picture changed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from latentman.render.camera import to_camera
from latentman.render.normal_picture import face_normals, pixel_normals, vertex_normals
from latentman.render.thinning import thin
from latentman.types import Array, BodySequence, Camera, Conditions

STEP_M = 0.015
"""Least distance of the neighbouring point from the tangent plane at an occlusion, metres."""

STEP_PIXELS = 2.5
"""The same in pixel widths on the surface; a smooth limb that curves out of sight reaches about one."""

CREASE_DEG = 50.0
"""Least angle between the faces on both sides of a crease."""

CREASE_PIXELS = 5
"""Fewest pixels of a crease that touches no outline; shorter ones are mesh artefacts that would flicker."""

FACING = 0.3
"""Least cosine between a face's normal and the direction to the camera at a crease; surfaces that curve away have
none."""


def draw_edges(body: BodySequence, conditions: Conditions) -> NDArray[np.float32]:
    """Return the edges of every frame, white on black, (T, H, W, 3) float32, each 0 or 1."""
    pictures = []
    for frame, camera in enumerate(conditions.cameras):
        vertices, mask = to_camera(body.vertices[frame], camera), conditions.mask[frame]
        points = _points(conditions.depth[frame], camera)
        smooth, flat = np.zeros_like(points), np.zeros_like(points)
        face = conditions.face[frame][mask]
        corners = vertex_normals(vertices, body.faces)[body.faces]
        smooth[mask] = pixel_normals(corners, face, conditions.bary[frame][mask])
        flat[mask] = face_normals(vertices, body.faces)[face]
        outline = silhouette(mask) | occlusions(mask, points, smooth, camera.fx)
        # Next to an outline the surface curves away within a pixel or two: a crease there would only double the line.
        lines = outline | (creases(mask, points, flat) & ~_widen(outline))
        pictures.append(without_specks(thin(lines), outline))
    return np.repeat(np.stack(pictures)[..., None], 3, axis=-1).astype(np.float32)


def silhouette(mask: Array) -> Array:
    """Return the pixels (H, W) of the figure with a neighbour outside it; the picture's border is not an edge."""
    edges = np.zeros_like(mask)
    for here, there in _neighbours():
        edges[here] |= mask[here] & ~mask[there]
        edges[there] |= mask[there] & ~mask[here]
    return edges


def occlusions(mask: Array, points: Array, normals: Array, focal: float) -> Array:
    """Return the pixels (H, W) next to a point that is behind them on another part of the surface.

    If two neighbours see the same smooth surface, each is near the tangent plane of the other: with radius of curvature
    R, the distance is at most c^2 / 2R for points c apart, which is one pixel's width even at the limb's rim.

    Args:
        mask: (H, W) the figure.
        points: (H, W, 3) metres in camera axes.
        normals: (H, W, 3) unit normals.
        focal: focal length in pixels.
    """
    edges = np.zeros_like(mask)
    for here, there in _neighbours():
        apart = points[there] - points[here]
        off = np.maximum(np.abs((apart * normals[here]).sum(-1)), np.abs((apart * normals[there]).sum(-1)))
        nearer = np.minimum(points[here][..., 2], points[there][..., 2])
        step = mask[here] & mask[there] & (off > np.maximum(STEP_M, STEP_PIXELS * nearer / focal))
        edges[here] |= step & (apart[..., 2] >= 0)
        edges[there] |= step & (apart[..., 2] < 0)
    return edges


def creases(mask: Array, points: Array, normals: Array) -> Array:
    """Return the pixels (H, W) next to a face at a sharp angle to their own, where both face the camera.

    Args:
        mask: (H, W) the figure.
        points: (H, W, 3) metres in camera axes.
        normals: (H, W, 3) unit normals of the faces themselves.
    """
    towards = -(points * normals).sum(-1) / np.maximum(np.linalg.norm(points, axis=-1), 1e-12)
    open_ = mask & (towards > FACING)
    edges = np.zeros_like(mask)
    for here, there in _neighbours():
        cosine = (normals[here] * normals[there]).sum(-1)
        sharp = open_[here] & open_[there] & (cosine < np.cos(np.radians(CREASE_DEG)))
        nearer = points[here][..., 2] <= points[there][..., 2]
        edges[here] |= sharp & nearer
        edges[there] |= sharp & ~nearer
    return edges


def without_specks(lines: Array, outline: Array) -> Array:
    """Return lines (H, W) without pieces of fewer than ``CREASE_PIXELS`` pixels that do not touch ``outline``."""
    piece, count = label(lines, structure=np.ones((3, 3)))
    keep = np.bincount(piece.ravel(), minlength=count + 1) >= CREASE_PIXELS
    keep[piece[lines & outline]] = True
    return np.asarray(lines & keep[piece])


def _points(depth: Array, camera: Camera) -> Array:
    """Return the point (H, W, 3), metres in camera axes, that each pixel sees at ``depth`` (H, W)."""
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    slopes = [(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones_like(rows)]
    return np.stack(slopes, axis=-1) * depth.astype(np.float64)[..., None]


def _neighbours() -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield two views of a picture whose entries are each other's neighbours: above and below, left and right."""
    yield (slice(None, -1),), (slice(1, None),)
    yield (slice(None), slice(None, -1)), (slice(None), slice(1, None))


def _widen(lines: Array) -> Array:
    """Return the pixels (H, W) in or next to a line, including diagonal neighbours."""
    height, width = lines.shape
    padded = np.pad(lines, 1)
    return np.any([padded[r : r + height, c : c + width] for r in range(3) for c in range(3)], axis=0)
