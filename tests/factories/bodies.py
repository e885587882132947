"""Moving bodies: a walking person, rigid solids, and clouds of points."""

import numpy as np

from latentman.body.build import build
from latentman.body.fit import fit_motion
from latentman.body.skinning import forward_kinematics
from latentman.config import BodyConfig
from latentman.motion.rotations import from_axis_angle
from latentman.types import BodySequence, Motion


def walk(distance=0.5, frames=4):
    """Return a body that swings its limbs and moves ``distance`` metres to its left."""
    body = build(BodyConfig("anny", "male"))
    swing = np.sin(np.linspace(0, 3, frames))
    pose = np.zeros((frames, 24, 3))
    pose[:, 1, 0], pose[:, 2, 0] = 0.5 * swing, -0.5 * swing
    pose[:, 16, 2], pose[:, 17, 2] = -1.0, 1.0
    root = np.linspace([0.0, 1, 0], [distance, 1, 0], frames)
    joints = forward_kinematics(body, from_axis_angle(pose), root)[1][:, :22]
    return fit_motion(body, Motion(joints, 20.0, "a person walks", "test"))


def clip_of(vertices, pelvis, fps=10.0):
    """A mesh of points: vertices (T, V, 3), pelvis (T, 3)."""
    return BodySequence(
        vertices=vertices,
        faces=np.array([[0, 1, 2]]),
        joints=np.repeat(np.asarray(pelvis, float)[:, None], 22, axis=1),
        part=np.array([1]),
        corner_uv=np.zeros((1, 3, 2)),
        fps=fps,
    )


def strolling(seed, frames=5):
    """A cloud of points that wanders around."""
    rng = np.random.default_rng(seed)
    way = rng.normal(0, 4, 3) + np.cumsum(rng.normal(0, 0.7, (frames, 3)), axis=0)
    return clip_of(way[:, None] + rng.normal(size=(frames, 30, 3)) * rng.uniform(0.1, 1.5, 3), way)


def straight(frames=6, step=(0.3, 0.0, 0.4)):
    """Points that glide along a straight line at constant speed, the pelvis in their middle."""
    way = np.arange(frames)[:, None] * np.array(step) + (2.0, 1.0, -3.0)
    return clip_of(way[:, None] + np.random.default_rng(1).normal(0, 0.4, (20, 3)), way)


def standing(frames):
    still = walk(frames=1)
    return BodySequence(
        np.repeat(still.vertices, frames, 0), still.faces, np.repeat(still.joints, frames, 0), still.part,
        still.corner_uv, 10.0,
    )  # fmt: skip


def displaced(body, vertices, joints):
    return BodySequence(vertices, body.faces, joints, body.part, body.corner_uv, body.fps)


def solid(*meshes, frames=1):
    """Return a rigid body made of several meshes (vertices, faces)."""
    start = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    faces = np.concatenate([mesh[1] + first for mesh, first in zip(meshes, start, strict=False)])
    vertices = np.repeat(np.concatenate([mesh[0] for mesh in meshes])[None], frames, axis=0)
    return BodySequence(
        vertices=vertices.astype(np.float64),
        faces=faces,
        joints=np.zeros((frames, 22, 3)),
        part=np.ones(len(faces), dtype=np.int64),
        corner_uv=np.full((len(faces), 3, 2), 0.5),
        fps=20.0,
    )


def sphere(levels=5):
    """Return an octahedron subdivided ``levels`` times (each triangle into four), on the unit sphere."""
    signs = [(x, y, z) for x in (1, -1) for y in (1, -1) for z in (1, -1)]
    corners = np.array([[(x, 0, 0), (0, y, 0), (0, 0, z)][:: x * y * z] for x, y, z in signs], dtype=np.float64)
    for _ in range(levels):
        a, b, c = corners.transpose(1, 0, 2)
        ab, bc, ca = (p / np.linalg.norm(p, axis=-1, keepdims=True) for p in (a + b, b + c, c + a))
        corners = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    vertices, index = np.unique(corners.reshape(-1, 3).round(12), axis=0, return_inverse=True)
    return vertices, index.reshape(-1, 3)


def plate(left, right, bottom, top, z):
    """Return a rectangle that faces +Z."""
    corners = np.array([(left, bottom, z), (right, bottom, z), (right, top, z), (left, top, z)], dtype=np.float64)
    return corners, np.array([(0, 1, 2), (0, 2, 3)])


def cube(flip=()):
    """Return the cube from -1 to 1; the sides in ``flip`` are split along their other diagonal."""
    vertices = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = []
    for side, (a, b, c, d) in enumerate(quads):
        faces += [(b, c, d), (b, d, a)] if side in flip else [(a, b, c), (a, c, d)]
    return vertices, np.array(faces)
