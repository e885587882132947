"""Flaws: visible in the picture, reproducible from the seed, with their own words."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from latentman.train.scenes.flaws import FLAWS, WORDS, draw_flaw, name_flaw


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_changes_the_picture_and_is_the_same_for_the_same_seed(name: str, image: Tensor) -> None:
    kept = image.clone()
    first, second = (FLAWS[name](image, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(image, kept)
    assert first.shape == image.shape
    assert first.dtype == torch.float32
    assert (first - image).abs().mean() > 0.03
    assert first.min() >= 0
    assert first.max() <= 1


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_works_for_every_picture_size(name: str) -> None:
    for size in (32, 96, 100):
        flawed = FLAWS[name](torch.full((3, size, size), 0.5), np.random.default_rng(0))
        assert flawed.shape == (3, size, size)
        assert flawed.isfinite().all()


def test_each_flaw_matches_its_name(image: Tensor) -> None:
    def contrast(picture: Tensor) -> float:
        return float(picture.diff(dim=2).abs().mean())

    done = {name: FLAWS[name](image, np.random.default_rng(1)) for name in FLAWS}
    assert contrast(done["blurred"]) < 0.3 * contrast(image)
    assert torch.equal(done["coarse"][:, ::4, ::4].repeat_interleave(4, 1).repeat_interleave(4, 2), done["coarse"])
    assert contrast(done["noisy"]) > contrast(image)
    assert float(done["pale"].std()) < 0.5 * float(image.std())
    assert float(done["pale"].mean()) > float(image.mean())


def test_few_pictures_have_a_flaw_and_every_flaw_is_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = Counter(draw_flaw(rng) for _ in range(8000))
    assert set(drawn) == {None, *FLAWS}
    assert 0.04 < 1 - drawn[None] / 8000 < 0.06
    assert min(drawn[name] for name in FLAWS) > 0.5 * max(drawn[name] for name in FLAWS)


def test_its_words_precede_the_caption_or_replace_it() -> None:
    rng = np.random.default_rng(0)
    said = {name_flaw("a ghost", rng) for _ in range(200)}
    assert said == {words + "a ghost" for words in WORDS} | {words.removesuffix(", ") for words in WORDS}
