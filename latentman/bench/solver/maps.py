"""IUV maps for the benchmark of the solvers: a walking figure, exact and as a detector might see it.

``clean`` is the geometry itself: the shipped body, walking on the spot and slowly turning, through the project's own
motion, fit, rasteriser and charts. ``noisy`` is a stand-in for the output of a detector such as DensePose, not that
output: the kinds of error are a detector's (a coarse grid over the figure's box, ragged outlines of the parts, smooth
and white errors of U and V, small parts missed), their sizes are a guess. Every random number comes from a seeded
NumPy generator: the same seed gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from latentman.body.anny import load_anny
from latentman.body.fit import fit_motion
from latentman.config import BodyConfig, CameraConfig, DepthConfig
from latentman.correspondence.features import part_features
from latentman.correspondence.match import downsample
from latentman.motion.procedural.source import ProceduralSource
from latentman.motion.rotations import from_axis_angle
from latentman.render.conditions import render_conditions
from latentman.types import NUM_PARTS, Motion

Maps = NDArray[np.uint8]
Floats = NDArray[np.float64]

FULL_SIZE, NUM_FRAMES = 512, 8
FLAVOURS = ("clean", "noisy")

_FPS = 22.2
"""24 frames to a gait cycle of 1.08 s: 15 degrees of gait phase from frame to frame."""

_FIRST_FRAME = 16
"""The clip is cut out of a longer walk, so that it neither starts nor ends in it."""

_TURN_DEG = 1.5
_MARGIN = 0.1  # the figure takes 80 % of the picture's height

_GRID = 112
"""Cells along the figure's box, as in DensePose's head."""

_JITTER_CELLS = 0.8
_SMOOTH_ERROR, _WHITE_ERROR = 5.0, 1.5
"""Standard deviations of the errors of U and V, in 255ths."""

_SMOOTH_CELLS = 6.0
"""Standard deviation of the Gaussian that makes the smooth error smooth."""

_MIN_CELLS = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """The pixels of one part in a frame and in the frame before: features X (n, 3) and Y (m, 3), both non-empty."""

    part: int
    x: Floats
    y: Floats


def make_maps(seed: int) -> dict[str, Maps]:
    """Return both flavours of the clip, (8, 512, 512, 3) uint8 each: part (0 background, 1 to 24), U, V."""
    clean = walking_maps(seed)
    return {"clean": clean, "noisy": np.stack([as_detected(iuv, (seed, t)) for t, iuv in enumerate(clean)])}


def walking_maps(seed: int) -> Maps:
    """Return the IUV maps (8, 512, 512, 3) of a person who walks on the spot and turns by 1.5 degrees in each frame."""
    walk = ProceduralSource(_FPS)("a person walks forward", num_frames=3 * NUM_FRAMES + _FIRST_FRAME, seed=seed)
    joints = walk.joints[_FIRST_FRAME : _FIRST_FRAME + NUM_FRAMES].astype(np.float64)
    joints[..., [0, 2]] -= joints[:, :1, [0, 2]]
    turn = from_axis_angle(np.deg2rad(_TURN_DEG) * np.arange(NUM_FRAMES)[:, None] * np.array([0.0, 1.0, 0.0]))
    joints = np.einsum("tab,tjb->tja", turn, joints)
    motion = Motion(joints, walk.fps, walk.text, walk.source)
    sequence = fit_motion(load_anny(BodyConfig("anny")), motion)
    camera = CameraConfig(pitch_deg=0.0, margin=_MARGIN)
    return render_conditions(sequence, camera=camera, depth=DepthConfig(), size=FULL_SIZE).iuv


def as_detected(iuv: Maps, seed: tuple[int, ...]) -> Maps:
    """Return an IUV map (H, W, 3) as a detector might have seen it.

    The map is read on a 112 x 112 grid over the figure's box. Each cell takes its part (with U and V, where that is
    another part than its own) from 0.8 cells beside its centre; U and V get a smooth error of 5/255 and a white one of
    1.5/255; parts of fewer than 4 cells are lost. Parts and, within each part, U and V are then interpolated
    bilinearly to the picture's size; a pixel belongs to the part of the greatest weight.
    """
    rng = np.random.default_rng(seed)
    rows, cols = (np.flatnonzero(iuv[..., 0].any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return iuv.copy()
    low = np.array([rows[0], cols[0]], dtype=np.float64)
    cell = np.array([rows[-1] + 1, cols[-1] + 1] - low) / _GRID  # height and width of a cell in pixels
    label, uv = _read_grid(iuv, low, cell, rng)
    _drop_small_parts(label)
    return _enlarge(label, uv, low, cell, iuv.shape[:2])


def part_problems(maps: Maps, *, size: int, pair: int) -> list[Problem]:
    """Return the assignment problems of frame ``pair + 1`` against frame ``pair``, one for every part in both.

    Args:
        maps: (T, H, H, 3).
        size: side of the grid to match on, by the top-left sample of each block of pixels.
        pair: 0 to T - 2.
    """
    before, now = downsample(maps[pair : pair + 2], size)
    problems = []
    for part in range(1, NUM_PARTS + 1):
        sides = []
        for iuv in (now, before):
            pixels = np.argwhere(iuv[..., 0] == part)
            sides.append(part_features(iuv[pixels[:, 0], pixels[:, 1], 1:], pixels, features="official"))
        if len(sides[0]) and len(sides[1]):
            problems.append(Problem(part, sides[0], sides[1]))
    return problems


def _read_grid(iuv: Maps, low: Floats, cell: Floats, rng: np.random.Generator) -> tuple[Maps, Floats]:
    """Return the parts (112, 112) and U, V (112, 112, 2) that a detector reads over the box."""
    centre = np.moveaxis(np.indices((_GRID, _GRID)), 0, -1) + 0.5
    jitter = rng.normal(0.0, _JITTER_CELLS, centre.shape)
    own, beside = (_sample(iuv, low + where * cell) for where in (centre, centre + jitter))
    same = own[..., 0] == beside[..., 0]
    uv = np.where(same[..., None], own[..., 1:], beside[..., 1:]).astype(np.float64)
    smooth = gaussian_filter(rng.normal(size=uv.shape), (_SMOOTH_CELLS, _SMOOTH_CELLS, 0.0), mode="wrap")
    # Averaging white noise with a Gaussian of s cells leaves 1 / (2 s sqrt(pi)) of its deviation.
    uv += _SMOOTH_ERROR * smooth * (2 * _SMOOTH_CELLS * np.sqrt(np.pi))
    uv += rng.normal(0.0, _WHITE_ERROR, uv.shape)
    return beside[..., 0].copy(), np.clip(uv, 0.0, 255.0)


def _sample(iuv: Maps, where: Floats) -> Maps:
    """Return the pixels (..., 3) that hold the points (..., 2), in rows and columns; background beyond the edge."""
    index = np.floor(where).astype(np.int64)
    inside: NDArray[np.bool_] = np.all((index >= 0) & (index < iuv.shape[:2]), axis=-1, keepdims=True)
    row, col = np.moveaxis(np.where(inside, index, 0), -1, 0)
    return np.where(inside, iuv[row, col], 0).astype(np.uint8)


def _drop_small_parts(label: Maps) -> None:
    counts = np.bincount(label.ravel(), minlength=NUM_PARTS + 1)
    label[np.isin(label, np.flatnonzero(counts < _MIN_CELLS))] = 0


def _enlarge(label: Maps, uv: Floats, low: Floats, cell: Floats, shape: tuple[int, ...]) -> Maps:
    """Return the map (H, W, 3) of a grid of parts (112, 112) and U, V (112, 112, 2) that lies over a box."""
    down, across = (_bilinear(low[axis], cell[axis], shape[axis]) for axis in (0, 1))
    weights = np.stack([down @ (label == part) @ across.T for part in range(NUM_PARTS + 1)])
    # Beyond the grid there is no weight at all: that is background, the first of equals.
    part = weights.argmax(axis=0)
    iuv = np.zeros((*shape, 3), dtype=np.uint8)
    for number in np.unique(part[part > 0]):
        inside = part == number
        mask = label == number
        for channel in (0, 1):
            value = (down @ (uv[..., channel] * mask) @ across.T)[inside] / weights[number][inside]
            iuv[inside, channel + 1] = np.rint(value)
        iuv[inside, 0] = number
    return iuv


def _bilinear(low: float, cell: float, length: int) -> Floats:
    """Return the weights (length, 112) of the cells for the centres of the pixels along one axis."""
    place = (np.arange(length) + 0.5 - low) / cell
    nearest = np.clip(place - 0.5, 0.0, _GRID - 1.0)
    weights = np.maximum(0.0, 1.0 - np.abs(nearest[:, None] - np.arange(_GRID)))
    weights[(place < 0) | (place >= _GRID)] = 0.0
    return weights
