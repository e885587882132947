"""The grid on which Human MSE compares frames."""

from __future__ import annotations

from latentman.errors import ShapeError

METRIC_SIZE = 256
"""Side of the paper's grid (Eq. 9), and the largest one that is used."""

SMALLEST = 64
"""Side of a grid below which a picture that is larger than it would be judged by too few of its pixels."""


def metric_grid(side: int) -> int:
    """Return the side of the metric grid of square pictures: the largest divisor of theirs that is at most 256.

    256 for 256, 512, 768 and 1024; 192 for 384; the picture itself where it is smaller. Human MSE takes one sample of
    each block, so that the grid must divide the picture.

    Raises:
        ShapeError: if the picture has no such divisor between 64 and 256; sides that 8 divides have one, up to 2048.
    """
    grid = next(n for n in range(min(side, METRIC_SIZE), 0, -1) if side % n == 0)
    if grid < min(SMALLEST, side):
        raise ShapeError(
            f"pictures of {side}x{side} pixels have no grid on which H_MSE could compare them: the largest divisor of "
            f"{side} up to {METRIC_SIZE} is {grid}; choose a multiple of 64, or at least of 8 "
            "(in a run: setup.image_size)"
        )
    return grid
