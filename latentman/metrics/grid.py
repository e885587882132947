"""The grid on which Human MSE compares frames."""

from __future__ import annotations

from latentman.errors import ShapeError

METRIC_SIZE = 256
"""Side of the paper's grid (Eq. 9), and the largest side used."""

SMALLEST = 64
"""Smallest side of a grid that represents a larger picture; below it, too few pixels would be judged."""


def metric_grid(side: int) -> int:
    """Return the side of the metric grid of square pictures: the largest divisor of their side up to 256.

    It is 256 for 256, 512, 768 and 1024; 192 for 384; and the picture's own side if that is smaller. Human MSE takes
    one sample of each block, so the grid must divide the picture.

    Raises:
        ShapeError: if the picture has no such divisor between 64 and 256; sides that 8 divides have one, up to 2048.
    """
    grid = next(n for n in range(min(side, METRIC_SIZE), 0, -1) if side % n == 0)
    if grid < min(SMALLEST, side):
        raise ShapeError(
            f"pictures of {side}x{side} pixels have no grid for H_MSE: the largest divisor of {side} up to "
            f"{METRIC_SIZE} is {grid}; choose a multiple of 64, or at least of 8 (in a run: setup.image_size)"
        )
    return grid
