"""TokenFlow against a loop over tokens."""

import pytest
import torch

from latentman.diffusion.token_maps import TokenMaps
from latentman.diffusion.tokenflow import TokenFlow, neighbours
from tests.factories.tiny_model import GRID, moving_box, random_map
from tests.factories.token_layers import Clip, layer_output, one_layer

CPU, FRAMES = torch.device("cpu"), 6


def literal(clip, maps, method):
    tokens, frames = clip.tokens.shape[1], len(clip.tokens)
    keys = [frame for frame in range(frames) if frame % method.spacing == 0]
    together = [torch.cat([clip.keys(frame)[which] for frame in keys]) for which in (0, 1)]
    out = {}
    for frame in keys:
        joint = method.joint and frame > 0
        out[frame] = clip.read(clip.query(frame), *together) if joint else clip.ruled(frame)
    for frame in range(frames):
        if frame in out:
            continue
        ruled, before = clip.ruled(frame), frame - frame % method.spacing
        after, rows = before + method.spacing, []
        for q in range(tokens):
            total, share = 0, 0.0
            for key, weight in ((before, (after - frame) / method.spacing), (after, (frame - before) / method.spacing)):
                if after not in out and key == before:
                    weight = 1.0
                if key not in out:
                    continue
                if method.match == "map":
                    index, seen = (x[q] for x in maps.tokens(frame, key, tokens, CPU))
                else:
                    similar = torch.cosine_similarity(clip.tokens[frame][q][None], clip.tokens[key], dim=-1)
                    index, seen = similar.argmax(), True
                if seen:
                    total, share = total + weight * out[key][index], share + weight
            rows.append(total / share if share > 0 else ruled[q])
        out[frame] = torch.stack(rows)
    return torch.stack([out[frame] for frame in range(frames)])


@pytest.mark.parametrize("match", ["map", "similarity"])
@pytest.mark.parametrize(("followed", "joint", "spacing"), [(True, True, 2), (True, False, 3), (False, True, 4)])
@pytest.mark.parametrize("size", [FRAMES, 1])
@torch.no_grad()
def test_carried_features_equal_the_loop_over_tokens(backbone, match, followed, joint, spacing, size):
    _, attn = one_layer(backbone)
    maps = TokenMaps(random_map(GRID, frames=FRAMES), moving_box(FRAMES))
    batch = torch.randn(2, FRAMES, 64, attn.to_q.in_features, generator=torch.Generator().manual_seed(1))
    method = TokenFlow(range(5), spacing=spacing, match=match, joint=joint)
    ours = layer_output(backbone, method, maps, batch, followed=followed, size=size)
    for group in range(2):
        assert torch.allclose(ours[group], literal(Clip(attn, batch[group], followed), maps, method), atol=1e-5)


def test_weights_fall_with_the_distance_and_add_up_to_one():
    assert neighbours(5, 4, 9) == [(1, 4, 0.75), (2, 8, 0.25)]
    assert neighbours(7, 4, 8) == [(1, 4, 1.0)]
    for frame in range(1, 4):
        assert sum(weight for *_, weight in neighbours(frame, 4, 5)) == 1


def test_key_frames_come_first_and_every_frame_comes_once():
    for size in (1, 2, 8):
        passes = [list(range(10)[part]) for part in TokenFlow(range(1), spacing=4).passes(10, size)]
        assert passes[0] == [0, 4, 8]
        assert sorted(frame for frames in passes for frame in frames) == list(range(10))
        assert all(len(frames) <= size for frames in passes[1:])
