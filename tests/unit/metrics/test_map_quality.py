import numpy as np
import pytest

from latentman.correspondence.match import match_clip
from latentman.correspondence.mesh import match_mesh
from latentman.metrics.judge import call_judge
from latentman.metrics.map_quality import coverage, map_error_px


@pytest.mark.parametrize("reference", ["prev_new", "first"])
def test_the_exact_map_has_no_error_and_a_displaced_map_has_its_displacement(body, conditions, reference):
    judge = call_judge(body, conditions, size=64, reference=reference)
    exact = match_mesh(body, conditions, size=64, reference=reference)
    assert map_error_px(exact, judge).value < 1e-3
    moved = tuple(p + np.float32([3, 4]) for p in exact.positions)
    fields = (exact.pairs, 64, reference, exact.cost, exact.parts_skipped, None)
    assert map_error_px(type(exact)(*fields, moved), judge).value == pytest.approx(5, abs=1e-3)
    whole = map_error_px(type(exact)(*fields), judge).value
    assert 0.05 < whole < 0.71
    assigned = match_clip(conditions.iuv, size=64, reference=reference, solver="scipy")
    assert map_error_px(assigned, judge).value > whole


def test_coverage_counts_matched_pixels_of_the_figure(body, conditions):
    exact = match_mesh(body, conditions, size=64)
    score = coverage(exact, conditions)
    mask = conditions.mask[:, ::2, ::2]
    assert score.per_pair == pytest.approx([len(exact.pairs[i][0]) / mask[i].sum() for i in (1, 2)])
    assert 0.7 < score.value < 1
    assert exact.unmatched[1:].sum(1) == pytest.approx([mask[i].sum() - len(exact.pairs[i][0]) for i in (1, 2)])
