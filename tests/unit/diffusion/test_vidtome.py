"""VidToMe against a loop over tokens."""

import pytest
import torch

from latentman.diffusion.token_maps import TokenMaps
from latentman.diffusion.vidtome import VidToMe, most_similar
from tests.factories.tiny_model import GRID, moving_box, random_map
from tests.factories.token_layers import Clip, layer_output, one_layer

CPU, FRAMES = torch.device("cpu"), 6


def literal(clip, maps, method):
    tokens, merged, out = clip.tokens.shape[1], {}, {}
    for frame in range(len(clip.tokens)):
        place = frame % method.span
        target, ratio = (frame - place, method.ratio) if place else (0, method.global_ratio)
        mine, pairs = clip.tokens[frame].clone(), {}
        if frame:
            found = []
            for q in range(tokens):
                similar = torch.cosine_similarity(mine[q][None], merged[target], dim=-1)
                index = int(similar.argmax())
                if method.match == "map":
                    index, seen = (int(x[q]) for x in maps.tokens(frame, target, tokens, CPU))
                    if not seen:
                        continue
                found.append((-float(similar[index]), q, index))
            share = 1.0 if method.match == "map" else ratio
            pairs = {q: index for _, q, index in sorted(found)[: int(share * len(found) + 1e-9)]}
            for q, index in pairs.items():
                mine[q] = merged[target][index]
        merged[frame] = mine
        read = clip.ruled(frame, clip.query(frame, mine), clip.keys(frame, mine)).clone()
        for q, index in pairs.items():
            read[q] = out[target][index]
        out[frame] = read
    return torch.stack(list(out.values()))


@pytest.mark.parametrize("match", ["map", "similarity"])
@pytest.mark.parametrize("followed", [True, False])
@pytest.mark.parametrize(("span", "size"), [(2, FRAMES), (2, 1), (4, 3)])
@torch.no_grad()
def test_merged_tokens_equal_the_loop_over_tokens(backbone, match, followed, span, size):
    _, attn = one_layer(backbone)
    maps = TokenMaps(random_map(GRID, frames=FRAMES), moving_box(FRAMES))
    batch = torch.randn(2, FRAMES, 64, attn.to_q.in_features, generator=torch.Generator().manual_seed(1))
    method = VidToMe(range(5), span=span, match=match, ratio=0.7, global_ratio=0.5)
    ours = layer_output(backbone, method, maps, batch, followed=followed, size=size)
    for group in range(2):
        assert torch.allclose(ours[group], literal(Clip(attn, batch[group], followed), maps, method), atol=1e-5)


def test_the_most_similar_tokens_merge_and_the_first_among_equals():
    score = torch.tensor([[0.1, 0.9, 0.5, 0.5, 0.7]])
    assert most_similar(score, 0.6).tolist() == [[False, True, True, False, True]]
    assert most_similar(score, 1.0).all()
    assert not most_similar(score, 0.0).any()
    assert most_similar(torch.rand(1, 100), 0.29).sum() == 29


def test_passes_hold_whole_spans():
    passes = [list(range(10)[part]) for part in VidToMe(range(1), span=4).passes(10, 6)]
    assert passes == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(VidToMe(range(1), span=4).passes(10, 9)) == [slice(0, 8), slice(8, 10)]
