"""Where the camera stands: one place for the whole clip, so that only the character moves in the picture."""

from __future__ import annotations

import math

import numpy as np

from latentman.config import CameraConfig
from latentman.errors import DataError
from latentman.types import Array, BodySequence, Camera

NEAREST_M = 0.25
"""How near the framing camera may come to the figure, metres."""

MIN_EXTENT_M = 1e-6
"""A clip that is smaller than this is a point."""


def place_camera(sequence: BodySequence, config: CameraConfig, size: int) -> Camera:
    """Return the clip's camera for square pictures of ``size`` pixels.

    It fits the whole clip, or stands ``config.distance`` metres from the first frame's pelvis and looks at it.
    """
    if config.distance is not None:
        return look_at(
            sequence.joints[0, 0],
            distance=config.distance,
            size=size,
            yfov_deg=config.yfov_deg,
            yaw_deg=config.yaw_deg,
            pitch_deg=config.pitch_deg,
        )
    return frame_clip(
        sequence.vertices,
        size=size,
        yfov_deg=config.yfov_deg,
        yaw_deg=config.yaw_deg,
        pitch_deg=config.pitch_deg,
        margin=config.margin,
    )


def frame_clip(
    vertices: Array, *, size: int, yfov_deg: float, yaw_deg: float, pitch_deg: float, margin: float
) -> Camera:
    """Return the nearest camera that keeps every vertex of every frame inside the margin, in closed form.

    In view axes a point at (x, y, z) lies inside the frustum of a camera at -t with half width k per metre of depth iff
    |x + t_x| <= k (z + t_z), and the same for y. The tightest of these bounds on either side give t directly; the
    camera stays at least ``NEAREST_M`` in front of the nearest vertex.

    Args:
        vertices: (T, V, 3) or (V, 3) metres.
        size: height and width of the picture in pixels.
        yfov_deg: full vertical angle of view.
        yaw_deg: how far the camera goes round the character, towards its left; 0 sees it from the front.
        pitch_deg: how far the camera stands above, looking down.
        margin: free share of the picture on each side, 0 or more and below 0.5.

    Raises:
        DataError: if all vertices are one point, which no distance frames.
    """
    rotation = _view_rotation(yaw_deg, pitch_deg)
    points = vertices.reshape(-1, 3).astype(np.float64) @ rotation.T
    slope = math.tan(math.radians(yfov_deg) / 2) * (1 - 2 * margin)
    planar, depth = points[:, :2], points[:, 2:]
    high, low = (planar - slope * depth).max(0), (planar + slope * depth).min(0)
    if float(np.ptp(points, axis=0).max()) < MIN_EXTENT_M:
        raise DataError(
            "cannot place the camera: all vertices of the clip lie in one point; check motion=... and body=..."
        )
    # With a wide angle and a deep, narrow clip the tightest frustum would have its tip in the nearest vertex. Standing
    # further back keeps every bound.
    distance = max(float((high - low).max()) / (2 * slope), NEAREST_M - float(depth.min()))
    translation = np.array([*(-(high + low) / 2), distance])
    return _camera(rotation, translation, size, yfov_deg)


def look_at(target: Array, *, distance: float, size: int, yfov_deg: float, yaw_deg: float, pitch_deg: float) -> Camera:
    """Return the camera that has the point ``target`` (3,) in the middle of its picture, ``distance`` metres away."""
    rotation = _view_rotation(yaw_deg, pitch_deg)
    translation = np.array([0.0, 0.0, distance]) - rotation @ target.astype(np.float64)
    return _camera(rotation, translation, size, yfov_deg)


def to_camera(points: Array, camera: Camera) -> Array:
    """Return points (..., 3) of the world in camera axes, metres, float64."""
    return points.astype(np.float64) @ camera.rotation.T + camera.translation


def project(points: Array, camera: Camera) -> Array:
    """Return pixel coordinates (..., 2) as (u, v) of points (..., 3) in camera axes that lie in front of the camera."""
    focal, centre = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
    return points[..., :2] / points[..., 2:] * focal + centre


def _camera(rotation: Array, translation: Array, size: int, yfov_deg: float) -> Camera:
    """Return a square camera with its axis through the middle of the picture."""
    focal = size / 2 / math.tan(math.radians(yfov_deg) / 2)
    return Camera(rotation, translation, focal, focal, size / 2, size / 2, size, size)


def _view_rotation(yaw_deg: float, pitch_deg: float) -> Array:
    """Return the rows right, down and forward of the view, in world axes."""
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    forward = np.array(
        [-math.sin(yaw) * math.cos(pitch), -math.sin(pitch), -math.cos(yaw) * math.cos(pitch)], dtype=np.float64
    )
    right = np.array([math.cos(yaw), 0.0, -math.sin(yaw)])
    return np.stack([right, np.cross(forward, right), forward])
