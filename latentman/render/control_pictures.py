"""The input pictures of ControlNets and T2I-Adapters, drawn exactly from the moving mesh.

Published networks were trained on pictures estimated from photographs. Here each picture shows the same quantity in the
same colours, without an estimator and its flicker.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentman.errors import check_choice
from latentman.render.edge_picture import draw_edges
from latentman.render.normal_picture import draw_normals
from latentman.render.pose_picture import draw_pose
from latentman.types import BodySequence, Conditions


def draw_depth(body: BodySequence, conditions: Conditions) -> NDArray[np.float32]:
    """Return the disparity of every frame in grey, (T, H, W, 3) float32, 0 to 1; near is bright."""
    return np.repeat(conditions.disparity[..., None].astype(np.float32), 3, axis=-1)


CONTROL_PICTURES: dict[str, Callable[[BodySequence, Conditions], NDArray[np.float32]]] = {
    "depth": draw_depth,
    "normal": draw_normals,
    "pose": draw_pose,
    "canny": draw_edges,
}
"""The function that draws each kind of control picture."""


def draw_control(kind: str, body: BodySequence, conditions: Conditions) -> NDArray[np.float32]:
    """Return the control pictures of a clip, (T, H, W, 3) float32 RGB, 0 to 1.

    Args:
        kind: one of ``CONTROL_PICTURES``.
        body: the moving mesh.
        conditions: the conditions drawn from it, T pictures of H x W pixels.

    Raises:
        ConfigError: if ``kind`` is unknown.
    """
    check_choice("conditioner.nets[...].kind", kind, CONTROL_PICTURES)
    return CONTROL_PICTURES[kind](body, conditions)
