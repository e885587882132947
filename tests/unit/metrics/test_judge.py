"""What the mesh says of a clip: colours that stay on the body score nothing, others do; loops beside each score."""

import math

import numpy as np
import pytest
from scipy import ndimage

from latentman.body.build import build
from latentman.body.fit import fit_motion
from latentman.body.skinning import forward_kinematics
from latentman.config import BodyConfig, CameraConfig, DepthConfig
from latentman.correspondence.match import match_clip
from latentman.correspondence.mesh import match_mesh
from latentman.errors import ShapeError
from latentman.metrics.flicker import background_flicker
from latentman.metrics.judge import call_judge, sample
from latentman.metrics.map_quality import coverage, map_error_px
from latentman.metrics.warp import human_mse_mesh, warp_error
from latentman.motion.rotations import from_axis_angle
from latentman.render.conditions import render_conditions
from latentman.types import Motion

SIDE = 128


@pytest.fixture(scope="module")
def body():
    person, frames = build(BodyConfig("anny", "male")), 3
    swing, pose = np.sin(np.linspace(0, 2, frames)), np.zeros((frames, 24, 3))
    pose[:, 1, 0], pose[:, 2, 0] = 0.4 * swing, -0.4 * swing
    pose[:, 16, 2], pose[:, 17, 2] = -1.0, 1.0
    root = np.linspace([0.0, 1, 0], [0.2, 1, 0], frames)
    joints = forward_kinematics(person, from_axis_angle(pose), root)[1][:, :22]
    return fit_motion(person, Motion(joints, 20.0, "a person walks", "test"))


@pytest.fixture(scope="module")
def conditions(body):
    camera, depth = CameraConfig(47, 20, 4, 0.1), DepthConfig("inverse", "clip", None, 0.3, 0.9)
    return render_conditions(body, camera=camera, depth=depth, size=SIDE)


@pytest.fixture(scope="module")
def judge(body, conditions):
    return call_judge(body, conditions, size=SIDE, reference="prev_new")


def painted(body, conditions):
    """Colour every pixel by where its point lies on the body in frame 0, smoothly; the background is a ramp."""
    frames = np.broadcast_to(np.arange(SIDE, dtype=np.uint8)[None, None, :, None], (*conditions.mask.shape, 3)).copy()
    place = (body.vertices[0] - body.vertices[0].min(0)) / np.ptp(body.vertices[0], axis=0).max()
    for frame, mask, face, bary in zip(frames, conditions.mask, conditions.face, conditions.bary, strict=True):
        points = np.einsum("nk,nkd->nd", bary[mask], place[body.faces[face[mask]]])
        frame[mask] = (255 * points).round()
    return frames


def test_colours_that_stay_on_the_body_score_next_to_nothing(body, conditions, judge):
    frames = painted(body, conditions)
    rng = np.random.default_rng(0)
    shuffled = frames.copy()
    for frame, mask in zip(shuffled, conditions.mask, strict=True):
        frame[mask] = rng.permutation(frame[mask])
    for metric in (human_mse_mesh, warp_error):
        steady, torn = metric(frames, judge).value, metric(shuffled, judge).value
        assert torn > 500
        # What is left lies at outlines, where a sample between two pixels takes in the background.
        assert steady < 0.08 * torn
    assert human_mse_mesh(np.full_like(frames, 77), judge).value == 0


def test_away_from_outlines_colours_of_the_body_agree_to_a_level(body, conditions, judge):
    frames, deep = painted(body, conditions), ndimage.binary_erosion(conditions.mask, np.ones((1, 3, 3)), iterations=2)
    for i, flow in enumerate(judge.flows, start=1):
        inside = deep[i - 1][tuple(np.round(flow.position).astype(int).T)]
        difference = frames[i][tuple(flow.pixel.T)] - sample(frames[i - 1], flow.position)
        assert np.median(np.abs(difference[inside])) < 0.6  # both sides are rounded to whole levels
        assert inside.sum() > 200


def slow_sample(picture, row, col):
    last = len(picture) - 1
    row, col = min(max(row, 0.0), last), min(max(col, 0.0), last)
    r, c = min(math.floor(row), last - 1), min(math.floor(col), last - 1)
    total = np.zeros(3)
    for i in (0, 1):
        for j in (0, 1):
            weight = (row - r if i else 1 - row + r) * (col - c if j else 1 - col + c)
            total += weight * picture[r + i, c + j].astype(float)
    return total


def test_scores_are_those_of_loops_over_pixels(conditions, judge):
    frames = np.random.default_rng(1).integers(0, 256, (*conditions.mask.shape, 3), dtype=np.uint8)
    mesh, warp, flicker = [], [], []
    for i, flow in enumerate(judge.flows, start=1):
        matches = zip(judge.map.pairs[i][0], judge.map.positions[i].astype(float), strict=True)
        pairs = [(frames[i][tuple(q)] - slow_sample(frames[i - 1], *p)) ** 2 for q, p in matches]
        mesh.append(np.mean(pairs))
        flows = zip(flow.pixel, flow.position, strict=True)
        warp.append(np.mean([((frames[i][tuple(q)] - slow_sample(frames[i - 1], *p)) ** 2).sum() for q, p in flows]))
        outside = np.argwhere(~conditions.mask[i] & ~conditions.mask[i - 1])
        flicker.append(np.mean([np.abs(frames[i][r, c].astype(int) - frames[i - 1][r, c]) for r, c in outside]))
    for score, series in (
        (human_mse_mesh(frames, judge), mesh),
        (warp_error(frames, judge), warp),
        (background_flicker(frames, conditions.mask), flicker),
    ):
        assert score.per_pair == pytest.approx(series)
        assert score.value == pytest.approx(np.mean(series))


def test_the_judge_does_not_depend_on_the_map_that_it_judges(body, conditions):
    frames = np.random.default_rng(2).integers(0, 256, (*conditions.mask.shape, 3), dtype=np.uint8)
    values = [
        human_mse_mesh(frames, call_judge(body, conditions, size=64, reference=reference)).value
        for reference in ("prev", "prev_new", "first")
    ]
    assert values[0] == values[1] == values[2]


@pytest.mark.parametrize("reference", ["prev_new", "first"])
def test_the_exact_map_has_no_error_and_a_displaced_one_its_displacement(body, conditions, reference):
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


def test_a_background_that_does_not_move_does_not_flicker_whatever_the_figure_does(conditions):
    frames = np.repeat(np.random.default_rng(3).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8), 3, axis=0)
    frames[conditions.mask] = np.random.default_rng(4).integers(0, 256, (conditions.mask.sum(), 3))
    # A pixel that the figure leaves is outside the comparison too.
    assert background_flicker(frames, conditions.mask).value == 0


def test_frames_of_another_size_are_refused(conditions, judge):
    frames = np.zeros((3, 100, 100, 3), np.uint8)
    for metric, other in ((human_mse_mesh, judge), (warp_error, judge), (background_flicker, conditions.mask)):
        with pytest.raises(ShapeError, match=rf"{metric.__name__}: expected frames .*got \(3, 100, 100, 3\)"):
            metric(frames, other)
