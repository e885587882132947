"""Statistics are kept in the first pass and used in all others."""

import torch
from torch import nn

from latentman.diffusion.group_statistics import GroupStatistics


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(4, 8, 1), nn.GroupNorm(2, 8), nn.SiLU(), nn.GroupNorm(4, 8, affine=True))
    for norm in (layers[1], layers[3]):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return layers


def test_the_first_pass_is_the_networks_own_and_a_part_is_decoded_as_in_the_whole():
    layers, x = network(), torch.randn(1, 4, 6, 6)
    statistics = GroupStatistics()
    with torch.no_grad():
        expected = layers(x)
        with statistics:
            assert torch.allclose(layers(x), expected, atol=1e-5)
        for part in (slice(0, 3), slice(2, 6)):
            with statistics:
                assert torch.allclose(layers(x[..., part]), expected[..., part], atol=1e-5)
        assert not torch.allclose(layers(x[..., :3]), expected[..., :3], atol=1e-2)


def test_the_gradient_takes_kept_statistics_for_constants():
    layers, x = network(), torch.randn(1, 4, 6, 6)
    statistics = GroupStatistics()
    with statistics, torch.no_grad():
        layers(x)
    leaf = torch.randn(1, 4, 2, 2, dtype=torch.float32, requires_grad=True)
    with statistics:
        (found,) = torch.autograd.grad(layers(leaf)[..., 0, 0].sum(), leaf)
    assert found[..., 0, 0].abs().max() > 0
    assert found[..., 1, 1].abs().max() == 0  # through its own statistics every value would depend on every other
