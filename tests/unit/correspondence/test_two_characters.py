"""Two characters whose paths cross: the occlusion is correct, and no pixel of one is matched with the other."""

import numpy as np
import pytest
import torch

from latentman.body.build import build
from latentman.body.fit import fit_motion
from latentman.body.scene import join, place_beside
from latentman.config import BodyConfig, CameraConfig
from latentman.correspondence.match import match_clip
from latentman.correspondence.mesh import match_mesh
from latentman.motion.procedural.source import ProceduralSource
from latentman.render.camera import to_camera
from latentman.render.conditions import render_conditions
from latentman.render.pictures import iuv_frames
from latentman.render.rasterize import get_rasterizer
from latentman.types import BodySequence
from tests.factories.sheets import DEPTH, moved, scene, seen, sheet


def crossing(gap, frames=5):
    """Two characters that walk past each other, the second ``gap`` metres nearer to a camera in front."""
    source, body = ProceduralSource(10.0), build(BodyConfig("anny", "neutral"))
    walkers = [fit_motion(body, source("a person walks forward", num_frames=frames, seed=seed)) for seed in (1, 2)]
    way = float(np.ptp(walkers[0].joints[:, 0, 2]))
    first = place_beside(walkers[0], walkers[0], offset=(0.0, 0.0), facing=90.0)
    return first, place_beside(walkers[1], first, offset=(way, gap), facing=-90.0)


CLIPS = {
    "one in front of the other": (0.6, CameraConfig(47, 0, 4, 0.1)),
    "through each other": (0.0, CameraConfig(47, 20, 4, 0.1)),
    "touching, the camera moving": (0.25, CameraConfig(47, 0, 4, 0.1, orbit=40.0, follow=0.5)),
}


@pytest.fixture(scope="module", params=CLIPS)
def clip(request):
    gap, camera = CLIPS[request.param]
    pair = crossing(gap)
    body = join(pair)
    return pair, body, render_conditions(body, camera=camera, depth=DEPTH, size=96)


def whose(conditions):
    """The character visible at each pixel, by face index; -1 for the background."""
    return np.where(conditions.face < 0, -1, (conditions.iuv[..., 0].astype(int) - 1) // 24)


def test_both_are_visible_each_with_its_own_parts(clip):
    (first, _), body, conditions = clip
    by_face = np.where(conditions.face < 0, -1, conditions.face >= len(first.faces))
    np.testing.assert_array_equal(whose(conditions), by_face)
    for character in (0, 1):
        assert (by_face == character).any((1, 2)).all()
    assert len(body.faces) == 2 * len(first.faces)


def test_the_nearer_one_hides_the_other(clip):
    pair, _, conditions = clip
    draw, faces = get_rasterizer("torch"), torch.from_numpy(pair[0].faces)
    hidden = 0
    for i, camera in enumerate(conditions.cameras):
        alone = [
            draw(torch.from_numpy(to_camera(one.vertices[i], camera))[None], faces, camera).depth[0].numpy()
            for one in pair
        ]
        depths = np.stack([np.where(depth > 0, depth, np.inf) for depth in alone])
        nearest = depths.min(0)
        np.testing.assert_array_equal(conditions.depth[i], np.where(np.isfinite(nearest), nearest, 0))
        hidden += np.isfinite(depths).all(0).sum()
    assert hidden > 100


@pytest.mark.parametrize("reference", ["prev_new", "first"])
@pytest.mark.parametrize("size", [96, 48])
def test_no_pixel_of_one_is_matched_with_the_other(clip, size, reference):
    _, body, conditions = clip
    owner = whose(conditions)[:, :: 96 // size, :: 96 // size]
    for found in (
        match_mesh(body, conditions, size=size, reference=reference),
        match_clip(conditions.iuv, size=size, reference=reference, solver="scipy"),
    ):
        for i in range(1, len(found.pairs)):
            target, source = found.pairs[i]
            here, there = owner[i][tuple(target.T)], owner[found.source_frame(i)][tuple(source.T)]
            np.testing.assert_array_equal(here, there)
            assert set(here) == {0, 1}


def test_the_assignment_of_two_is_the_union_of_each_alone(clip):
    _, _, conditions = clip
    owner = whose(conditions)
    both = match_clip(conditions.iuv, size=48, solver="scipy")
    apart = []
    for character in (0, 1):
        iuv = np.where((owner == character)[..., None], conditions.iuv, 0)
        iuv[..., 0] -= np.where(iuv[..., 0] > 0, 24 * character, 0).astype(np.uint8)
        apart.append(match_clip(iuv, size=48, solver="scipy"))
    for i in range(len(both.pairs)):
        for side in (0, 1):
            joined = np.concatenate([alone.pairs[i][side] for alone in apart])
            np.testing.assert_array_equal(both.pairs[i][side], joined)
    np.testing.assert_allclose(both.cost, apart[0].cost + apart[1].cost)
    np.testing.assert_array_equal(both.parts_skipped, apart[0].parts_skipped + apart[1].parts_skipped)


@pytest.mark.parametrize("two", [True, False])
def test_surfaces_that_touch_are_joined_only_within_one_character(two):
    """A small sheet slides off a large one, 1 mm in front of it: uncovered pixels must not take its colours."""
    back, front = sheet((0, 0, 0), 1.4, 1.4), sheet((0, 0, 0.001), 0.3, 0.9)
    body = scene(moved(back, [(0, 0, 0)] * 2), moved(front, [(-0.3, 0, 0), (0, 0, 0)]))
    part = np.where(np.arange(len(body.faces)) < len(back[1]), 1, 25 if two else 1)
    body = BodySequence(body.vertices, body.faces, body.joints, part, body.corner_uv, body.fps)
    conditions = seen(body)
    is_front = conditions.face >= len(back[1])
    target, source = match_mesh(body, conditions, size=96).pairs[1]
    mixed = is_front[1][tuple(target.T)] != is_front[0][tuple(source.T)]
    assert mixed.any() != two
    assert len(target) > 2000


def test_iuv_pictures_draw_both_in_different_colours(clip):
    _, _, conditions = clip
    frames, owner = iuv_frames(conditions).astype(float), whose(conditions)
    assert not frames[owner < 0].any()
    assert frames[owner >= 0].max(-1).min() > 60
    colour = [frames[(owner == c) & (conditions.iuv[..., 0] == 24 * c + 2)].mean(0) for c in (0, 1)]
    assert np.abs(colour[0] - colour[1]).max() > 40


def test_seams_stay_within_the_character(clip):
    """Beyond a seam is the other half of the same character's limb: every visible part is one of 48."""
    _, body, conditions = clip
    parts = set(np.unique(conditions.iuv[..., 0])) - {0}
    assert parts <= set(range(1, 49))
    assert min(sum(part <= 24 for part in parts), sum(part > 24 for part in parts)) >= 12
    crossed = conditions.iuv[..., 0][conditions.mask] != body.part[conditions.face[conditions.mask]]
    assert crossed.any()
