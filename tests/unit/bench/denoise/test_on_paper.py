"""Arithmetic and memory counted on shapes are those written down by hand, and those of a run with numbers."""

import pytest
import torch
from torch import nn
from torch.nn.functional import relu, scaled_dot_product_attention

from latentman.bench.denoise.measure import count_tflop
from latentman.bench.denoise.model import make_subject
from latentman.bench.denoise.on_paper import counted
from latentman.bench.denoise.parts import PARTS, ours

META = torch.device("meta")
BATCH, SIDE, IN, OUT, HEADS, WIDTH = 2, 16, 3, 8, 2, 4
TOKENS = SIDE * SIDE
CONVOLUTION = 2 * BATCH * TOKENS * OUT * IN * 3 * 3
LINEAR = 2 * BATCH * TOKENS * OUT * HEADS * WIDTH
ATTENTION = 2 * (2 * BATCH * HEADS * TOKENS * TOKENS * WIDTH)
"""Queries by keys, and weights by values."""


class Small(nn.Module):
    """A convolution, a linear layer, and attention of its outputs to themselves."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(IN, OUT, 3, padding=1)
        self.linear = nn.Linear(OUT, HEADS * WIDTH)

    def forward(self, x):
        tokens = self.linear(self.conv(x).flatten(2).transpose(1, 2))
        heads = tokens.unflatten(-1, (HEADS, WIDTH)).transpose(1, 2)
        return scaled_dot_product_attention(heads, heads, heads)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_small_network_takes_what_is_counted_by_hand(dtype):
    with META:
        network, x = Small().to(dtype), torch.empty(BATCH, IN, SIDE, SIDE, dtype=dtype)
    found = counted(torch.no_grad()(lambda: network(x)))
    assert found.tflop * 1e12 == pytest.approx(CONVOLUTION + LINEAR + ATTENTION)
    assert (found.full_tflop if dtype == torch.float32 else found.half_tflop) == found.tflop


def test_the_backward_pass_computes_attention_weights_again():
    with META:
        network, x = Small().requires_grad_(False), torch.empty(BATCH, IN, SIDE, SIDE, requires_grad=True)
    forward = CONVOLUTION + LINEAR + ATTENTION
    # The gradient of the input alone: as much as forward for each layer, and five products of attention for two.
    backward = CONVOLUTION + LINEAR + ATTENTION * 5 // 2
    found = counted(lambda: torch.autograd.grad(network(x).sum(), x))
    assert found.tflop * 1e12 == pytest.approx(forward + backward)


def test_memory_is_that_of_the_tensors_that_are_alive():
    with META:
        conv, x = nn.Conv2d(IN, OUT, 3, padding=1), torch.empty(BATCH, IN, SIDE, SIDE)
    one = BATCH * OUT * TOKENS * 4

    def two_alive():
        return relu(relu(relu(conv(x))))

    def three_alive():
        first = conv(x)
        return first + relu(first).view(-1).view_as(first)

    assert counted(torch.no_grad()(lambda: conv(x))).peak == one
    assert counted(torch.no_grad()(two_alive)).peak == 2 * one
    assert counted(torch.no_grad()(three_alive)).peak == 3 * one
    assert counted(torch.no_grad()(lambda: conv(x).relu_().mul_(2))).peak == one


def test_a_graph_keeps_what_its_backward_pass_reads():
    with META:
        x = torch.empty(100, requires_grad=True)
    kept = counted(lambda: x.exp().exp().exp().sum())
    freed = counted(torch.no_grad()(lambda: x.exp().exp().exp().sum()))
    assert kept.peak == 3 * 400 + 4
    assert freed.peak == 2 * 400


@pytest.mark.parametrize(
    ("frames", "parts"), [(3, ("plain", "direct")), pytest.param(10, PARTS, marks=pytest.mark.slow)]
)
def test_arithmetic_on_shapes_is_that_of_a_run_with_numbers(frames, parts):
    real = make_subject("tiny", frames=frames, device=torch.device("cpu"), dtype="float32")
    shapes = make_subject("tiny", frames=frames, device=META, dtype="float32")
    with ours(real) as works, ours(shapes) as paper:
        for part in parts:
            assert counted(paper[part]).tflop == pytest.approx(count_tflop(works[part]), rel=1e-12)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip_beyond_its_latents():
    peaks = {}
    for frames in (8, 16):
        with ours(make_subject("tiny", frames=frames, device=META, dtype="float16")) as works:
            peaks[frames] = {part: counted(works[part]).peak for part in ("plain", "direct")}
    latents = 8 * 4 * 8 * 8 * 4
    for part in ("plain", "direct"):
        assert 0 <= peaks[16][part] - peaks[8][part] <= 8 * latents
