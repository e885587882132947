"""The scene as a picture for viewing: squares of a metre on its surfaces, which drift with them, and grey figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.errors import DataError
from latentman.render.grey_picture import draw_grey
from latentman.render.scene import SKY, Floats, cast, earlier
from latentman.types import BodySequence, Conditions, Scene

SQUARE_M = 1.0
"""Side of a square on a plane, metres."""

SQUARE_DEG = 10.0
"""Side of a square in the sky, degrees."""

_COLOURS = np.array(
    [(0.72, 0.62, 0.48), (0.55, 0.66, 0.80), (0.62, 0.74, 0.62), (0.80, 0.70, 0.62), (0.70, 0.62, 0.78)]
)
_SKY_COLOUR = np.array((0.72, 0.84, 0.96))
_DARKER = 0.78


def draw_scene(body: BodySequence, conditions: Conditions) -> NDArray[np.float32]:
    """Return what the cameras see of the scene and of the figures, (T, H, W, 3) float32 RGB, 0 to 1.

    Args:
        body: the moving mesh.
        conditions: drawn from it, with a scene.

    Raises:
        DataError: if the conditions hold no scene.
    """
    scene = conditions.scene
    if scene is None:
        raise DataError("there is no scene to draw: the run has scene=none; add scene=floor or scene=room")
    pictures = draw_grey(body, conditions)
    height, width = conditions.mask.shape[1:]
    pixels = np.indices((height, width), dtype=np.float64).reshape(2, -1).T
    for i, camera in enumerate(conditions.cameras):
        hits = cast(scene, camera, pixels)
        behind = _painted(scene, hits.surface, earlier(scene, hits, i)).reshape(height, width, 3)
        pictures[i] = np.where(conditions.mask[i][..., None], pictures[i], behind)
    return pictures


def _painted(scene: Scene, surface: NDArray[np.int64], point: Floats) -> Floats:
    """Return the colours (N, 3) of points (N, 4) of the surfaces at the time of frame 0."""
    colours = np.empty((len(surface), 3))
    for index in (*range(len(scene.planes)), SKY):
        on = surface == index
        x, y, z = point[on, :3].T
        if index == SKY:
            across = np.degrees(np.arctan2(x, -z)) / SQUARE_DEG
            up = np.degrees(np.arctan2(y, np.hypot(x, z))) / SQUARE_DEG
        else:
            normal = scene.planes[index, :3]
            # Along the horizontal line of a wall, and x and z of the floor.
            across = (x * normal[2] - z * normal[0] if abs(normal[1]) < 0.5 else x) / SQUARE_M
            up = (y if abs(normal[1]) < 0.5 else z) / SQUARE_M
        base = _SKY_COLOUR if index == SKY else _COLOURS[index % len(_COLOURS)]
        odd = (np.floor(across) + np.floor(up)) % 2 == 1
        colours[on] = np.where(odd[:, None], _DARKER * base, base)
    return colours
