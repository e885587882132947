"""Charts of a body's surface, "latentman-charts v1": a DensePose part for every face and (U, V) for its corners.

The parts are numbered as in DensePose-COCO; the coordinates inside a part are our own:

* limbs: V along the bone from its upper end, U the angle about it over the front or back half;
* torso: V up the spine, U an elliptical angle about it over the front or back half;
* head: V the polar angle from the crown, U the azimuth from the face over the ear to the back, one half per side;
* hands and feet: V from the wrist or heel to the tips, U across: to 0.5 on the upper side, from 0.5 on the lower one.

A face whose centre is in one half may extend into the other. Its U then continues below 0 or above 1, where the other
half begins: :func:`latentman.render.iuv.draw_iuv` decides for each pixel, which makes the seam a smooth line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latentman.body.skeleton import CHILDREN
from latentman.motion.rotations import perpendicular, unit
from latentman.types import Array

PART_NAMES = (
    "background",
    "torso back",
    "torso front",
    "right hand",
    "left hand",
    "left foot",
    "right foot",
    "right upper leg back",
    "left upper leg back",
    "right upper leg front",
    "left upper leg front",
    "right lower leg back",
    "left lower leg back",
    "right lower leg front",
    "left lower leg front",
    "left upper arm inside",
    "right upper arm inside",
    "left upper arm outside",
    "right upper arm outside",
    "left lower arm inside",
    "right lower arm inside",
    "left lower arm outside",
    "right lower arm outside",
    "right head",
    "left head",
)
"""DensePose's parts by number; the inside of an arm faces forward in the T-pose."""

MIRROR_PART = (0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 18, 17, 20, 19, 22, 21, 24, 23)
"""The part of the same name on the other side of the body."""

OTHER_HALF = (0, 2, 1, 3, 4, 5, 6, 9, 10, 7, 8, 13, 14, 11, 12, 17, 18, 15, 16, 21, 22, 19, 20, 24, 23)
"""The part beyond the seam of each part; hands and feet have no seam and map to themselves."""

FOLDED_PARTS = (23, 24)
"""Parts whose U is mirrored beyond the seam (1 + u is 1 - u there) instead of restarting (1 + u is u)."""

_HEAD_CENTRE = np.array([0.0, 0.07, 0.03])
"""Offset of the centre of the skull from the head joint, metres."""

_UP, _FRONT = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class _Region:
    """A region of the body: its joints, its parts (front and back, or left and right), and its segment."""

    kind: str
    joints: tuple[int, ...]
    parts: tuple[int, ...]
    segment: int | None = None


_REGIONS = (
    _Region("torso", (0, 3, 6, 9, 13, 14), (2, 1)),
    _Region("head", (12, 15), (24, 23)),
    _Region("limb", (1,), (10, 8)),
    _Region("limb", (2,), (9, 7)),
    _Region("limb", (4,), (14, 12)),
    _Region("limb", (5,), (13, 11)),
    _Region("limb", (16,), (15, 17)),
    _Region("limb", (17,), (16, 18)),
    _Region("limb", (18,), (19, 21)),
    _Region("limb", (19,), (20, 22)),
    _Region("hand", (20, 22), (4,), segment=2),
    _Region("hand", (21, 23), (3,), segment=3),
    _Region("foot", (7, 10), (5,), segment=4),
    _Region("foot", (8, 11), (6,), segment=5),
)


def build_charts(
    vertices: Array, faces: Array, joints: Array, weights: Array, bind_rotations: Array, segments: Array
) -> tuple[Array, Array]:
    """Compute the charts of a body in its bind pose.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3).
        joints: (24, 3) metres.
        weights: (V, 24) skinning weights.
        bind_rotations: (24, 3, 3) T-pose to bind pose.
        segments: (F,) 2 left hand, 3 right hand, 4 left foot, 5 right foot; for other values, the weights decide.

    Returns:
        Part of each face, (F,) uint8, 1 to 24, and (U, V) of its corners, (F, 3, 2) float32. V is in 0 to 1; U leaves 0
        to 1 only in faces that a seam crosses.
    """
    corners = vertices[faces]
    normals = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    pull = weights[faces].mean(1)
    region_of_face = np.stack([pull[:, list(r.joints)].sum(1) for r in _REGIONS], axis=1).argmax(1)
    for index, region in enumerate(_REGIONS):
        if region.segment is not None:
            region_of_face[segments == region.segment] = index
    part = np.zeros(len(faces), dtype=np.uint8)
    corner_uv = np.zeros((len(faces), 3, 2), dtype=np.float32)
    for index, region in enumerate(_REGIONS):
        chosen = region_of_face == index
        if not chosen.any():
            continue
        joint = region.joints[-1] if region.kind == "head" else region.joints[0]
        turn = bind_rotations[joint]
        points, directions = (corners[chosen] - joints[joint]) @ turn, normals[chosen] @ turn
        bone = (joints[CHILDREN[joint][0]] - joints[joint]) @ turn if region.kind in ("limb", "hand") else _FRONT
        if region.kind == "head":
            half, u, v = _head_chart(points - _HEAD_CENTRE)
        elif region.kind in ("hand", "foot"):
            half, u, v = _flat_chart(points, directions, unit(bone))
        else:
            half, u, v = _tube_chart(points, unit(bone)) if region.kind == "limb" else _torso_chart(points)
        part[chosen] = np.array(region.parts)[half]
        corner_uv[chosen] = np.stack([u, v.clip(0, 1)], axis=-1)
    return part, corner_uv


def _tube_chart(points: Array, axis: Array) -> tuple[Array, Array, Array]:
    """Return half (0 front, 1 back), U and V of the faces of a limb, corners (F, 3, 3) in its joint's T-pose frame."""
    front = unit(perpendicular(_FRONT, axis))
    plane = np.stack([np.cross(axis, front), front], axis=-1)
    along = points @ axis
    centre = _fit_line(along.mean(1), (points @ plane).mean(1))
    section = points @ plane - centre(along)
    return *_half_angles(section), _rescale(along)


def _torso_chart(points: Array) -> tuple[Array, Array, Array]:
    """Return half (0 front, 1 back), U and V of the torso's faces, corners (F, 3, 3)."""
    x, y, z = np.moveaxis(points, -1, 0)
    z = z - _fit_line(y.mean(1), z.mean(1)[:, None])(y)[..., 0]
    # The torso is wider than it is deep: without this, most of the angle would be used on the flanks.
    section = np.stack([x / x.mean(1).std(), z / z.mean(1).std()], axis=-1)
    return *_half_angles(section), _rescale(y)


def _head_chart(points: Array) -> tuple[Array, Array, Array]:
    """Return half (0 left, 1 right), U and V of the head's faces, corners (F, 3, 3) from the centre of the skull."""
    half = (points[..., 0].mean(1) <= 0).astype(int)
    sideways = points[..., 0] * np.where(half, -1.0, 1.0)[:, None]
    azimuth = np.arctan2(sideways, points[..., 2])
    # Behind the head the angle jumps from 180 to -180 degrees at the seam: it is continued beyond 180.
    azimuth = np.where((azimuth < -np.pi / 2) & (points[..., 2] < 0), azimuth + 2 * np.pi, azimuth)
    polar = np.arctan2(np.hypot(points[..., 0], points[..., 2]), points[..., 1])
    return half, _one_seam(azimuth / np.pi), polar / np.pi


def _flat_chart(points: Array, normals: Array, axis: Array) -> tuple[Array, Array, Array]:
    """Return half (always 0), U and V of a hand or foot: both sides in one chart, distinguished by their normals."""
    across = np.cross(_UP, axis)
    if abs(axis @ _UP) < 0.5 and abs(axis @ _FRONT) < 0.5:
        upper = _flat_normal(points.reshape(-1, 3), axis)
        across = np.cross(upper, axis)
    else:
        upper = _UP
    side = _rescale(points @ across)
    u = np.where((normals @ upper > 0)[:, None], side / 2, 1 - side / 2)
    return np.zeros(len(points), dtype=int), u, _rescale(points @ axis)


def _flat_normal(points: Array, axis: Array) -> Array:
    """Return the upward direction across ``axis`` in which points (N, 3) spread least: the back of a hand."""
    spread = perpendicular(points - points.mean(0), axis)
    _, directions = np.linalg.eigh(spread.T @ spread)  # ascending: the removed axis, the thickness, the width
    normal = directions[:, 1]
    return normal if normal[1] > 0 else -normal


def _half_angles(section: Array) -> tuple[Array, Array]:
    """Return half (0 front, 1 back) and U from points (F, 3, 2) of a cross-section, (sideways, forward)."""
    middle = section.mean(1)
    middle_angle = np.arctan2(middle[:, 0], middle[:, 1])
    half = (np.abs(middle_angle) > np.pi / 2).astype(int)
    angle = np.arctan2(section[..., 0], section[..., 1])
    angle = middle_angle[:, None] + _wrap(angle - middle_angle[:, None])  # three corners on one sheet
    about = np.where(half, np.where(middle_angle > 0, np.pi, -np.pi), 0.0)[:, None]
    return half, _one_seam((angle - about) / np.pi + 0.5)


def _one_seam(u: Array) -> Array:
    """Keep values that exceed the ends of a half by less than half its range; larger ones are faces on the axis."""
    wild = ((u < -0.5) | (u > 1.5)).any(1) | (u.max(1) - u.min(1) > 0.5)
    return np.where(wild[:, None], u.clip(0, 1), u)


def _fit_line(along: Array, values: Array) -> Callable[[Array], Array]:
    """Return a function along -> values (..., K): the straight line that fits ``values`` (N, K) best."""
    basis = np.stack([np.ones_like(along), along], axis=-1)
    solution = np.linalg.lstsq(basis, values, rcond=None)[0]
    return lambda t: np.stack([np.ones_like(t), t], axis=-1) @ solution


def _rescale(values: Array) -> Array:
    """Map values linearly to 0 to 1."""
    return (values - values.min()) / (values.max() - values.min())


def _wrap(angle: Array) -> Array:
    """Return angles wrapped to -pi to pi."""
    return np.mod(angle + np.pi, 2 * np.pi) - np.pi
