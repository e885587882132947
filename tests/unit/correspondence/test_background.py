"""The background's map against rays cast one by one, and the properties that its geometry must have."""

import numpy as np
import pytest

from latentman.config import DriftConfig
from latentman.correspondence.background import background_cells, map_background, nearest_claims
from latentman.errors import ConfigError, ShapeError
from latentman.render.scene import OPEN
from tests.factories.scenes import SIDE, clip_in, seen, slow_background, turned

MOVES = {
    "a room in an orbit": ("room", {"orbit": 40.0}, None),
    "a floor in an orbit": ("floor", {"orbit": 40.0}, None),
    "a room that is followed, by a shifted lens": ("room", {"follow": 0.8, "shift": 1.5}, None),
    "a room that drifts in an orbit": ("room", {"orbit": 30.0}, DriftConfig([3.0, -2.0], 6.0, 0.0)),
    "a floor and a sky that drift": ("floor", {}, DriftConfig([2.0, 1.0], 0.0, 40.0)),
}


@pytest.mark.parametrize("sources", ["earliest", "previous"])
@pytest.mark.parametrize("case", MOVES)
def test_the_map_equals_rays_cast_one_by_one(case, sources):
    name, camera, drift = MOVES[case]
    conditions, size = clip_in(name, drift=drift, **camera), SIDE // 2
    found = map_background(conditions, size=size, sources=sources, margin=1)
    for i in range(1, 4):
        expected, unseen = slow_background(conditions, size, i, range(i) if sources == "earliest" else [i - 1], 1)
        targets = [tuple(cell) for cell in found.target[i].tolist()]
        assert targets == list(expected)
        assert found.frame[i].tolist() == [expected[cell][0] for cell in targets]
        np.testing.assert_allclose(found.position[i], [expected[cell][1] for cell in targets], atol=1e-4)
        assert found.unseen[i].tolist() == [list(cell) for cell in unseen]


@pytest.mark.parametrize("name", ["floor", "room"])
def test_for_a_camera_that_stands_still_the_map_is_the_identity(name):
    conditions = clip_in(name)
    found = map_background(conditions, size=SIDE)
    for i in range(1, 4):
        np.testing.assert_allclose(found.position[i], found.target[i], atol=1e-5)
        # Frame 0 shows all that is free in both; what its figure hides there is found in a later frame.
        free = background_cells(conditions.mask, SIDE)
        assert int((found.frame[i] == 0).sum()) == int((free[i] & free[0]).sum())


@pytest.mark.parametrize("name", ["floor", "room", "none"])
@pytest.mark.parametrize(("degrees", "axis"), [(7.0, (0, 1, 0)), (-4.0, (1, 0, 0)), (9.0, (1, 2, 3))])
def test_a_camera_that_only_turns_moves_every_pixel_by_its_homography(name, degrees, axis):
    still = clip_in("floor" if name == "none" else name, frames=2, mask=np.zeros((2, SIDE, SIDE), bool))
    scene = OPEN if name == "none" else still.scene
    first = still.cameras[0]
    conditions = seen(still.mask, [first, turned(first, degrees, axis)], scene)
    found = map_background(conditions, size=SIDE)
    lens = np.array([[first.fx, 0, first.cx], [0, first.fy, first.cy], [0, 0, 1]])
    homography = lens @ first.rotation @ conditions.cameras[1].rotation.T @ np.linalg.inv(lens)
    pixel = np.concatenate([found.target[1][:, ::-1] + 0.5, np.ones((len(found.target[1]), 1))], axis=1)
    moved = pixel @ homography.T
    np.testing.assert_allclose(found.position[1][:, ::-1] + 0.5, moved[:, :2] / moved[:, 2:], atol=1e-4)
    assert len(found.target[1]) > 0.5 * SIDE**2
    assert len(found.target[1]) + len(found.unseen[1]) == SIDE**2


def test_a_point_that_a_figure_hides_for_a_while_is_found_again_where_it_was_first_seen():
    mask = np.zeros((3, SIDE, SIDE), bool)
    mask[1, 10:20, 10:20] = True
    conditions = clip_in("room", frames=3, mask=mask)
    middle = [15, 15]
    by_first = map_background(conditions, size=SIDE)
    assert by_first.frame[2][by_first.target[2].tolist().index(middle)] == 0
    by_previous = map_background(conditions, size=SIDE, sources="previous")
    assert middle in by_previous.unseen[2].tolist()


def test_of_several_claims_the_nearest_is_kept_and_among_equals_the_first():
    claimed, distance = np.array([7, 3, 7, 3, 5, 7]), np.array([0.2, 0.1, 0.1, 0.1, 9.0, 0.3])
    assert nearest_claims(claimed, distance).tolist() == [1, 2, 4]
    assert nearest_claims(claimed[:0], distance[:0]).tolist() == []


def test_a_margin_keeps_cells_away_from_the_figure():
    mask = np.zeros((1, 8, 8), bool)
    mask[0, 0, 0] = True
    assert background_cells(mask, 4, 0)[0].sum() == 15
    assert background_cells(mask, 4, 1)[0].sum() == 12


def test_without_a_scene_only_a_still_camera_has_a_map():
    still = clip_in("room")
    assert len(map_background(seen(still.mask, still.cameras, None), size=SIDE).target[3])
    moving = clip_in("room", orbit=30.0)
    with pytest.raises(ShapeError, match="the camera moves, and the conditions hold no scene; add scene=floor"):
        map_background(seen(moving.mask, moving.cameras, None), size=SIDE)


def test_unknown_sources_and_grids_that_do_not_divide_the_picture_are_refused():
    conditions = clip_in("room")
    with pytest.raises(ConfigError, match="sources='last'"):
        map_background(conditions, size=SIDE, sources="last")
    with pytest.raises(ShapeError, match="32x32 cannot be brought to a 5x5 grid"):
        map_background(conditions, size=5)
