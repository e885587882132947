"""Generative Rendering against a loop over texels."""

import numpy as np
import pytest
import torch

from latentman.diffusion.generative_rendering import GenerativeRendering
from latentman.diffusion.token_maps import NOT_SEEN, TokenMaps
from tests.factories.tiny_model import GRID, random_map
from tests.factories.token_layers import Clip, layer_output, one_layer

FRAMES = 5


def surface():
    """IUV maps of few, coarse patches, so that texels are shown in several frames."""
    rng = np.random.default_rng(3)
    iuv = rng.choice(np.array([0, 40, 200], np.uint8), (FRAMES, 4 * GRID, 4 * GRID, 3))
    iuv[..., 0] = rng.integers(0, 3, iuv.shape[:3])
    return iuv


def literal(clip, maps, method):
    tokens, frames = clip.tokens.shape[1], len(clip.tokens)
    keys = [frame for frame in range(frames) if frame % method.spacing == 0]
    together = [torch.cat([clip.keys(frame)[which] for frame in keys]) for which in (0, 1)]
    read = [
        clip.read(clip.query(frame), *together) if method.joint and frame else clip.ruled(frame)
        for frame in range(frames)
    ]
    texel = maps.surface(tokens, method.texels)
    shown = {}
    for frame in keys:
        for q in range(tokens):
            shown.setdefault(int(texel[frame, q]), []).append(read[frame][q])
    out = [x.clone() for x in read]
    for frame in range(1, frames):
        for q in range(tokens):
            k = int(texel[frame, q])
            if k != NOT_SEEN and k in shown:
                fused = torch.stack(shown[k]).mean(0)
                out[frame][q] = (1 - method.weight) * read[frame][q] + method.weight * fused
    return torch.stack(out)


@pytest.mark.parametrize(("followed", "joint", "spacing"), [(True, True, 2), (True, False, 3), (False, True, 4)])
@pytest.mark.parametrize("size", [FRAMES, 1])
@torch.no_grad()
def test_fused_features_equal_the_loop_over_texels(backbone, followed, joint, spacing, size):
    _, attn = one_layer(backbone)
    maps = TokenMaps(random_map(GRID, frames=FRAMES), iuv=surface())
    batch = torch.randn(2, FRAMES, 64, attn.to_q.in_features, generator=torch.Generator().manual_seed(1))
    method = GenerativeRendering(range(5), spacing=spacing, texels=8, weight=0.6, joint=joint)
    ours = layer_output(backbone, method, maps, batch, followed=followed, size=size)
    for group in range(2):
        assert torch.allclose(ours[group], literal(Clip(attn, batch[group], followed), maps, method), atol=1e-5)


@torch.no_grad()
def test_without_a_figure_nothing_is_handed_back(backbone):
    _, attn = one_layer(backbone)
    maps = TokenMaps(random_map(GRID, frames=FRAMES), iuv=np.zeros_like(surface()))
    batch = torch.randn(2, FRAMES, 64, attn.to_q.in_features)
    method = GenerativeRendering(range(5), joint=False)
    ours = layer_output(backbone, method, maps, batch)
    clip = Clip(attn, batch[0])
    assert torch.allclose(ours[0], torch.stack([clip.ruled(i) for i in range(FRAMES)]), atol=1e-5)
