"""Token warping against a loop over tokens."""

import numpy as np
import pytest
import torch

from latentman.diffusion.token_maps import TokenMaps
from latentman.diffusion.token_warping import TokenWarping
from tests.factories.tiny_model import FRAMES, GRID, moving_box, random_map
from tests.factories.token_layers import Clip, layer_output, one_layer

CPU = torch.device("cpu")


def literal(clip, maps, tokens):
    """Every token takes the reference frame's warped one, where the map sees it."""
    warped = {}
    for frame in range(len(clip.tokens)):
        mine = [clip.query(frame), *clip.keys(frame)]
        if frame:
            source = maps.source_frame(frame)
            index, seen = maps.tokens(frame, source, clip.tokens.shape[1], CPU)
            for which, name in enumerate(("query", "key", "value")):
                for q in np.flatnonzero(seen.numpy()) if name in tokens else []:
                    mine[which][q] = warped[source][which][index[q]]
        warped[frame] = mine
    return torch.stack([clip.ruled(i, warped[i][0], (warped[i][1], warped[i][2])) for i in warped])


@pytest.mark.parametrize("reference", ["prev", "first"])
@pytest.mark.parametrize("followed", [True, False])
@pytest.mark.parametrize("tokens", [("query", "key", "value"), ("query",), ("key",)])
@pytest.mark.parametrize("size", [FRAMES, 2])
@torch.no_grad()
def test_warping_equals_the_loop_over_tokens(backbone, reference, followed, tokens, size):
    _, attn = one_layer(backbone)
    maps = TokenMaps(random_map(GRID, reference=reference), moving_box(FRAMES))
    batch = torch.randn(2, FRAMES, 64, attn.to_q.in_features, generator=torch.Generator().manual_seed(1))
    method = TokenWarping(range(5), tokens=tokens)
    ours = layer_output(backbone, method, maps, batch, followed=followed, size=size)
    for group in range(2):
        expected = literal(Clip(attn, batch[group], followed), maps, tokens)
        assert torch.allclose(ours[group], expected, atol=1e-5)
