"""What is behind the figures: a floor below a sky, or a room, as planes that the rays of pixels meet.

The inside of the planes is convex, and the cameras and the figures are in it. A ray therefore ends at the first plane
ahead of it, and from any camera inside nothing hides a point of the planes but a figure. Points are homogeneous: a
point of a plane is (X, 1), and a direction of the sky, infinitely far, is (D, 0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentman.config import SceneConfig
from latentman.errors import ConfigError
from latentman.types import Array, BodySequence, Camera, Scene

Floats = NDArray[np.float64]

SKY = -1
"""The surface of a ray that meets no plane."""

OPEN = Scene(np.empty((0, 4)), np.empty((0, 3)))
"""A scene without planes. To a camera that stands still, it looks like any other."""

SPARE = 1.5
"""Side of a room that is not given, as a multiple of the smallest one that holds cameras and characters."""

CLEARANCE_M = 0.01
"""Least distance of cameras and characters from a wall, and of cameras from the floor."""

_GRAZING = 1e-9
"""Sine of the angle below which a ray counts as parallel to a plane."""

_INSIDE_M = 1e-6
"""Metres beyond a plane up to which a point still counts as one of its inside."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Where rays end: ``surface`` (N,), a plane's index or ``SKY``; ``point`` (N, 4) homogeneous, in world axes.

    ``depth`` (N,) is in metres along the view axis, infinite for the sky.
    """

    surface: NDArray[np.int64]
    point: Floats
    depth: Floats


def build_scene(sequence: BodySequence, cameras: Sequence[Camera], config: SceneConfig) -> Scene | None:
    """Return the scene around a clip; None for ``scene=none``.

    The floor is at the lowest vertex of the clip. A room is a square around the middle of the first character's path.

    Args:
        sequence: the moving mesh; its frame rate turns drifts per second into drifts per frame.
        cameras: one for each frame.
        config: the group ``scene``.

    Raises:
        ConfigError: if a camera or a character is not inside.
    """
    if not config.is_known:
        return None
    lowest = float(sequence.vertices[..., 1].min())
    floor, drift = np.array([0.0, 1.0, 0.0, -lowest]), config.drift
    of_floor = np.array([drift.floor[0], 0.0, drift.floor[1]])
    eyes = np.stack([_centre(camera) for camera in cameras])
    _check_above(eyes[:, 1] - lowest, config)
    if config.name == "floor":
        return Scene(floor[None], of_floor[None] / sequence.fps, drift.sky / sequence.fps)
    normals = _wall_normals(config.yaw_deg)
    pelvis = sequence.joints[:, 0].astype(np.float64)
    middle = (pelvis.min(0) + pelvis.max(0)) / 2
    half = _half_side(sequence.vertices.astype(np.float64) - middle, eyes - middle, normals, config)
    walls = np.concatenate([normals, (half - normals @ middle)[:, None]], axis=1)
    # Seen from inside, a viewer who faces the wall has its right at facing x up.
    right = np.cross(-normals, (0.0, 1.0, 0.0))
    return Scene(
        np.concatenate([floor[None], walls]), np.concatenate([of_floor[None], drift.walls * right]) / sequence.fps
    )


def cast(scene: Scene, camera: Camera, pixels: Floats) -> Hits:
    """Return where the rays through points of the picture end, figures left aside.

    Args:
        scene: the planes; the camera is inside of them.
        camera: the camera.
        pixels: (N, 2) continuous (row, col) indices, whole numbers being the centres of pixels.
    """
    x = (pixels[:, 1] + 0.5 - camera.cx) / camera.fx
    y = (pixels[:, 0] + 0.5 - camera.cy) / camera.fy
    direction = np.stack([x, y, np.ones_like(x)], axis=1) @ camera.rotation
    eye = np.append(_centre(camera), 1.0)
    surface, depth = np.full(len(pixels), SKY), np.full(len(pixels), np.inf)
    for index, plane in enumerate(scene.planes):
        # Per metre of depth, since the directions have a depth of 1.
        nearing = -(direction @ plane[:3])
        ahead = nearing > _GRAZING
        reached = np.where(ahead, (plane @ eye) / np.where(ahead, nearing, 1.0), np.inf)
        nearer = reached < depth
        surface[nearer], depth[nearer] = index, reached[nearer]
    sky = surface == SKY
    end = np.where(sky[:, None], direction, eye[:3] + np.where(sky, 1.0, depth)[:, None] * direction)
    return Hits(surface, np.concatenate([end, ~sky[:, None]], axis=1), depth)


def earlier(scene: Scene, hits: Hits, frames: int) -> Floats:
    """Return where points (N, 4) of the surfaces were some frames earlier, by the scene's drifts."""
    moved = hits.point.copy()
    on_plane = hits.surface != SKY
    moved[on_plane, :3] -= frames * scene.drift[hits.surface[on_plane]]
    angle = math.radians(frames * scene.turn)
    if angle:
        # To the right, seen from inside, is clockwise from above; going back in time is the other way.
        sine, cosine = math.sin(angle), math.cos(angle)
        turn = np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])
        moved[~on_plane, :3] = moved[~on_plane, :3] @ turn.T
    return moved


def find_in(scene: Scene, camera: Camera, points: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where a camera has homogeneous points (N, 4) of the surfaces, figures left aside.

    Returns:
        Continuous (row, col) indices (N, 2), and (N,) whether the point is ahead of the camera and still on its
        surface: a drift can carry it beyond a corner.
    """
    inside = (points @ scene.planes.T >= -_INSIDE_M).all(1)
    seen = points[:, :3] @ camera.rotation.T + points[:, 3:] * camera.translation
    ahead = seen[:, 2] > 0
    depth = np.where(ahead, seen[:, 2], 1.0)
    row = camera.fy * seen[:, 1] / depth + camera.cy - 0.5
    col = camera.fx * seen[:, 0] / depth + camera.cx - 0.5
    return np.stack([row, col], axis=1), ahead & inside


def scene_depth(scene: Scene, cameras: Sequence[Camera]) -> NDArray[np.float32]:
    """Return the depth of the scene without figures, (T, H, W) metres along the view axis, infinite for the sky."""
    pictures: list[Array] = []
    for i, camera in enumerate(cameras):
        if i and camera.stands_at(cameras[i - 1]):
            pictures.append(pictures[-1])
            continue
        pixels = np.indices((camera.height, camera.width), dtype=np.float64).reshape(2, -1).T
        pictures.append(cast(scene, camera, pixels).depth.reshape(camera.height, camera.width).astype(np.float32))
    return np.stack(pictures)


def _centre(camera: Camera) -> Floats:
    """Return the position (3,) of a camera in the world."""
    return np.asarray(-camera.rotation.T @ camera.translation, dtype=np.float64)


def _wall_normals(yaw_deg: float) -> Floats:
    """Return the inward normals (4, 3) of a room's walls."""
    sine, cosine = math.sin(math.radians(yaw_deg)), math.cos(math.radians(yaw_deg))
    axes = np.array([[cosine, 0.0, -sine], [sine, 0.0, cosine]])
    return np.concatenate([axes, -axes])


def _check_above(heights: Floats, config: SceneConfig) -> None:
    """Refuse cameras (T,) whose height above the floor shows that they look at it from below."""
    if heights.min() < CLEARANCE_M:
        frame = int(heights.argmin())
        raise ConfigError(
            f"scene={config.name}: the camera of frame {frame} is {heights[frame]:.2f} m above the floor, so it cannot "
            "see it: use a larger camera.pitch_deg, another camera.distance, or scene=none"
        )


def _half_side(vertices: Floats, eyes: Floats, normals: Floats, config: SceneConfig) -> float:
    """Return half the side of a room around vertices (T, V, 3) and cameras (T, 3), all relative to its middle."""
    reach = {
        "the camera": np.abs(eyes @ normals[:2].T).max(1),
        "a character": np.abs(vertices @ normals[:2].T).max((1, 2)),
    }
    needed = max(float(of_frames.max()) for of_frames in reach.values()) + CLEARANCE_M
    if config.size is None:
        return SPARE * needed
    half = config.size / 2
    for what, of_frames in reach.items():
        frame = int(of_frames.argmax())
        if of_frames[frame] > half - CLEARANCE_M:
            raise ConfigError(
                f"scene.size={config.size}: the walls are {half:.2f} m from the middle of the character's path, but in "
                f"frame {frame} {what} is {of_frames[frame]:.2f} m away from it: use "
                f"scene.size={math.ceil(20 * needed) / 10} or more, or null"
            )
    return half
