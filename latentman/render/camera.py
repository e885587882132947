"""The camera's position in every frame: fixed, or orbiting the character and following it.

A moving camera is a rigid rig: it turns about a vertical axis through a centre and moves with that centre. In the rig's
own axes all frames are seen from one position, so the closed form that frames a clip for a fixed camera also frames it
for a moving one, with every vertex of every frame inside that frame's margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from latentman.config import CameraConfig
from latentman.errors import DataError
from latentman.types import Array, BodySequence, Camera

NEAREST_M = 0.25
"""Least distance between the framing camera and the figure, metres."""

MIN_EXTENT_M = 1e-6
"""A clip smaller than this, in metres, counts as a point."""

FOLLOW_HZ = 0.5
"""Frequency (Hz) at which a following camera reproduces half of the character's motion."""


def place_cameras(sequence: BodySequence, config: CameraConfig, size: int) -> tuple[Camera, ...]:
    """Return the camera of every frame, T of them, for square pictures of ``size`` pixels.

    The cameras fit the whole clip, or are ``config.distance`` metres from their target: the first frame's pelvis or,
    with ``follow``, a point at its height that moves along. A fixed camera is the same object T times. A path that
    comes nearer, and ``shift``, which moves the pictures afterwards, can cut off parts of the figure.

    Raises:
        DataError: if the clip is a single point, which cannot be framed.
    """
    frames = len(sequence.vertices)
    if config.shift:
        unshifted = place_cameras(sequence, replace(config, shift=0.0), size)
        return tuple(replace(camera, cx=camera.cx + config.shift * i) for i, camera in enumerate(unshifted))
    if not config.moves:
        return (_standing(sequence, config, size),) * frames
    yaw, pitch, dolly = views_of_frames(config, frames).T
    rotations = np.stack([_view_rotation(*angles) for angles in zip(yaw, pitch, strict=True)])
    centres = centre_of_frames(sequence, config)
    # In the rig's axes: turned about the centre, at the distance that the clip needs.
    if config.distance is not None:
        offset = np.array([0.0, 0.0, config.distance])
    else:
        points = (sequence.vertices.astype(np.float64) - centres[:, None]) @ rotations.transpose(0, 2, 1)
        offset = _fit(points.reshape(-1, 3), _slope(config.yfov_deg, config.margin))
    offsets = np.stack([offset * [1.0, 1.0, factor] for factor in dolly])
    return tuple(
        _camera(rotation, offset - rotation @ centre, size, config.yfov_deg)
        for rotation, offset, centre in zip(rotations, offsets, centres, strict=True)
    )


def views_of_frames(config: CameraConfig, frames: int) -> Array:
    """Return yaw and pitch in degrees and the factor of the distance, (T, 3).

    Without a path the yaw goes from ``yaw_deg`` at constant speed over ``orbit``, both ends included; a clip of one
    frame stays at ``yaw_deg``. A path goes through its waypoints, monotonically between two of them (Fritsch and
    Carlson 1980), and stays where it is before the first and after the last.
    """
    moments = np.linspace(0.0, 1.0, frames)
    if not config.path:
        yaw = config.yaw_deg + config.orbit * moments
        return np.stack([yaw, np.full(frames, config.pitch_deg), np.ones(frames)], axis=1)
    at = [point.at for point in config.path]
    through = [
        (
            config.yaw_deg if point.yaw is None else point.yaw,
            config.pitch_deg if point.pitch is None else point.pitch,
            point.dolly,
        )
        for point in config.path
    ]
    return np.asarray(PchipInterpolator(at, through)(np.clip(moments, at[0], at[-1])))


def centre_of_frames(sequence: BodySequence, config: CameraConfig) -> Array:
    """Return the point (T, 3) that a moving camera orbits and follows.

    It is a weighted mean: ``1 - follow`` of a fixed point and ``follow`` of the pelvis' smoothed path over the floor.
    The fixed point is the first frame's pelvis if ``distance`` is set, else the middle of the pelvis' path; its height
    does not matter then.
    """
    pelvis = sequence.joints[:, 0].astype(np.float64)
    fixed = pelvis[0] if config.distance is not None else (pelvis.min(0) + pelvis.max(0)) / 2
    centres = np.repeat(fixed[None], len(pelvis), axis=0)
    if config.follow > 0:
        way = smooth_path(pelvis[:, [0, 2]], sequence.fps)
        centres[:, [0, 2]] = (1 - config.follow) * centres[:, [0, 2]] + config.follow * way
    return centres


def smooth_path(path: Array, fps: float) -> Array:
    """Return a path (T, D) without the sway of single steps, smooth enough for a camera.

    The smoothed path c minimises |c - path|^2 + w |D2 c|^2, D2 being second differences (Whittaker 1923; Hodrick and
    Prescott 1997): a straight path at constant speed is unchanged up to its ends, where a moving average would lag. The
    weight w halves oscillations of ``FOLLOW_HZ``; the sway of walking, about 1 Hz, is reduced to a sixteenth, and the
    rhythm of the steps to less.

    Args:
        path: (T, D) metres.
        fps: frames per second.
    """
    frames = len(path)
    if frames < 3:
        return path.astype(np.float64)
    # Half the frame rate is the highest frequency: an alternation from frame to frame.
    turn = min(2 * math.pi * FOLLOW_HZ / fps, math.pi)
    weight = (2 - 2 * math.cos(turn)) ** -2
    second = np.diff(np.eye(frames), 2, axis=0)
    return np.asarray(np.linalg.solve(np.eye(frames) + weight * second.T @ second, path.astype(np.float64)))


def _standing(sequence: BodySequence, config: CameraConfig, size: int) -> Camera:
    """Return the single camera of a clip that is seen from a fixed position."""
    view = {"yfov_deg": config.yfov_deg, "yaw_deg": config.yaw_deg, "pitch_deg": config.pitch_deg}
    if config.distance is not None:
        return look_at(sequence.joints[0, 0], distance=config.distance, size=size, **view)
    return frame_clip(sequence.vertices, margin=config.margin, size=size, **view)


def frame_clip(
    vertices: Array, *, size: int, yfov_deg: float, yaw_deg: float, pitch_deg: float, margin: float
) -> Camera:
    """Return the nearest camera that keeps every vertex of every frame inside the margin, in closed form.

    In view axes, a point at (x, y, z) is inside the frustum of a camera at -t with half width k per metre of depth iff
    |x + t_x| <= k (z + t_z), and the same for y. The tightest of these bounds on either side give t directly; the
    camera stays at least ``NEAREST_M`` in front of the nearest vertex.

    Args:
        vertices: (T, V, 3) or (V, 3) metres.
        size: height and width of the picture in pixels.
        yfov_deg: full vertical angle of view.
        yaw_deg: angle of the camera around the character, towards its left; 0 is the front view.
        pitch_deg: elevation of the camera, looking down.
        margin: free share of the picture on each side, 0 or more and below 0.5.

    Raises:
        DataError: if all vertices are a single point, which cannot be framed.
    """
    rotation = _view_rotation(yaw_deg, pitch_deg)
    points = vertices.reshape(-1, 3).astype(np.float64) @ rotation.T
    return _camera(rotation, _fit(points, _slope(yfov_deg, margin)), size, yfov_deg)


def look_at(target: Array, *, distance: float, size: int, yfov_deg: float, yaw_deg: float, pitch_deg: float) -> Camera:
    """Return the camera that has the point ``target`` (3,) in the middle of its picture, ``distance`` metres away."""
    rotation = _view_rotation(yaw_deg, pitch_deg)
    translation = np.array([0.0, 0.0, distance]) - rotation @ target.astype(np.float64)
    return _camera(rotation, translation, size, yfov_deg)


def to_camera(points: Array, camera: Camera) -> Array:
    """Return points (..., 3) of the world in camera axes, metres, float64."""
    return points.astype(np.float64) @ camera.rotation.T + camera.translation


def to_cameras(points: Array, cameras: Sequence[Camera]) -> Array:
    """Return points (T, ..., 3) of the world in the axes of each frame's camera, metres, float64."""
    return np.stack([to_camera(of_frame, camera) for of_frame, camera in zip(points, cameras, strict=True)])


def project(points: Array, camera: Camera) -> Array:
    """Return pixel coordinates (..., 2) as (u, v) of points (..., 3) in camera axes, in front of the camera."""
    focal, centre = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
    return points[..., :2] / points[..., 2:] * focal + centre


def _slope(yfov_deg: float, margin: float) -> float:
    """Return half the width of the region inside the margin, per metre of depth."""
    return math.tan(math.radians(yfov_deg) / 2) * (1 - 2 * margin)


def _fit(points: Array, slope: float) -> Array:
    """Return the translation (3,) after which points (N, 3) in view axes are inside the tightest frustum."""
    planar, depth = points[:, :2], points[:, 2:]
    high, low = (planar - slope * depth).max(0), (planar + slope * depth).min(0)
    if float(np.ptp(points, axis=0).max()) < MIN_EXTENT_M:
        raise DataError(
            "cannot place the camera: all vertices of the clip are the same point; check motion=... and body=..."
        )
    # With a wide angle and a deep, narrow clip, the tightest frustum would have its apex in the nearest vertex. Moving
    # the camera back keeps every bound.
    distance = max(float((high - low).max()) / (2 * slope), NEAREST_M - float(depth.min()))
    return np.array([*(-(high + low) / 2), distance])


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
