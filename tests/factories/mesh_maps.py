"""The exact map computed pixel by pixel, and a body to compute it for."""

import math

import numpy as np

from latentman.body.build import build as build_body
from latentman.body.fit import fit_motion
from latentman.body.skinning import forward_kinematics
from latentman.config import BodyConfig
from latentman.correspondence import mesh
from latentman.motion.rotations import from_axis_angle
from latentman.render.camera import project, to_camera
from latentman.types import Motion


def walker(frames=4, turn=0.0, swing=0.5):
    body = build_body(BodyConfig("anny", "male"))
    phase = np.sin(np.linspace(0, 3, frames))
    pose = np.zeros((frames, 24, 3))
    pose[:, 1, 0], pose[:, 2, 0] = swing * phase, -swing * phase
    pose[:, 16, 2], pose[:, 17, 2] = -1.1, 1.1
    pose[:, 16, 1], pose[:, 18, 1] = -0.8 * phase, -1.0 * phase
    pose[:, 0, 1] = turn * phase
    root = np.linspace([0.0, 1, 0], [0.3, 1, 0], frames)
    joints = forward_kinematics(body, from_axis_angle(pose), root)[1][:, :22]
    return fit_motion(body, Motion(joints, 20.0, "a person walks", "test"))


def one_surface(p, q, n, m):
    chord = q - p
    distance = math.sqrt(sum(chord**2))
    along = abs(sum(chord * p)) / math.sqrt(sum(p**2))
    across = math.sqrt(max(distance**2 - along**2, 0.0))
    off = max(abs(sum(chord * n)), abs(sum(chord * m)))
    return off <= mesh.SLACK_M + mesh.BEND * distance and along <= mesh.SLACK_M + mesh.STEEP * across


def slow_map(body, conditions, i, j, size):
    """One pair, pixel by pixel: {target: (source, position)} and the counts of what is not matched."""
    side = conditions.mask.shape[1]
    step, camera, counts, claims = side // size, conditions.cameras[j], [0, 0, 0], {}

    def surface(face, bary):
        a, b, c = (to_camera(body.vertices[j][v], camera) for v in body.faces[face])
        normal = np.cross(b - a, c - a)
        return bary[0] * a + bary[1] * b + bary[2] * c, normal / np.linalg.norm(normal)

    def shows(row, col, point, normal):
        if conditions.face[j, row, col] < 0:
            return None
        there, other = surface(conditions.face[j, row, col], conditions.bary[j, row, col].astype(float))
        return float(np.linalg.norm(there - point)) if one_surface(point, there, normal, other) else None

    for r in range(size):
        for c in range(size):
            if conditions.face[i, r * step, c * step] < 0:
                continue
            bary = conditions.bary[i, r * step, c * step].astype(float)
            point, normal = surface(conditions.face[i, r * step, c * step], bary)
            col, row = project(point, camera) - 0.5
            cell = math.floor(row / step + 0.5), math.floor(col / step + 0.5)
            if not (0 <= cell[0] < size and 0 <= cell[1] < size):
                counts[0] += 1
                continue
            pixel = [min(max(math.floor(x + 0.5), 0), side - 1) for x in (row, col)]
            distance = shows(cell[0] * step, cell[1] * step, point, normal)
            if sum(normal * point) >= 0 or shows(*pixel, point, normal) is None or distance is None:
                counts[1] += 1
                continue
            claims.setdefault(cell, []).append((distance, (r, c), (row / step, col / step)))
    counts[2] = sum(len(rivals) - 1 for rivals in claims.values())
    kept = {min(rivals)[1]: (cell, min(rivals)[2]) for cell, rivals in claims.items()}
    return kept, counts
