"""The networks of the presets, their tokenizer, the noise they learn, and the scale of the latents."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentman.errors import ConfigError, WeightsError
from latentman.train.mini.networks import (
    load_networks,
    new_controlnet,
    new_scheduler,
    new_text_encoder,
    new_unet,
    new_vae,
)
from latentman.train.mini.noising import add_noise, alphas_cumprod, min_snr_weight
from latentman.train.mini.settings import MiniTraining, parse_settings, presets
from latentman.train.mini.tokenizer import BEGIN, END, learn_merges, learn_tokenizer
from latentman.train.mini.vae import latent_statistics, standardised

CAPTION = "an astronaut with orange gloves jumps on mars"


def settings(preset: str = "cpu_smoke", **changes: object) -> MiniTraining:
    pairs = {"out": "made", "preset": preset, "device": "cpu", **changes}
    return parse_settings("vae", [f"{key}={value}" for key, value in pairs.items()])


def test_the_h100_preset_makes_files_of_less_than_60_megabytes(tmp_path: Path) -> None:
    told = settings("h100_30min")
    tokenizer = learn_tokenizer([], told.networks.vocabulary, tmp_path / "tokenizer")
    with torch.device("meta"):
        unet = new_unet(told)
        networks = [new_vae(told), unet, new_controlnet(told, unet), new_text_encoder(told, tokenizer)]
    weights = sum(p.numel() for network in networks for p in network.parameters())
    # the text encoder at its largest vocabulary, and a megabyte for headers, configurations and the tokenizer
    weights += (told.networks.vocabulary - len(tokenizer)) * told.networks.text_width
    assert 2 * weights + 1e6 < 60e6


def test_the_h100_preset_attends_to_itself_at_the_largest_level_of_the_decoder() -> None:
    with torch.device("meta"):
        unet = new_unet(settings("h100_30min"))
    assert type(unet.up_blocks[-1]).__name__ == "CrossAttnUpBlock2D"
    assert unet.config.sample_size == 64


def test_every_preset_names_its_purpose() -> None:
    assert set(presets()) == {"cpu_judges", "cpu_smoke", "h100_30min"}
    assert all(len(purpose) > 20 for purpose in presets().values())


def build(**changes: object) -> None:
    told = settings(**changes)
    new_vae(told)
    new_unet(told)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("networks.unet_channels=[50,32,32]", "make no UNet: num_channels"),
        ("networks.down_blocks=[A,B,C]", "make no UNet: A does not exist"),
        ("networks.vae_groups=7", "make no VAE"),
        ("networks.unet_heads=3", "must be multiples of unet_heads=3"),
        ("networks.text_heads=3", "networks.text_width=32 must be a multiple"),
        ("networks.vocabulary=100", "must be 514 or more"),
        ("networks.up_blocks=[UpBlock2D]", "must be equally long"),
        ("networks.control_channels=[8]", "as long as networks.vae_channels"),
        ("scenes.size=40", "multiple of"),
        ("vae.batch=0", "batch=0 must be 1 or more"),
        ("vae.steps=many", "could not be converted to Integer"),
        ("vae.learning_rate=0", "must be above 0"),
        ("t2i.text_drop=2", "text_drop=2.0 must lie between 0 and 1"),
        ("threads=0", "threads=0 must be 1 or more"),
        ("minutes=0", "minutes=0.0 must be above 0"),
        ("vae.stepps=3", r"is no setting; did you mean 'vae.steps'\?"),
        ("preset=cpu", "preset='cpu' is unknown"),
        ("precision=half", "precision='half' is unknown"),
        ("out=", "needs out="),
    ],
)
def test_a_setting_that_cannot_work_is_told(change: str, message: str) -> None:
    key, _, value = change.partition("=")
    with pytest.raises(ConfigError, match=message):
        build(**{key: value})


def test_the_same_captions_give_the_same_tokens(tmp_path: Path) -> None:
    for name in ("a", "b"):
        learn_tokenizer([CAPTION] * 3, 700, tmp_path / name / "tokenizer")
    for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        one, other = (tmp_path / name / "tokenizer" / file for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()


def test_a_caption_is_a_token_a_word_and_every_other_text_can_be_written(tmp_path: Path) -> None:
    tokenizer = learn_tokenizer([CAPTION], 2048, tmp_path / "tokenizer")
    ids = tokenizer(CAPTION).input_ids
    assert len(ids) == len(CAPTION.split()) + 2
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    for text in ("Knight in ARMOR", "naïve café", "x9!", "你好", ""):
        ids = tokenizer(text).input_ids
        assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == text.lower().replace(" ", "")
        assert ids.count(tokenizer.eos_token_id) == 1


def test_the_most_frequent_pair_is_merged_first_and_then_the_first_in_the_alphabet() -> None:
    words = Counter({("a", "b", "c</w>"): 2, ("x", "y</w>"): 3, ("a", "b</w>"): 2, ("a", "a", "a</w>"): 1})
    tokens, merges = learn_merges(words, 518)
    assert merges == [("x", "y</w>"), ("a", "b"), ("a", "b</w>"), ("ab", "c</w>")]
    assert tokens[-6:] == ["xy</w>", "ab", "ab</w>", "abc</w>", BEGIN, END]


def test_the_noise_is_that_of_the_scheduler() -> None:
    abar = alphas_cumprod("cpu")
    torch.testing.assert_close(abar, new_scheduler().alphas_cumprod, rtol=1e-5, atol=1e-7)
    latents, noise = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor([0, 500, 999])
    ours = add_noise(latents, noise, abar[levels])
    torch.testing.assert_close(ours, new_scheduler().add_noise(latents, noise, levels), rtol=1e-5, atol=1e-5)


@given(gamma=st.floats(0.5, 20), level=st.integers(0, 999))
def test_no_noise_level_weighs_more_than_one_and_high_noise_weighs_one(gamma: float, level: int) -> None:
    abar = alphas_cumprod("cpu")[level : level + 1]
    weight = min_snr_weight(abar, gamma).item()
    ratio = (abar / (1 - abar)).item()
    assert weight == pytest.approx(min(1.0, gamma / ratio), rel=1e-4)


def test_standardised_latents_have_no_mean_and_unit_variance_and_decode_to_the_same_pictures() -> None:
    torch.manual_seed(3)
    vae = new_vae(settings()).eval().requires_grad_(False)
    vae.quant_conv.weight *= 3
    vae.quant_conv.bias += 2
    images = torch.randint(256, (6, 3, 64, 64), dtype=torch.uint8)
    changed = standardised(vae, *latent_statistics(vae, images))
    mean, spread = latent_statistics(changed, images)
    torch.testing.assert_close(mean, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-5)
    torch.testing.assert_close(spread, torch.ones(4, dtype=torch.float64), rtol=1e-5, atol=0)
    assert changed.config.scaling_factor == 1.0
    shown = images.float() / 127.5 - 1
    before, after = vae.encode(shown).latent_dist, changed.encode(shown).latent_dist
    torch.testing.assert_close(changed.decode(after.mean).sample, vae.decode(before.mean).sample, rtol=0, atol=1e-4)
    # the spread of the posterior is on the new scale as well
    noise = torch.randn(before.mean.shape)
    one, other = (
        network.decode(posterior.mean + posterior.std * noise).sample
        for network, posterior in ((vae, before), (changed, after))
    )
    torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


def test_a_folder_that_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is no network"):
        load_networks(tmp_path, "cpu")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("vae.steps=-3", r"^vae\.steps=-3 must be 1 or more"),
        ("t2i.text_drop=2", r"^t2i\.text_drop=2\.0 must lie between 0 and 1"),
        ("vae.steps=abc", r"vae\.steps: .*could not be converted to Integer"),
        ("vae.step=3", r"'vae\.step=3' is no setting; did you mean 'vae\.steps'"),
        ("vae=3", r"'vae=3' is no setting"),
        ("workers=0", r"^workers=0 must be 1 or more"),
        ("minutes=-1", r"^minutes=-1\.0 must be above 0"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_its_whole_key(tmp_path: Path, argument: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_settings("vae", [f"out={tmp_path}", "preset=cpu_smoke", argument])
