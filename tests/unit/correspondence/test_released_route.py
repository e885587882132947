"""``features=official`` against the released code's route from IUV maps to pairs, written out step by step."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.optimize import linear_sum_assignment

from latentman.correspondence.match import match_clip

PICTURE, GRID = 64, 16


def clip(seed):
    """Return three IUV maps (64, 64, 3): patches of five parts that move, with coordinates of all values."""
    rng = np.random.default_rng(seed)
    maps = np.zeros((3, PICTURE, PICTURE, 3), np.uint8)
    centres, sizes = rng.uniform(16, 48, (5, 2)), rng.uniform(6, 14, (5, 2))
    rows, cols = np.mgrid[:PICTURE, :PICTURE]
    for frame in range(3):
        for part, (centre, size) in enumerate(zip(centres + rng.normal(0, 3, (5, 2)), sizes, strict=True), start=1):
            inside = ((rows - centre[0]) / size[0]) ** 2 + ((cols - centre[1]) / size[1]) ** 2 < 1
            smooth = gaussian_filter(rng.random((2, PICTURE, PICTURE)), (0, 2, 2))
            uv = 255 * (smooth - smooth.min()) / np.ptp(smooth)
            maps[frame][inside] = np.stack([np.full(inside.sum(), part), *uv[:, inside]], axis=-1).astype(np.uint8)
    return maps


def nearest(picture, side):
    """Return a picture as OpenCV's INTER_NEAREST reduces it: target pixel i shows source pixel floor(i * scale)."""
    index = np.floor(np.arange(side) * (len(picture) / side)).astype(int)
    return picture[index][:, index]


def embedding(iuv, part):
    """Return the pixels of a part (n, 2), row by row, and what is compared of each: [U, V, E]."""
    inside = iuv[..., 0] == part
    pixels = np.argwhere(inside)
    if not len(pixels):
        return pixels, np.empty((0, 3))
    top, left = pixels.min(0)
    height, width = pixels.max(0) - pixels.min(0) + 1
    across, down = np.meshgrid(np.linspace(-width / 2, width / 2, width), np.linspace(-height / 2, height / 2, height))
    distance = np.zeros(iuv.shape[:2])
    distance[top : top + height, left : left + width] = np.abs(across) + np.abs(down)
    distance = distance[inside]
    uv = iuv[inside][:, 1:].astype(float)
    return pixels, np.column_stack([uv - uv.mean(0), distance / distance.max() * (127.5 / 2)])


def released_pairs(query, reference):
    """Return {query pixel: reference pixel} over all 24 parts, and the cost of all pairs."""
    pairs, total = {}, 0.0
    for part in range(1, 25):
        (mine, x), (theirs, y) = embedding(query, part), embedding(reference, part)
        if not len(mine) or not len(theirs):
            continue
        cost = np.array([[np.sqrt(((a - b) ** 2).sum()) for b in y] for a in x])
        rows, cols = linear_sum_assignment(cost)
        total += cost[rows, cols].sum()
        pairs |= {tuple(mine[i].tolist()): tuple(theirs[j].tolist()) for i, j in zip(rows, cols, strict=True)}
    return pairs, total


@pytest.mark.parametrize("solver", ["scipy", "auto"])
@pytest.mark.parametrize("reference", ["prev_new", "prev", "first"])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_and_costs_equal_the_released_route_pair_for_pair(seed, reference, solver):
    maps = clip(seed)
    found = match_clip(maps, size=GRID, features="official", solver=solver, reference=reference)
    small = [nearest(picture, GRID) for picture in maps]
    before = small[0]
    for frame in (1, 2):
        pairs, total = released_pairs(small[frame], before)
        ours = {tuple(t): tuple(s) for t, s in zip(*(side.tolist() for side in found.pairs[frame]), strict=True)}
        assert len(pairs) > 20
        assert found.cost[frame] == pytest.approx(total, rel=1e-9)
        assert ours == pairs
        following = small[frame].copy()
        if reference == "prev_new":
            for target, source in pairs.items():
                following[target] = before[source]
        before = small[0] if reference == "first" else following
