"""``latentman train all`` on very small pictures: every part trains and continues, and the result is a model."""

import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from latentman.config import ConditionerConfig, NetConfig, SetupConfig
from latentman.errors import ConfigError, DataError, WeightsError
from latentman.networks.load import load_backbone
from latentman.train.__main__ import main
from latentman.train.mini.networks import load_networks
from latentman.train.mini.parts import export_model, train_controlnet, train_t2i, train_vae
from latentman.train.mini.sampling import sample
from latentman.train.mini.settings import parse_settings
from latentman.train.scenes.scene_set import SceneSet

pytestmark = pytest.mark.nightly

SMALL = [
    "preset=cpu_smoke", "device=cpu", "scenes.number=24", "scenes.shard=12", "vae.steps=40",
    "t2i.steps=40", "t2i.batch=8", "controlnet.steps=20", "controlnet.batch=8", "controlnet.learning_rate=0.01",
]  # fmt: skip


@contextmanager
def show(name: str, total: int):  # type: ignore[no-untyped-def]
    yield lambda done, total: None


def settings(out: Path, *changes: str):  # type: ignore[no-untyped-def]
    return parse_settings("all", [f"out={out}", *SMALL, *changes])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mini")
    assert main(["all", f"out={out}", *SMALL]) == 0
    return out


def losses(out: Path, part: str) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / part / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("part", "share"), [("vae", 0.8), ("t2i", 0.8), ("controlnet", 1.0)])
def test_the_loss_of_every_part_falls(trained: Path, part: str, share: float) -> None:
    told = losses(trained, part)
    assert min(told[1:]) < share * told[0]


@pytest.mark.parametrize(("part", "size"), [("vae", (512, 128)), ("t2i", (384, 128)), ("controlnet", (384, 256))])
def test_every_part_writes_a_picture_of_its_results(trained: Path, part: str, size: tuple[int, int]) -> None:
    last = sorted((trained / part / "pictures").glob("*.png"))[-1]
    with Image.open(last) as picture:
        assert picture.size == size
        assert np.asarray(picture).std() > 5


def test_the_tiny_decoder_of_the_trained_vae_is_a_folder_of_diffusers(trained: Path) -> None:
    from diffusers import AutoencoderTiny

    tiny = AutoencoderTiny.from_pretrained(trained / "mini-decoder")
    assert tiny.decode(torch.randn(1, 4, 16, 16)).sample.shape == (1, 3, 64, 64)


def test_the_latents_of_the_trained_vae_are_standardised(trained: Path) -> None:
    scenes = SceneSet.open(trained / "scenes", "cpu")
    vae = load_networks(trained / "mini-sd", "cpu").vae
    latents = vae.encode(scenes.images.float() / 127.5 - 1).latent_dist.mean
    # half precision rounds the weights
    assert latents.mean((0, 2, 3)).abs().max() < 0.02
    assert (latents.std((0, 2, 3)) - 1).abs().max() < 0.02


def test_the_finished_folder_paints_and_its_controlnet_changes_the_picture(trained: Path) -> None:
    networks = load_networks(trained / "mini-sd", "cpu")
    depth = SceneSet.open(trained / "scenes", "cpu").depth[:2]
    texts = ["a red robot dances on the moon"] * 2
    told = {"latent_size": 16, "steps": 3, "guidance_scale": 5.0}
    images = sample(networks, texts, depth=depth, seeds=[1, 2], **told)
    assert images.shape == (2, 3, 64, 64)
    assert images.min() >= 0
    assert images.max() <= 1
    alone = sample(networks, texts[:1], depth=depth[1:], seeds=[2], **told)
    torch.testing.assert_close(images[1:], alone, rtol=0, atol=1e-4)
    assert (images - sample(networks, texts, depth=None, seeds=[1, 2], **told)).abs().max() > 1e-4


def test_the_finished_folder_is_a_setup_of_latentman(trained: Path) -> None:
    setup = SetupConfig(
        name="mini",
        model=str(trained / "mini-sd"),
        image_size=64,
        latent_size=16,
        guidance_scale=5.0,
        pwg_strength=8.0,
    )
    conditioner = ConditionerConfig("controlnet", nets=[NetConfig(kind="depth")])
    backbone = load_backbone(setup, conditioner, torch.device("cpu"))
    assert len(backbone.controlnets) == 1


def test_the_finished_folder_loads_in_diffusers_with_its_controlnet(trained: Path) -> None:
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    folder = trained / "mini-sd"
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(
        folder, controlnet=ControlNetModel.from_pretrained(folder / "controlnet")
    )
    pipeline.to(torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    shown = torch.zeros(1, 3, 64, 64)
    made = pipeline("a robot", image=shown, num_inference_steps=2, height=64, width=64, output_type="np").images
    assert made.shape == (1, 64, 64, 3)
    assert np.isfinite(made).all()


def test_the_finished_weights_are_in_half_precision_and_the_card_describes_them(trained: Path) -> None:
    for file in (trained / "mini-sd").glob("*/*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            assert {opened.get_tensor(name).dtype for name in opened.keys()} <= {torch.float16, torch.int64}  # noqa: SIM118
    card = (trained / "mini-sd" / "CARD.md").read_text(encoding="utf-8")
    for told in ("latentman train all preset=cpu_smoke seed=0", "24 pictures of 64x64", "with seed 1", "Device: CPU",
                 "scenes.number=24", "t2i.batch=8"):  # fmt: skip
        assert told in card
    assert "- t2i: 40 steps of 8 examples in " in card
    assert json.loads((trained / "training.json").read_text(encoding="utf-8"))["vae"]["steps"] == 40


def test_finished_parts_are_not_trained_again(trained: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.glob("*/state.pt")}
    assert len(before) == 6
    assert main(["all", f"out={trained}", *SMALL]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in trained.glob("*/state.pt")}


def test_a_stopped_part_ends_with_the_same_network(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "scenes").symlink_to(trained / "scenes")
    ended = [train_vae(settings(tmp_path, "minutes=1e-9"), show) for _ in range(3)]
    assert ended == [False] * 3
    assert train_vae(settings(tmp_path), show)
    file = "vae/vae/diffusion_pytorch_model.safetensors"
    assert (tmp_path / file).read_bytes() == (trained / file).read_bytes()


def test_a_part_names_a_missing_earlier_part_and_its_command(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="latentman train scenes"):
        train_vae(settings(tmp_path), show)
    with pytest.raises(DataError, match=r"t2i needs the finished vae, .* run latentman train vae out="):
        train_t2i(settings(tmp_path), show)
    (tmp_path / "vae").symlink_to(trained / "vae")
    with pytest.raises(DataError, match=r"controlnet needs the finished t2i, .* run latentman train t2i out="):
        train_controlnet(settings(tmp_path), show)
    with pytest.raises(DataError, match="export needs the finished t2i"):
        main(["export", f"out={tmp_path}", *SMALL])


def test_other_settings_for_a_finished_part_are_refused(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds a training of t2i with other settings: t2i\.batch was 8 and is 4"):
        train_t2i(settings(trained, "t2i.batch=4"), show)


def test_a_part_based_on_a_part_with_other_settings_is_refused(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds a training of t2i with other settings: t2i\.batch was 8 and is 4"):
        export_model(settings(trained, "t2i.batch=4"), show)
    with pytest.raises(ConfigError, match=r"holds a training of \w+ with other settings: .*t2i\.batch was 8 and is 4"):
        train_controlnet(settings(trained, "t2i.batch=4"), show)


def test_pictures_with_other_settings_are_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "scenes").symlink_to(trained / "scenes")
    with pytest.raises(DataError, match=r"other settings: scenes\.number was 24 and is 48; use the settings"):
        train_vae(settings(tmp_path, "scenes.number=48"), show)


def test_a_restarted_part_does_not_count_as_finished_by_its_previous_network(trained: Path, tmp_path: Path) -> None:
    for part in ("scenes", "vae"):
        (tmp_path / part).symlink_to(trained / part)
    for network in ("unet", "text_encoder"):
        (tmp_path / "t2i").mkdir(exist_ok=True)
        (tmp_path / "t2i" / network).symlink_to(trained / "t2i" / network)
    assert not train_t2i(settings(tmp_path, "minutes=1e-9"), show)
    with pytest.raises(DataError, match=r"controlnet needs the finished t2i, .* run latentman train t2i out="):
        train_controlnet(settings(tmp_path), show)


def test_a_damaged_network_of_an_earlier_part_is_named(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "scenes").symlink_to(trained / "scenes")
    (tmp_path / "vae" / "vae").mkdir(parents=True)
    for file in (trained / "vae" / "vae").iterdir():
        (tmp_path / "vae" / "vae" / file.name).write_bytes(file.read_bytes()[:2000])
    with pytest.raises(WeightsError, match=r"vae/vae cannot be read"):
        train_t2i(settings(tmp_path), show)


def test_an_unknown_part_is_reported() -> None:
    with pytest.raises(ConfigError, match=r"'contolnet' is unknown; did you mean 'controlnet'\?"):
        main(["contolnet"])
