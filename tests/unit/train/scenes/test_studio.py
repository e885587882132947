"""The studio: a picture does not depend on the others, and its depth equals the render stage's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from latentman.body.build import build
from latentman.config import BodyConfig
from latentman.engine.compose import compose
from latentman.render.conditions import draw_seen
from latentman.render.depth import encode_depth
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.places import PLACES
from latentman.train.scenes.plan import plan_scenes
from latentman.train.scenes.poses import MOTION_SHARE, Pose, PoseBank
from latentman.train.scenes.scene import ScenePlan, Scenes
from latentman.train.scenes.studio import MINI_DEPTH, Studio, labels
from latentman.train.scenes.view import View
from latentman.types import BodySequence

pytestmark = pytest.mark.slow

SIZE = 64


@pytest.fixture(scope="module")
def plans() -> list[ScenePlan]:
    return plan_scenes(8, seed=6)


@pytest.fixture(scope="module")
def scenes(studio: Studio, plans: list[ScenePlan]) -> Scenes:
    return studio.draw(plans)


def test_pictures_have_the_promised_shapes_and_labels(scenes: Scenes, plans: list[ScenePlan]) -> None:
    assert scenes.images.shape == (8, 3, SIZE, SIZE)
    assert scenes.images.dtype == scenes.depth.dtype == torch.uint8
    assert scenes.depth.shape == scenes.mask.shape == (8, SIZE, SIZE)
    assert scenes.plans == tuple(plans)
    assert {name: tuple(label.tolist()) for name, label in labels(plans, "cpu").items()} == {
        "character": tuple(scenes.character.tolist()),
        "colour": tuple(scenes.colour.tolist()),
        "place": tuple(scenes.place.tolist()),
    }
    assert [list(PLACES)[index] for index in scenes.place] == [plan.place for plan in plans]


def test_a_picture_does_not_depend_on_the_others(studio: Studio, plans: list[ScenePlan], scenes: Scenes) -> None:
    for index in (0, 5):
        alone = studio.draw([plans[index]])
        assert torch.equal(alone.images[0], scenes.images[index])
        assert torch.equal(alone.depth[0], scenes.depth[index])
        assert torch.equal(alone.mask[0], scenes.mask[index])


@pytest.mark.slow
def test_another_studio_draws_the_same_bytes(studio: Studio, plans: list[ScenePlan], scenes: Scenes) -> None:
    other = Studio.build("cpu", SIZE)
    assert [p.rotations.tobytes() for p in other.poses.motions] == [p.rotations.tobytes() for p in studio.poses.motions]
    assert torch.equal(other.draw(plans[:2]).images, scenes.images[:2])


def test_depth_and_mask_equal_the_render_stages(studio: Studio, plans: list[ScenePlan], scenes: Scenes) -> None:
    body = build(BodyConfig("anny", "neutral"))
    for index, plan in enumerate(plans[:4]):
        placed = studio._place(plan)
        vertices = placed.vertices.numpy()[None]
        sequence = BodySequence(
            vertices=vertices.astype(np.float32),
            faces=body.faces,
            joints=np.zeros((1, 24, 3), dtype=np.float32),
            part=body.part,
            corner_uv=body.corner_uv,
            fps=10.0,
        )
        seen = draw_seen(sequence, [placed.camera])
        assert np.array_equal(seen.mask[0], scenes.mask[index].numpy())
        # Each picture has its own grey range, so that a ControlNet does not memorise one.
        jitter = np.random.default_rng([plan.seed, 1])
        low, high = jitter.uniform(0.15, 0.4), jitter.uniform(0.85, 1.0)
        expected = encode_depth(seen.depth, replace(MINI_DEPTH, low=low, high=high), np.array([3.0]))[0]
        assert np.array_equal((255 * expected).round().astype(np.uint8), scenes.depth[index].numpy())
        assert (scenes.depth[index].numpy()[~seen.mask[0]] == 0).all()


def test_figures_of_one_pose_have_several_builds_in_picture_and_depth(studio: Studio, plans: list[ScenePlan]) -> None:
    """Masks are drawn from the same mesh as the depth, so both show the build."""
    still = replace(studio, poses=PoseBank([Pose(np.tile(np.eye(3, dtype=np.float32), (24, 1, 1)), 0.0)]))
    with_it = [
        replace(plans[0], seed=seed) for seed in range(40) if np.random.default_rng(seed).random() < MOTION_SHARE
    ]
    drawn = still.draw(with_it[:12])
    assert torch.equal(drawn.mask, drawn.depth > 0)
    heights = [np.ptp(still._place(plan).vertices[:, 1].numpy()) for plan in with_it[:12]]
    assert np.ptp(heights) > 0.08


def test_depth_is_encoded_as_in_the_setup() -> None:
    assert compose(["setup=mini"]).depth == MINI_DEPTH


def test_the_figure_is_inside_its_picture_and_neither_small_nor_cut_off(studio: Studio) -> None:
    drawn = studio.draw(plan_scenes(24, seed=12))
    heights = drawn.mask.any(2).sum(1)
    assert heights.min() >= 0.4 * SIZE
    assert heights.max() <= 0.95 * SIZE
    touching = drawn.mask[:, 0].any(1) | drawn.mask[:, -1].any(1)
    assert touching.float().mean() < 0.1


def test_the_figure_is_painted_inside_the_mask(studio: Studio) -> None:
    plan = replace(
        plan_scenes(1, seed=3)[0],
        character="superhero", colour="red", second_colour="blue", place="green field", flaw=None,
    )  # fmt: skip
    drawn = studio.draw([plan])
    image, mask = drawn.images[0].float() / 255, drawn.mask[0]
    red = (image[0] > 0.4) & (image[0] > 2 * image[1])
    assert red[mask].float().mean() > 0.2
    assert red[~mask].float().mean() < 0.02


@pytest.mark.parametrize("flaw", ["blurred", "coarse", "noisy", "pale"])
def test_a_flaw_shows_in_the_picture_and_not_in_its_depth(studio: Studio, plans: list[ScenePlan], flaw: str) -> None:
    clean, flawed = studio.draw([replace(plans[0], flaw=None), replace(plans[0], flaw=flaw)]).images.float()
    assert (clean - flawed).abs().mean() > 3
    both = studio.draw([replace(plans[0], flaw=None), replace(plans[0], flaw=flaw)])
    assert torch.equal(both.depth[0], both.depth[1])


@pytest.mark.parametrize(("name", "shadowed"), [("space", False), ("white studio", True)])
def test_the_floor_has_a_shadow_and_space_has_none(
    studio: Studio, plans: list[ScenePlan], name: str, shadowed: bool
) -> None:
    assert PLACES[name].floor == shadowed
    plan = replace(plans[0], place=name, flaw=None)
    drawn = studio.draw([plan])
    placed = studio._place(plan)
    bare = PLACES[name].backdrop(View.of(placed.camera, "cpu"), studio.noise, placed.rng).permute(2, 0, 1)
    beside = functional.max_pool2d(drawn.mask[0].float()[None], 3, stride=1, padding=1)[0] == 0
    darker = (bare * 255 - drawn.images[0])[:, beside]
    assert darker.min() > -1
    assert bool(darker.max() > 20) == shadowed


def test_every_character_and_place_can_be_drawn(studio: Studio) -> None:
    plans = plan_scenes(len(CHARACTERS), seed=1)
    drawn = studio.draw(plans)
    assert {plan.character for plan in plans} == set(CHARACTERS)
    figure = drawn.mask.flatten(1).float().mean(1)
    assert figure.min() > 0.02
    assert figure.max() < 0.5
    # No holes and no flat patches: every picture has many colours.
    assert min(len(image.flatten(1).T.unique(dim=0)) for image in drawn.images) > 100
