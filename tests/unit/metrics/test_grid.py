import pytest

from latentman.errors import ShapeError
from latentman.metrics.grid import metric_grid


@pytest.mark.parametrize(
    ("side", "grid"), [(256, 256), (512, 256), (768, 256), (1024, 256), (384, 192), (128, 128), (20, 20)]
)
def test_the_grid_is_the_largest_divisor_up_to_256(side, grid):
    assert metric_grid(side) == grid == max(n for n in range(1, 257) if side % n == 0)


@pytest.mark.parametrize("side", range(8, 2049, 8))
def test_every_multiple_of_8_has_a_grid_of_at_least_64(side):
    assert metric_grid(side) >= min(side, 128)


def test_sides_without_a_fitting_divisor_are_refused_with_advice():
    with pytest.raises(ShapeError, match=r"514x514.*largest divisor of 514 up to 256 is 2; choose a multiple of 64"):
        metric_grid(514)
