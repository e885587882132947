"""The exact map M: points of the surface, carried from frame to frame by the mesh itself.

A pixel of the figure knows its face and its place in it. The same place of the same face in the reference's mesh is
the same point of the body; projected by the reference's camera, it is the exact sub-pixel source, however the camera
may move. Nothing is searched for: what remains is to tell whether the point is seen there, and to give every source to
one target only.

Whether it is seen is decided by what the reference's pixels show. The face must be turned to the camera, and what is
seen at the pixel where the colour would be read must be the surface on which the point lies: the two points must lie in
each other's tangent plane, up to the curvature of a limb, and no further apart in depth than a steep surface takes them
(:func:`_on_one_surface`). Faces need not be neighbours: on hands and head several lie between two pixels.

The three bounds were chosen by measurement, at 256 pixels, against depth drawn eight times finer. Of the figure's
pixels 0.1 % are let through though hidden by more than a centimetre when it walks, 0.4 % when it turns fast with folded
arms (7 % if only the side of the face were looked at); 2 % and 4 % are seen there, and given up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentman.correspondence.match import REFERENCES, downsample
from latentman.errors import ShapeError, check_choice
from latentman.render.camera import project, to_camera
from latentman.types import NUM_PARTS, UNMATCHED, Array, BodySequence, Conditions, Correspondence

SLACK_M = 0.003
"""Metres that two points of one surface may lie off each other's tangent plane, however near they are."""

BEND = 0.5
"""What they may lie off it further, per metre between them: a chord of 30 degrees against the plane."""

STEEP = 4.0
"""Metres of depth that a surface may run away from the camera per metre across the picture: 76 degrees of slant."""

Floats = NDArray[np.float64]
Pixels = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Carried:
    """The figure of one frame on a grid, carried to another frame.

    ``target`` (N, 2) int32 the figure's grid samples in reading order; ``character`` (N,) who is seen there, 0 for the
    first of the scene; ``position`` (N, 2) their continuous (row, col)
    index on the other frame's grid; ``point`` and ``normal`` (N, 3) where they lie there and how the surface is turned,
    in camera axes, metres; ``inside`` (N,) whether the nearest sample lies in the picture; ``visible`` (N,) whether
    they are inside and seen there.
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
    """Carry the figure's pixels of one frame to where the same points of the body lie in another.

    Args:
        body: the mesh that the conditions were drawn from.
        conditions: what is seen of it.
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

    The source is the grid's sample nearest to the projected point, and must show the surface that the point lies on.
    Where several pixels claim one sample, the one whose point lies nearest (in space) to what the sample shows keeps
    it, the first in reading order among equals. ``cost`` is the sum of these distances over the matches, in metres.

    Frame i is matched with frame i - 1, or with frame 0 under ``first``. An exact map needs no filled-in reference:
    ``prev_new`` and ``prev`` are the same here.

    Args:
        body: the moving mesh.
        conditions: what was drawn from it.
        size: side of the grid; a divisor of the picture's. The grid takes the top-left sample of each block.
        reference: ``prev_new``, ``prev`` or ``first``.
        progress: called with (pairs done, pairs in all) after each of the T - 1 pairs.

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
        to = 0 if reference == "first" else i - 1
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
            f"{len(body.faces)} faces; delete body.npz and conditions.npz to have both made again"
        )


def _surface(body: BodySequence, conditions: Conditions, frame: int) -> _Surface:
    corners = to_camera(body.vertices[frame], conditions.cameras[frame])[body.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.sqrt((normals**2).sum(-1, keepdims=True))
    # A face without area has no direction; it is never drawn, so nothing is ever seen on it.
    character = (body.part.astype(np.int64) - 1) // NUM_PARTS
    return _Surface(corners, normals / np.where(length > 0, length, 1.0), character)


def _carry(surface: _Surface, conditions: Conditions, frame: int, to: int, size: int) -> Carried:
    face, bary = (downsample(x[frame : frame + 1], size)[0] for x in (conditions.face, conditions.bary))
    target = np.argwhere(face >= 0).astype(np.int32)
    face, bary = face[tuple(target.T)], bary[tuple(target.T)]
    point, normal = surface.points(face, bary), surface.normals[face]
    ahead = point[:, 2] > 0
    # What lies behind the camera has no place in the picture: it is projected from anywhere, and never inside.
    point = np.where(ahead[:, None], point, (0.0, 0.0, 1.0))
    # The centre of the sample (row, col) of the picture lies at (col + 0.5, row + 0.5).
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
    """Return the whole (row, col) nearest to continuous ones (N, 2); halves go up."""
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
    """Return whether pixels (N, 2) show the surface on which points lie, and how far it is from them (N,), metres.

    Characters who touch are no one surface: the pixel must show the character ``whose`` (N,) the point is.
    """
    face, bary = (x[frame][tuple(pixel.T)] for x in (conditions.face, conditions.bary))
    there = surface.points(face, bary)
    distance = np.sqrt(((there - point) ** 2).sum(1))
    together = _on_one_surface(point, there, normal, surface.normals[face])
    return (face >= 0) & (surface.character[face] == whose) & together, distance


def _on_one_surface(point: Floats, there: Floats, normal: Floats, other: Floats) -> Flags:
    """Tell whether two points (N, 3) lie in each other's tangent plane, up to a limb's bend, and no step apart."""
    chord = there - point
    distance = np.sqrt((chord**2).sum(1))
    off = np.maximum(np.abs((chord * normal).sum(1)), np.abs((chord * other).sum(1)))
    along = np.abs((chord * point).sum(1)) / np.sqrt((point**2).sum(1))
    across = np.sqrt(np.maximum(distance**2 - along**2, 0.0))
    return np.asarray((off <= SLACK_M + BEND * distance) & (along <= SLACK_M + STEEP * across))


def _settle(
    surface: _Surface, conditions: Conditions, carried: Carried, to: int, size: int
) -> tuple[Pixels, NDArray[np.intp], Floats, Flags]:
    """Give every source sample to one target: source (N, 2), who keeps it, distances (N,), and who had a claim (N,)."""
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
