"""Learned metrics on a device that is pretended on the CPU: no operation mixes devices or needs float64 there."""

import numpy as np
import pytest

from latentman.metrics.clip import load_clip
from latentman.metrics.lpips import load_lpips
from tests.factories.clip_weights import write_clip
from tests.factories.lpips_weights import write_lpips
from tests.factories.pretended_device import IS_SUPPORTED, pretended_device, pretending

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="this torch cannot have a device in Python")


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


def test_lpips_is_the_same_on_another_device(tmp_path, frames):
    write_lpips(tmp_path)
    here = load_lpips(tmp_path)
    with pretending():
        there = load_lpips(tmp_path, str(pretended_device()))
        assert there.value(*frames) == pytest.approx(here.value(*frames))
        assert np.allclose(there.distance(*frames), here.distance(*frames))


def test_clip_is_the_same_on_another_device(tmp_path, frames):
    here = load_clip(write_clip(tmp_path))
    with pretending():
        there = load_clip(tmp_path, str(pretended_device()))
        assert np.allclose(there.embed_frames(frames), here.embed_frames(frames), atol=1e-5)
        assert np.allclose(there.embed_text("a red robot"), here.embed_text("a red robot"), atol=1e-5)
