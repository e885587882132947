"""The exact map: against known flows, against a loop over pixels, and with occlusion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.config import CameraConfig, CorrespondenceConfig
from latentman.correspondence.build import build
from latentman.correspondence.mesh import carry, match_mesh
from latentman.errors import ConfigError, ShapeError
from latentman.render.camera import to_camera
from latentman.types import Correspondence
from tests.factories.mesh_maps import slow_map, walker
from tests.factories.sheets import moved, scene, seen, sheet


@pytest.fixture(scope="module")
def body():
    return walker()


@pytest.fixture(scope="module")
def conditions(body):
    return seen(body, 48)


@pytest.mark.parametrize(("size", "reference"), [(48, "prev"), (48, "first"), (24, "prev_new")])
def test_the_map_equals_a_loop_over_pixels(body, conditions, size, reference):
    found = match_mesh(body, conditions, size=size, reference=reference)
    assert found.num_matches > 100
    for i in range(1, len(found.pairs)):
        kept, counts = slow_map(body, conditions, i, found.source_frame(i), size)
        target, source = found.pairs[i]
        assert [tuple(q) for q in target.tolist()] == sorted(kept)
        assert [tuple(s) for s in source.tolist()] == [kept[q][0] for q in sorted(kept)]
        np.testing.assert_allclose(found.positions[i], [kept[q][1] for q in sorted(kept)], atol=1e-4)
        assert found.unmatched[i].tolist() == counts


@pytest.mark.parametrize("size", [96, 32])
def test_a_sliding_sheet_has_its_shift_as_flow(size):
    offsets = [(0, 0, 0), (0.11, 0.03, 0), (0.17, -0.08, 0)]
    body = scene(moved(sheet((0, 0, 0), 1.0, 1.2), offsets))
    conditions = seen(body)
    found = match_mesh(body, conditions, size=size)
    focal, depth = conditions.cameras[0].fx, conditions.depth[conditions.mask].mean()
    for i in (1, 2):
        dx, dy, _ = np.subtract(offsets[i - 1], offsets[i]) * focal / depth * size / 96
        np.testing.assert_allclose(
            found.positions[i] - found.pairs[i][0], [[-dy, dx]] * len(found.positions[i]), atol=1e-3
        )
        assert len(found.pairs[i][0]) > 0.85 * conditions.mask[i, :: 96 // size, :: 96 // size].sum()


def test_a_body_at_rest_is_mapped_to_itself():
    still = walker(1)
    body = type(still)(
        np.repeat(still.vertices, 3, 0), still.faces, np.repeat(still.joints, 3, 0), still.part, still.corner_uv, 10.0
    )
    conditions = seen(body)
    for size in (96, 48):
        found = match_mesh(body, conditions, size=size)
        mask = conditions.mask[0, :: 96 // size, :: 96 // size]
        for (target, source), position in zip(found.pairs[1:], found.positions[1:], strict=True):
            np.testing.assert_array_equal(target, np.argwhere(mask))
            np.testing.assert_array_equal(source, target)
            assert np.abs(position - target).max() < 1e-3
        assert not found.unmatched.any()


@pytest.mark.parametrize("gap", [0.03, 0.1, 0.4])
@pytest.mark.parametrize("size", [96, 48])
def test_nothing_leaks_through_an_occluder(gap, size):
    """A small sheet moves across a large one: uncovered pixels have no source, and no source comes from behind it."""
    back = sheet((0, 0, 0), 1.4, 1.4)
    front = sheet((0, 0, gap), 0.3, 0.9)
    body = scene(moved(back, [(0, 0, 0)] * 3), moved(front, [(-0.3, 0, 0), (0, 0, 0), (0.1, 0, 0)]))
    conditions = seen(body)
    step, is_front = 96 // size, conditions.face >= len(back[1])
    found = match_mesh(body, conditions, size=size)
    for i in (1, 2):
        target, source = (x * step for x in found.pairs[i])
        assert (is_front[i][tuple(target.T)] == is_front[i - 1][tuple(source.T)]).all()
        uncovered = is_front[i - 1] & ~is_front[i] & conditions.mask[i]
        assert uncovered[::step, ::step].sum() > 10
        assert not uncovered[tuple(target.T)].any()
        assert found.unmatched[i, 1] >= uncovered[::step, ::step].sum()


def test_the_far_side_of_a_turned_body_is_not_matched():
    turned = walker(2, turn=3.0, swing=0.0)  # about 24 degrees; the second frame shows parts that the first hides
    conditions = seen(turned)
    found = match_mesh(turned, conditions, size=96)
    corners = to_camera(turned.vertices[0], conditions.cameras[0])[turned.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = (normals * corners[:, 0]).sum(1) < 0
    target, _ = found.pairs[1]
    assert facing[conditions.face[1][tuple(target.T)]].all()
    assert not facing[conditions.face[1][conditions.mask[1]]].all()


def test_points_outside_the_picture_are_counted():
    # Larger than the picture: the second frame shows parts beyond the edge of the first.
    body = scene(moved(sheet((0, 0, 0), 2.0, 2.0), [(0.6, 0, 0), (0, 0, 0)]))
    conditions = seen(body, camera=CameraConfig(47, 0, 0, 0.1, distance=1.2))
    assert match_mesh(body, conditions, size=96).unmatched[1, 0] > 100


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), size=st.sampled_from([16, 32, 64]))
def test_both_sides_are_injective_and_on_the_figure(seed, size):
    rng = np.random.default_rng(seed)
    vertices, faces = sheet((0, 0, 0), 1.0, 1.0)
    waves = rng.uniform(-0.1, 0.1, (3, 3, 2))
    moving = np.stack([vertices * rng.uniform(0.6, 1.4) + np.sin(vertices[:, :2] @ w.T * 20) * 0.1 for w in waves])
    body = scene((moving, faces))
    conditions = seen(body, 64)
    found = match_mesh(body, conditions, size=size)
    mask = conditions.mask[:, :: 64 // size, :: 64 // size]
    for i, (pair, position) in enumerate(zip(found.pairs, found.positions, strict=True)):
        for pixels, frame in zip(pair, (i, max(i - 1, 0)), strict=True):
            assert len(np.unique(pixels, axis=0)) == len(pixels)
            assert mask[frame][tuple(pixels.T)].all()
        assert np.abs(position - pair[1]).max(initial=0) <= 0.5 + 1e-5
        if i:
            assert found.unmatched[i].sum() + len(pair[0]) == mask[i].sum()


def test_an_exact_map_needs_no_filled_in_reference(body, conditions):
    a, b = (match_mesh(body, conditions, size=48, reference=name) for name in ("prev", "prev_new"))
    for one, other in zip(a.pairs, b.pairs, strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_a_map_with_positions_survives_a_round_trip_and_older_files_load(body, conditions):
    found = match_mesh(body, conditions, size=48)
    data = {key: np.asarray(value) for key, value in found.arrays().items()}
    again = Correspondence.from_arrays(data)
    for one, other in zip(found.positions, again.positions, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found.unmatched, again.unmatched)
    old = Correspondence.from_arrays({k: v for k, v in data.items() if k not in ("positions", "unmatched")})
    assert old.positions is None
    assert old.unmatched is None
    with pytest.raises(ShapeError, match=r"positions\[1\]"):
        Correspondence(
            found.pairs,
            48,
            "prev",
            found.cost,
            found.parts_skipped,
            positions=(found.positions[0], *found.positions[:0:-1]),
        )
    with pytest.raises(ShapeError, match="one for each pair"):
        Correspondence(found.pairs, 48, "prev", found.cost, found.parts_skipped, positions=found.positions[1:])


def test_build_passes_body_size_and_reference_on(body, conditions):
    told = []
    search = build(CorrespondenceConfig("mesh"), "auto", "first")
    found = search(conditions, body, 24, lambda *numbers: told.append(numbers))
    assert (found.size, found.reference) == (24, "first")
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_body_of_another_clip_and_unknown_references_are_refused(body, conditions):
    other = scene(moved(sheet((0, 0, 0), 1, 1), [(0, 0, 0)] * 4))
    for stranger in (walker(3), other):
        with pytest.raises(ShapeError, match="were not drawn from a body"):
            carry(stranger, conditions, frame=1, to=0, size=48)
    with pytest.raises(ShapeError, match="grid of 7 does not divide"):
        match_mesh(body, conditions, size=7)
    with pytest.raises(ConfigError, match="reference='next'"):
        match_mesh(body, conditions, size=48, reference="next")
