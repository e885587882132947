import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
from scipy.ndimage import label

from latentman.render.thinning import thin


@hypothesis.given(hnp.arrays(np.bool_, (9, 11)))
def test_thinning_keeps_pieces_and_holes_and_is_idempotent(lines):
    thinned = thin(lines)
    assert not (thinned & ~lines).any()
    assert (thin(thinned) == thinned).all()
    pieces = label(lines, np.ones((3, 3)))
    assert label(thinned, np.ones((3, 3)))[1] == pieces[1]
    assert set(np.unique(pieces[0][thinned])) == set(np.unique(pieces[0])) - {0}
    assert label(np.pad(~thinned, 1, constant_values=True))[1] == label(np.pad(~lines, 1, constant_values=True))[1]


def test_thinning_reduces_a_wide_bar_to_a_line_and_keeps_a_line():
    bar = np.zeros((9, 20), dtype=bool)
    bar[3:6, 2:18] = True
    assert thin(bar).sum(0).max() == 1
    line = np.eye(9, dtype=bool)
    assert (thin(line) == line).all()
