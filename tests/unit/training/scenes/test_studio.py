"""The studio: a picture is the same alone and among others, and its depth is the render stage's."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentman.body.build import build
from latentman.config import BodyConfig
from latentman.render.conditions import draw_seen
from latentman.render.depth import encode_depth
from latentman.training.scenes.places import PLACES
from latentman.training.scenes.plan import plan_scenes
from latentman.training.scenes.scene import ScenePlan, Scenes
from latentman.training.scenes.studio import MINI_DEPTH, Studio, labels
from latentman.types import BodySequence

SIZE = 64


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio.build("cpu", SIZE)


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


def test_a_picture_is_the_same_alone_and_among_others(studio: Studio, plans: list[ScenePlan], scenes: Scenes) -> None:
    for index in (0, 5):
        alone = studio.draw([plans[index]])
        assert torch.equal(alone.images[0], scenes.images[index])
        assert torch.equal(alone.depth[0], scenes.depth[index])
        assert torch.equal(alone.mask[0], scenes.mask[index])


def test_another_studio_draws_the_same_bytes(plans: list[ScenePlan], scenes: Scenes) -> None:
    assert torch.equal(Studio.build("cpu", SIZE).draw(plans[:2]).images, scenes.images[:2])


def test_depth_and_mask_are_those_of_the_render_stage(studio: Studio, plans: list[ScenePlan], scenes: Scenes) -> None:
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
        grey = scenes.depth[index].numpy()[seen.mask[0]]
        low, high = (int(grey.min()), int(grey.max()))
        assert 0.15 * 255 - 1 <= low <= 0.4 * 255 + 1
        assert 0.85 * 255 - 1 <= high <= 255
        # The picture's own jittered range is that of its farthest and nearest pixel.
        config = replace(MINI_DEPTH, low=low / 255, high=high / 255)
        expected = encode_depth(seen.depth, config, np.array([3.0]))[0]
        assert np.abs(255 * expected - scenes.depth[index].numpy()).max() <= 1.01


def test_the_figure_stands_inside_its_picture_and_is_neither_small_nor_cut(studio: Studio) -> None:
    drawn = studio.draw(plan_scenes(24, seed=12))
    heights = drawn.mask.any(2).sum(1)
    assert heights.min() >= 0.4 * SIZE
    assert heights.max() <= 0.95 * SIZE
    touching = drawn.mask[:, 0].any(1) | drawn.mask[:, -1].any(1)
    assert touching.float().mean() < 0.1


def test_the_figure_is_painted_where_the_mask_has_it(studio: Studio) -> None:
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
def test_a_flaw_is_seen_in_the_picture_and_not_in_its_depth(studio: Studio, plans: list[ScenePlan], flaw: str) -> None:
    clean, flawed = studio.draw([replace(plans[0], flaw=None), replace(plans[0], flaw=flaw)]).images.float()
    assert (clean - flawed).abs().mean() > 3
    both = studio.draw([replace(plans[0], flaw=None), replace(plans[0], flaw=flaw)])
    assert torch.equal(both.depth[0], both.depth[1])


def test_there_is_no_shadow_in_space(studio: Studio, plans: list[ScenePlan]) -> None:
    assert not PLACES["space"].floor
    assert sum(place.floor for place in PLACES.values()) == len(PLACES) - 1
