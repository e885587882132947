"""LPIPS with random weights of the official shapes, against a direct implementation of its definition."""

import numpy as np
import pytest
import torch
from torch import nn

from latentman.errors import WeightsError
from latentman.metrics.likeness import lpips_aligned, lpips_frames
from latentman.metrics.lpips import LINEAR, TRUNK, load_lpips, why_missing
from tests.factories.lpips_weights import LAYERS, write_lpips


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lpips")
    return (folder, *write_lpips(folder))


@pytest.fixture(scope="module")
def network(weights):
    return load_lpips(weights[0])


def reference(trunk, rows, a, b):
    """AlexNet's features as torchvision builds them, and the distance channel by channel in loops."""
    layers = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(),
        nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(), nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(),
    )  # fmt: skip
    layers.load_state_dict({name.removeprefix("features."): tensor for name, tensor in trunk.items()})
    total, maps = 0.0, np.zeros(a.shape[:2])
    x, y = (
        ((torch.from_numpy(p.astype(np.float32)).permute(2, 0, 1) / 127.5 - 1)
         - torch.tensor([-0.030, -0.088, -0.188])[:, None, None])
        / torch.tensor([0.458, 0.448, 0.450])[:, None, None]
        for p in (a, b)
    )  # fmt: skip
    depth = 0
    with torch.no_grad():
        for layer in layers:
            x, y = layer(x), layer(y)
            if isinstance(layer, nn.ReLU):
                row, place = rows[f"lin{depth}.model.1.weight"][0, :, 0, 0], torch.zeros(x.shape[1:])
                for r in range(x.shape[1]):
                    for c in range(x.shape[2]):
                        u, v = (f[:, r, c] / (f[:, r, c].norm() + 1e-10) for f in (x, y))
                        place[r, c] = sum(row * (u - v) ** 2)
                total += float(place.mean())
                maps += nn.Upsample(a.shape[:2], mode="bilinear")(place[None, None])[0, 0].numpy()
                depth += 1
    assert depth == len(LAYERS)
    return total, maps


def pictures(height=64, width=80, seed=0, noise=40):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return a, np.clip(a + rng.integers(-noise, noise + 1, a.shape), 0, 255).astype(np.uint8)


def test_the_distance_equals_its_definition(weights, network):
    a, b = pictures()
    value, maps = reference(weights[1], weights[2], a, b)
    assert value > 0.01
    assert network.value(a, b) == pytest.approx(value, rel=1e-4)
    assert np.abs(network.distance(a, b) - maps).max() < 1e-4 * maps.max()


def test_a_picture_has_distance_zero_from_itself_and_more_noise_means_more_distance(network):
    a, little = pictures(noise=10)
    _, much = pictures(noise=120)
    assert network.value(a, a) == 0
    assert 0 < network.value(a, little) < network.value(a, much)
    assert network.value(a, little) == pytest.approx(network.value(little, a), rel=1e-5)


def test_each_frame_is_compared_with_the_previous_one(network):
    frames = np.stack([pictures(seed=i)[0] for i in range(3)])
    score = lpips_frames(frames, network)
    assert score.per_pair == pytest.approx([network.value(frames[1], frames[0]), network.value(frames[2], frames[1])])
    assert score.value == pytest.approx(np.mean(score.per_pair))
    assert lpips_frames(np.repeat(frames[:1], 3, axis=0), network).value == 0


def test_pictures_that_are_too_small_have_a_reason_instead_of_a_score(network):
    score = lpips_frames(np.zeros((2, 63, 200, 3), np.uint8), network)
    assert score.value is None
    assert "at least 64x64 pixels, these have 63x200" in score.reason


def test_the_aligned_distance_depends_on_the_figure_only(network):
    from latentman.metrics.judge import Flow, Judge
    from tests.factories.maps import random_map

    rows, cols = np.mgrid[16:48, 16:48]
    pixel = np.stack([rows.ravel(), cols.ravel()], -1).astype(np.int32)
    flow = Flow(pixel, pixel + np.array([3.0, -2.0]))
    judge = Judge(64, (flow,), random_map(0, frames=2, size=64), (flow,))
    before = pictures(64, 64)[0]
    now = pictures(64, 64, seed=9)[0]
    now[16:48, 16:48] = before[19:51, 14:46]
    steady = np.stack([before, now])
    assert lpips_aligned(steady, judge, network).value == pytest.approx(0, abs=1e-6)
    assert lpips_frames(steady, network).value > 0.1
    torn = steady.copy()
    torn[1, 16:48, 16:48] = (
        np.random.default_rng(3).permutation(torn[1, 16:48, 16:48].reshape(-1, 3)).reshape(32, 32, 3)
    )
    assert lpips_aligned(torn, judge, network).value > 0.05


def test_missing_files_are_named_with_instructions_to_get_them(tmp_path):
    assert f"{TRUNK} and {LINEAR}" in why_missing(tmp_path)
    write_lpips(tmp_path)
    (tmp_path / f"{TRUNK}.pth").unlink()
    with pytest.raises(WeightsError, match=rf"no LPIPS weights {TRUNK} in .*torchvision.*metrics.lpips"):
        load_lpips(tmp_path)


def test_safetensors_files_are_also_read(tmp_path, network):
    from safetensors.torch import save_file

    trunk, rows = write_lpips(tmp_path)
    for name, held in ((TRUNK, trunk), (LINEAR, rows)):
        (tmp_path / f"{name}.pth").unlink()
        save_file({key: tensor.contiguous() for key, tensor in held.items()}, tmp_path / f"{name}.safetensors")
    assert load_lpips(tmp_path).value(*pictures()) == network.value(*pictures())


def test_tensors_of_other_shapes_and_damaged_files_are_refused(tmp_path):
    trunk, _ = write_lpips(tmp_path)
    torch.save({**trunk, "features.3.weight": torch.zeros(1)}, tmp_path / f"{TRUNK}.pth")
    with pytest.raises(WeightsError, match=r"features\.3\.weight has shape \(1,\).*\(192, 64, 5, 5\)"):
        load_lpips(tmp_path)
    (tmp_path / f"{TRUNK}.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError, match=r"cannot read .*fetch it again"):
        load_lpips(tmp_path)


class Trap:
    def __reduce__(self):
        return (__import__("os").system, ("false",))


def test_a_file_with_code_is_refused_and_its_code_never_runs(tmp_path):
    write_lpips(tmp_path)
    torch.save({"features.0.weight": Trap()}, tmp_path / f"{TRUNK}.pth")
    with pytest.raises(WeightsError, match=r"is refused: besides tensors it holds .*system"):
        load_lpips(tmp_path)
