"""GMD's network, its projection and the imputation of a path, against slow implementations."""

import numpy as np
import pytest
import torch

from latentman.errors import DataError, ShapeError
from latentman.motion.humanml3d import Statistics, features, recover
from latentman.motion.learned.ancestral import AncestralSampler, guided
from latentman.motion.learned.gmd import GMD, TRAJECTORY, GMDShape, Projection, follow_path, recover_absolute
from tests.factories import naive_networks
from tests.factories.motion_checkpoints import HUMANML_STD, SMALL_GMD, TEXT_WIDTH, seeded


def shapes(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


@pytest.fixture
def projection() -> Projection:
    matrix = np.random.default_rng(0).standard_normal((263, 263)) / 16
    statistics = Statistics(np.linspace(-1, 1, 263), HUMANML_STD.astype(np.float64))
    return Projection.make(statistics, matrix, np.linalg.inv(matrix))


@pytest.mark.parametrize(
    ("shape", "parameters", "tensors"), [(GMDShape(), 232_719_111, 190), (TRAJECTORY, 7_761_348, 148)]
)
def test_the_released_networks_have_the_known_number_of_parameters(shape, parameters, tensors):
    with torch.device("meta"):
        network = GMD(shape)
    assert sum(p.numel() for p in network.unet.parameters()) == parameters
    assert len(network.unet.state_dict()) == tensors


@pytest.mark.parametrize("shape", [GMDShape(), TRAJECTORY, SMALL_GMD], ids=lambda shape: shape.name)
def test_sizes_are_read_from_the_tensors(shape):
    with torch.device("meta"):
        assert GMDShape.from_keys(shapes(GMD(shape))) == shape


def test_the_network_equals_a_slow_implementation():
    network = seeded(lambda: GMD(SMALL_GMD)).double()
    motion, text = torch.randn(1, 263, 1, 30, dtype=torch.float64), torch.randn(1, TEXT_WIDTH, dtype=torch.float64)
    with torch.no_grad():
        naive = naive_networks.gmd(dict(network.state_dict()), motion[0, :, 0].T, 12, text, levels=3)
        found = network(motion, torch.tensor([12]), text)
    torch.testing.assert_close(found[0, :, 0].T, naive, rtol=1e-5, atol=1e-5)  # the sinusoids are in single precision


def test_more_than_224_frames_are_refused():
    network = seeded(lambda: GMD(SMALL_GMD))
    with pytest.raises(ShapeError, match="at most 224 frames, got 225"):
        network(torch.zeros(1, 263, 1, 225), torch.tensor([0]), torch.zeros(1, TEXT_WIDTH))


def test_decoding_inverts_the_projection(projection):
    values = torch.randn(5, 263, dtype=torch.float64)
    torch.testing.assert_close(projection.decode(projection.encode(values)), values)


def test_matrices_that_are_not_inverses_are_refused():
    statistics = Statistics(np.zeros(263), np.ones(263))
    with pytest.raises(DataError, match=r"inv_rand_proj.npy is not the inverse of rand_proj.npy"):
        Projection.make(statistics, np.eye(263), 2 * np.eye(263))
    with pytest.raises(ShapeError, match=r"rand_proj.npy: expected \(263, 263\), got \(4, 4\)"):
        Projection.make(statistics, np.eye(4), np.eye(263))


def test_sampling_on_a_path_equals_a_slow_implementation(projection):
    torch.manual_seed(0)
    frames, known = 6, 4
    path = torch.randn(known, 2, dtype=torch.float64)
    text = torch.randn(1, 263, dtype=torch.float64)

    def network(x, steps, condition):
        return torch.tanh(x * 0.5 + condition[:, :, None, None] + steps[:, None, None, None] / 1000)

    sampler = AncestralSampler.make(1000, 7)
    denoise = follow_path(guided(network, text, 2.5), projection, path)
    found = sampler.sample(denoise, (1, 263, 1, frames), torch.Generator().manual_seed(3), dtype=torch.float64)

    abar_of = [np.cos((t / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2 for t in range(1001)]
    abar = np.cumprod([1 - min(1 - abar_of[i + 1] / abar_of[i], 0.999) for i in range(1000)])
    steps = np.round(np.linspace(0, 999, 7)).astype(int)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, 263, 1, frames, generator=generator, dtype=torch.float64)
    for i in reversed(range(7)):
        now = torch.tensor([steps[i]])
        nothing, something = network(x, now, torch.zeros_like(text)), network(x, now, text)
        x0 = nothing + 2.5 * (something - nothing)
        for frame in range(known):
            plain = (x0[0, :, 0, frame] @ projection.inverse) * projection.std + projection.mean
            plain[1], plain[2] = path[frame]
            x0[0, :, 0, frame] = ((plain - projection.mean) / projection.std) @ projection.matrix
        before = abar[steps[i - 1]] if i else 1.0
        alpha = abar[steps[i]] / before
        mean = np.sqrt(before) * (1 - alpha) / (1 - abar[steps[i]]) * x0
        mean = mean + np.sqrt(alpha) * (1 - before) / (1 - abar[steps[i]]) * x
        x = mean
        if i:
            variance = (1 - before) / (1 - abar[steps[i]]) * (1 - alpha)
            x = mean + np.sqrt(variance) * torch.randn(x.shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(found, x, rtol=1e-9, atol=1e-9)
    root = projection.decode(found[0, :, 0].T)[:, 1:3]
    torch.testing.assert_close(root[:known], path, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(root[known:], torch.zeros(2, dtype=torch.float64))


def test_absolute_features_give_the_same_joints_as_relative_ones():
    joints = np.random.default_rng(1).normal(size=(12, 22, 3)) * 0.1 + np.linspace(0, 1, 12)[:, None, None]
    relative = features(joints)
    absolute = relative.copy()
    wanted = recover(relative)
    absolute[:, 0] = np.concatenate([[0.0], np.cumsum(relative[:-1, 0])])
    absolute[:, 1:3] = wanted[:, 0, [0, 2]]
    np.testing.assert_allclose(recover_absolute(absolute), wanted, atol=1e-12)
