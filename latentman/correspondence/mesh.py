"""The exact map M: points of the surface, carried from frame to frame by the mesh itself.

Each pixel of the figure has a face and a position in that face. The same position in the same face of the reference's
mesh is the same point of the body; projected by the reference's camera, it is the exact sub-pixel source, even if the
camera moves. No search is needed. It remains to decide whether the point is visible there, and to give every source to
only one target.

Visibility is decided by the reference's pixels. The face must face the camera, and the pixel at which the colour would
be read must show the surface that contains the point: the two points must be in each other's tangent plane, up to the
curvature of a limb, and no further apart in depth than a steep surface allows (:func:`_on_one_surface`). Faces need not
be neighbours: on hands and head, several fit between two pixels.

The three bounds were chosen by measurement, at 256 pixels, against depth drawn at eight times the resolution. Of the
figure's pixels, 0.1 % are accepted although hidden by more than a centimetre in a walk, and 0.4 % in a fast turn with
folded arms (7 % if only the orientation of the face were tested); 2 % and 4 % are visible but rejected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentman.correspondence.match import REFERENCES, downsample
from latentman.errors import ShapeError, check_choice
from latentman.render.camera import project, to_camera
from latentman.types import NUM_PARTS, UNMATCHED, Array, BodySequence, Conditions, Correspondence, source_frame

SLACK_M = 0.003
"""Metres by which two points of one surface may be off each other's tangent plane, however near they are."""

BEND = 0.5
"""Additional tolerance per metre between the points: a chord at 30 degrees to the plane."""

STEEP = 4.0
"""Greatest change of a surface's depth per metre across the picture: 76 degrees of slant."""

Floats = NDArray[np.float64]
Pixels = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Carried:
    """The figure of one frame on a grid, carried to another frame.

    ``target`` (N, 2) int32 holds the figure's grid samples in reading order, ``character`` (N,) the visible character,
    0 for the first of the scene, and ``position`` (N, 2) the continuous (row, col) index on the other frame's grid.
    ``point`` and ``normal`` (N, 3) are the position and the surface normal there, in camera axes, metres. ``inside``
    (N,) is True if the nearest sample is in the picture, ``visible`` (N,) if the point is also visible.
    """

    target: Pixels
    character: NDArray[np.int64]
    position: Floats
    point: Floats
    normal: Floats
    inside: Flags
    visible: Flags


@dataclass(frozen=True, slots=True)
class _Surface:
    """A mesh in camera axes: ``corners`` (F, 3, 3) metres, unit ``normals`` (F, 3), outward, and ``character`` (F,)."""

    corners: Floats
    normals: Floats
    character: NDArray[np.int64]

    def points(self, face: Array, bary: Array) -> Floats:
        """Return the points (N, 3) at barycentric coordinates (N, 3) of faces (N,)."""
        return np.einsum("nk,nkd->nd", bary.astype(np.float64), self.corners[face])


def carry(body: BodySequence, conditions: Conditions, *, frame: int, to: int, size: int) -> Carried:
    """Carry the figure's pixels of one frame to the positions of the same body points in another.

    Args:
        body: the mesh that the conditions were drawn from.
        conditions: the conditions of the clip.
        frame: the frame whose pixels are carried.
        to: the frame they are carried to.
        size: side of the grid; a divisor of the picture's.

    Raises:
        ShapeError: if body and conditions do not belong together, or ``size`` does not divide the picture.
    """
    _check(body, conditions)
    return _carry(_surface(body, conditions, to), conditions, frame, to, size)


def match_mesh(
    body: BodySequence,
    conditions: Conditions,
    *,
    size: int,
    reference: str = "prev_new",
    progress: Callable[[int, int], None] | None = None,
) -> Correspondence:
    """Return the exact map of every frame of a clip, with sub-pixel positions.

    The source is the grid sample nearest to the projected point, and must show the surface that contains the point. If
    several pixels claim one sample, the one whose point is nearest (in space) to the sample's point keeps it; among
    equals, the first in reading order. ``cost`` is the sum of these distances over the matches, in metres.

    Frame i is matched with frame i - 1, or with frame 0 under ``first``. An exact map needs no filled-in reference:
    ``prev_new`` and ``prev`` are the same here.

    Args:
        body: the moving mesh.
        conditions: the conditions drawn from it.
        size: side of the grid; a divisor of the picture's. The grid takes the top-left sample of each block.
        reference: ``prev_new``, ``prev`` or ``first``.
        progress: called with (pairs done, pairs in total) after each of the T - 1 pairs.

    Raises:
        ShapeError: if body and conditions do not belong together, or ``size`` does not divide the picture.
        ConfigError: if ``reference`` is unknown.
    """
    check_choice("reference", reference, REFERENCES)
    _check(body, conditions)
    frames = len(conditions.mask)
    none = np.empty((0, 2), np.int32)
    pairs, positions = [(none, none)], [np.empty((0, 2), np.float32)]
    cost, unmatched = np.zeros(frames), np.zeros((frames, len(UNMATCHED)), np.int64)
    for i in range(1, frames):
        to = source_frame(reference, i)
        surface = _surface(body, conditions, to)
        carried = _carry(surface, conditions, i, to, size)
        source, kept, distance, seen = _settle(surface, conditions, carried, to, size)
        pairs.append((carried.target[kept], source[kept]))
        positions.append(carried.position[kept].astype(np.float32))
        cost[i] = distance[kept].sum()
        unmatched[i] = (~carried.inside).sum(), (carried.inside & ~seen).sum(), seen.sum() - len(kept)
        if progress is not None:
            progress(i, frames - 1)
    return Correspondence(
        pairs=tuple(pairs),
        size=size,
        reference=reference,
        cost=cost,
        parts_skipped=np.zeros(frames, np.int64),
        positions=tuple(positions),
        unmatched=unmatched,
    )


def _check(body: BodySequence, conditions: Conditions) -> None:
    if len(body.vertices) != len(conditions.mask) or conditions.face.max(initial=-1) >= len(body.faces):
        raise ShapeError(
            f"mesh correspondence: conditions of {len(conditions.mask)} frames that show face "
            f"{conditions.face.max(initial=-1)} were not drawn from a body of {len(body.vertices)} frames and "
            f"{len(body.faces)} faces; delete body.npz and conditions.npz to recreate both"
        )


def _surface(body: BodySequence, conditions: Conditions, frame: int) -> _Surface:
    corners = to_camera(body.vertices[frame], conditions.cameras[frame])[body.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.sqrt((normals**2).sum(-1, keepdims=True))
    # A face without area has no normal; it is never drawn, so it is never visible.
    character = (body.part.astype(np.int64) - 1) // NUM_PARTS
    return _Surface(corners, normals / np.where(length > 0, length, 1.0), character)


def _carry(surface: _Surface, conditions: Conditions, frame: int, to: int, size: int) -> Carried:
    face, bary = (downsample(x[frame : frame + 1], size)[0] for x in (conditions.face, conditions.bary))
    target = np.argwhere(face >= 0).astype(np.int32)
    face, bary = face[tuple(target.T)], bary[tuple(target.T)]
    point, normal = surface.points(face, bary), surface.normals[face]
    ahead = point[:, 2] > 0
    # Points behind the camera are projected from an arbitrary position and marked as outside the picture.
    point = np.where(ahead[:, None], point, (0.0, 0.0, 1.0))
    # The centre of the sample (row, col) of the picture is at (col + 0.5, row + 0.5).
    exact = project(point, conditions.cameras[to])[:, ::-1] - 0.5
    step = conditions.mask.shape[1] // size
    position = exact / step
    cell = nearest_sample(position)
    inside = ahead & (cell >= 0).all(1) & (cell < size).all(1)
    facing = (normal * point).sum(1) < 0
    pixel = nearest_sample(exact).clip(0, conditions.mask.shape[1] - 1)
    whose = surface.character[face]
    visible = inside & facing & _is_seen_at(surface, conditions, to, pixel, whose, point, normal)[0]
    return Carried(target, whose, position, point, normal, inside, visible)


def nearest_sample(position: Floats) -> Pixels:
    """Return the nearest integer (row, col) of continuous ones (N, 2); halves are rounded up."""
    return np.floor(position + 0.5).astype(np.int32)


def _is_seen_at(
    surface: _Surface,
    conditions: Conditions,
    frame: int,
    pixel: Pixels,
    whose: NDArray[np.int64],
    point: Floats,
    normal: Floats,
) -> tuple[Flags, Floats]:
    """Return whether pixels (N, 2) show the surface that contains the points, and its distance (N,) in metres.

    Characters that touch are separate surfaces: the pixel must show the point's own character, ``whose`` (N,).
    """
    face, bary = (x[frame][tuple(pixel.T)] for x in (conditions.face, conditions.bary))
    there = surface.points(face, bary)
    distance = np.sqrt(((there - point) ** 2).sum(1))
    together = _on_one_surface(point, there, normal, surface.normals[face])
    return (face >= 0) & (surface.character[face] == whose) & together, distance


def _on_one_surface(point: Floats, there: Floats, normal: Floats, other: Floats) -> Flags:
    """Return whether points (N, 3) are in each other's tangent plane, up to a limb's curvature, at a similar depth."""
    chord = there - point
    distance = np.sqrt((chord**2).sum(1))
    off = np.maximum(np.abs((chord * normal).sum(1)), np.abs((chord * other).sum(1)))
    along = np.abs((chord * point).sum(1)) / np.sqrt((point**2).sum(1))
    across = np.sqrt(np.maximum(distance**2 - along**2, 0.0))
    return np.asarray((off <= SLACK_M + BEND * distance) & (along <= SLACK_M + STEEP * across))


def _settle(
    surface: _Surface, conditions: Conditions, carried: Carried, to: int, size: int
) -> tuple[Pixels, NDArray[np.intp], Floats, Flags]:
    """Assign every source sample to one target.

    Returns the sources (N, 2), the indices of the targets that keep theirs, the distances (N,), and which targets are
    candidates (N,).
    """
    step = conditions.mask.shape[1] // size
    source = nearest_sample(carried.position).clip(0, size - 1)
    shown, distance = _is_seen_at(
        surface, conditions, to, source * step, carried.character, carried.point, carried.normal
    )
    seen = carried.visible & shown
    claims = np.flatnonzero(seen)
    cell = source[claims, 0].astype(np.int64) * size + source[claims, 1]
    order = np.lexsort((claims, distance[claims], cell))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(cell[order]) > 0
    return source, np.sort(claims[order[first]]), distance, seen
