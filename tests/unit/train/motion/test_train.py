"""The trainer of the mini MDM for a few steps: it learns, stops and continues, and its model can be loaded."""

import csv
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from latentman.config import MotionConfig
from latentman.errors import ConfigError, DataError, RecordError, WeightsError
from latentman.motion.build import build
from latentman.motion.learned.ancestral import AncestralSampler
from latentman.train.__main__ import main
from latentman.train.motion.settings import MotionTraining, parse_settings, presets
from latentman.train.motion.train import begin, feature_weights, learning_rate, load_data, losses, text_check, train

pytestmark = pytest.mark.slow


def settings(out: Path, **changes: object) -> MotionTraining:
    pairs = {"data": "procedural", "out": str(out), "preset": "smoke", "device": "cpu", **changes}
    return parse_settings([f"{key}={value}" for key, value in pairs.items()])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    assert train(settings(out, steps=120, log_every=40, learning_rate=0.005)) == out / "model"
    return out


def test_the_loss_falls(trained: Path) -> None:
    rows = list(csv.DictReader((trained / "log.csv").read_text(encoding="utf-8").splitlines()))
    assert [int(row["step"]) for row in rows] == [40, 80, 120]
    assert float(rows[-1]["right"]) < 0.97 * float(rows[0]["right"])
    assert float(rows[-1]["right"]) < float(rows[-1]["wrong"])


def test_the_finished_model_is_a_motion_source(trained: Path) -> None:
    source = build(MotionConfig(name="mdm", checkpoint=str(trained / "model"), num_inference_steps=4))
    motion = source("a person walks", num_frames=20, seed=0)
    again = source("a person walks", num_frames=20, seed=0)
    assert motion.joints.shape[0] >= 20
    assert np.isfinite(motion.joints).all()
    np.testing.assert_array_equal(motion.joints, again.joints)
    assert np.abs(motion.joints - source("a person walks", num_frames=20, seed=1).joints).max() > 1e-3


def test_the_finished_model_has_the_official_layout(trained: Path) -> None:
    folder = trained / "model"
    args = json.loads((folder / "args.json").read_text(encoding="utf-8"))
    assert (args["arch"], args["mask_frames"], args["use_ema"], args["diffusion_steps"]) == (
        "trans_enc",
        True,
        True,
        20,
    )
    recipe = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert recipe["steps_done"] == 120
    assert not {"data", "out"} & recipe.keys()  # a distributed model must not contain local paths
    (weights,) = folder.glob("model*.pt")
    assert weights.name == "model000000120.pt"
    state = torch.load(weights, weights_only=True)["model_avg"]
    assert state["input_process.poseEmbedding.weight"].shape == (32, 263)
    assert all(value.dtype == torch.float16 for value in state.values())


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    straight, pieces = tmp_path / "straight", tmp_path / "pieces"
    train(settings(straight, steps=12, save_every=5))
    assert train(settings(pieces, steps=12, save_every=5, minutes=1e-9)) is None
    step = torch.load(pieces / "state.pt", weights_only=True)["step"]
    assert step == 1
    train(settings(pieces, steps=12, save_every=5))
    one, other = (torch.load(p / "model" / "model000000012.pt", weights_only=True) for p in (straight, pieces))
    for name, value in one["model_avg"].items():
        torch.testing.assert_close(value, other["model_avg"][name], rtol=0, atol=0)


def test_a_folder_of_another_training_is_refused(tmp_path: Path) -> None:
    train(settings(tmp_path, steps=5, save_every=5))
    with pytest.raises(ConfigError, match=r"other settings: layers was 2 and is 3"):
        train(settings(tmp_path, steps=5, layers=3))


def test_a_damaged_checkpoint_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError, match=r"state.pt.*delete it to restart"):
        train(settings(tmp_path, steps=5))
    assert (tmp_path / "state.pt").read_bytes() == b"not a checkpoint"


def test_a_full_disk_keeps_the_previous_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(settings(tmp_path, steps=5, save_every=5))
    before = (tmp_path / "state.pt").read_bytes()

    def full(content: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RecordError, match="No space left on device"):
        train(settings(tmp_path, steps=10, save_every=5))
    assert (tmp_path / "state.pt").read_bytes() == before


def test_the_error_counts_only_valid_frames() -> None:
    clean = torch.zeros(2, 263, 1, 10)
    predicted = torch.zeros(2, 263, 1, 10)
    predicted[0, :, :, 6:] = 100.0
    lengths = torch.tensor([6, 10])
    assert [x.item() for x in losses(predicted, clean, lengths)] == [0.0, 0.0]
    predicted[1, 5, 0, 3] = 2.0
    error, change = losses(predicted, clean, lengths)
    assert error.item() == pytest.approx(4.0 * feature_weights()[5].item() / (16 * 263))
    assert change.item() == pytest.approx(2 * 4.0 / (14 * 63))


def test_the_rate_warms_up_and_decays_to_a_fiftieth(tmp_path: Path) -> None:
    cfg = settings(tmp_path, steps=100, warmup=10, learning_rate=0.001)
    rates = [learning_rate(step, cfg) for step in range(101)]
    assert rates[0] == pytest.approx(0.0001)
    assert max(rates) == pytest.approx(0.001, rel=0.03)
    assert rates[100] == pytest.approx(0.00002)
    assert all(a >= b for a, b in pairwise(rates[11:]))


def test_the_text_check_detects_a_model_that_ignores_its_text(tmp_path: Path) -> None:
    cfg = settings(tmp_path)
    data = load_data(cfg)
    learner = begin(cfg, data, "cpu")
    torch.nn.init.zeros_(learner.model_average.embed_text.weight)
    errors = text_check(learner, data, AncestralSampler.make(cfg.diffusion_steps), cfg)
    assert errors["right"] == pytest.approx(errors["wrong"], rel=1e-6)


@pytest.mark.parametrize("name", presets())
def test_every_preset_states_its_purpose_and_is_complete(name: str, tmp_path: Path) -> None:
    assert len(presets()[name]) > 20
    assert parse_settings([f"preset={name}", "data=procedural", f"out={tmp_path}"]).steps > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["steps=3"], r"needs data=\.\.\."),
        (["data=x", "out=y", "stepps=3"], r"'stepps=3' is not a setting; did you mean 'steps'\?"),
        (["data=x", "out=y", "nonsense"], "'nonsense' is not a setting"),
        (["data=x", "out=y", "steps=many"], "many"),
        (["data=x", "out=y", "preset=gpu"], "preset='gpu' is unknown"),
        (["data=x", "out=y", "batch=0"], "batch=0 must be 1 or more"),
        (["data=x", "out=y", "frames=400"], "frames=400 must be between 8 and 196"),
        (["data=x", "out=y", "num_heads=3"], "latent_dim=320 must be a multiple of"),
        (["data=x", "out=y", "balance=2"], "balance=2"),
    ],
)
def test_invalid_settings_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_settings(arguments)


def test_a_missing_device_is_refused(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ConfigError, match="device=cuda: this machine has no CUDA device"):
        train(settings(tmp_path, device="cuda"))


def test_a_folder_without_motions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder of training motions"):
        train(settings(tmp_path, data=tmp_path))


def test_the_command_lists_what_it_can_train(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "prepare-bvh" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"'motoin' is unknown; did you mean 'motion'\?"):
        main(["motoin"])


def test_the_command_trains_and_reports_where_the_model_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["motion", "data=procedural", f"out={tmp_path}", "preset=smoke", "steps=5", "device=cpu"]) == 0
    assert str(tmp_path / "model") in capsys.readouterr().out
