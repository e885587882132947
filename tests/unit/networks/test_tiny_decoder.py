"""A tiny decoder is loaded with its setup, and refused where it decodes another model's latents."""

from dataclasses import replace

import pytest
import torch

from latentman.engine.compose import compose
from latentman.errors import ConfigError, WeightsError
from latentman.networks.load import load_backbone
from latentman.networks.resolved import check_setup, resolve_setup
from latentman.networks.tiny_decoder import MIN_PSNR, agreement
from latentman.system.paths import asset
from tests.factories.tiny_model import ONE_CONTROLNET, tiny_setup

CPU = torch.device("cpu")


def save_tiny_decoder(folder, *, levels=4, channels=4):
    from diffusers import AutoencoderTiny

    torch.manual_seed(0)
    sizes = {
        "encoder_block_out_channels": (4,) * levels, "decoder_block_out_channels": (4,) * levels,
        "num_encoder_blocks": (0,) * levels, "num_decoder_blocks": (1,) + (0,) * (levels - 1),
    }  # fmt: skip
    AutoencoderTiny(latent_channels=channels, **sizes).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"levels": 3}, r"setup\.tiny_decoder: .* another latent space: its latents have 4 pixels a cell, .* 8"),
        ({"channels": 16}, r"its latents have 16 channels, the model's 4; .*pwg\.decoder=full"),
    ],
)
def test_other_shapes_of_latents_are_refused_before_anything_is_loaded(tiny_folder, tmp_path, sizes, message):
    setup = replace(tiny_setup(tiny_folder), tiny_decoder=save_tiny_decoder(tmp_path / "tiny", **sizes))
    with pytest.raises(WeightsError, match=message):
        check_setup(setup, ONE_CONTROLNET)


def test_missing_weights_are_refused_before_anything_is_loaded(tiny_folder, tmp_path):
    setup = replace(tiny_setup(tiny_folder), tiny_decoder=save_tiny_decoder(tmp_path / "tiny"))
    (tmp_path / "tiny" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"tiny is incomplete: diffusion_pytorch_model\.safetensors is missing"):
        check_setup(setup, ONE_CONTROLNET)


def test_latents_of_the_same_shape_from_another_model_are_refused_by_decoding(tiny_folder, tmp_path):
    """The tiny decoder is random, so what it shows has nothing to do with the VAE's pictures."""
    folder = save_tiny_decoder(tmp_path / "tiny")
    from diffusers import AutoencoderTiny

    tiny = AutoencoderTiny.from_pretrained(folder)
    torch.nn.init.constant_(tiny.decoder.layers[-1].bias, 2.0)  # all white
    tiny.save_pretrained(folder)
    setup = replace(tiny_setup(tiny_folder), tiny_decoder=folder)
    with pytest.raises(WeightsError, match=r"made for other latents .* dB from the VAE, and at least 14 dB"):
        load_backbone(setup, ONE_CONTROLNET, CPU)


def test_the_shipped_one_agrees_with_the_shipped_vae_and_not_with_turned_latents():
    from diffusers import AutoencoderKL, AutoencoderTiny

    vae = AutoencoderKL.from_pretrained(asset("mini-sd", "vae"), torch_dtype=torch.float32)
    tiny = AutoencoderTiny.from_pretrained(asset("mini-decoder"), torch_dtype=torch.float32)
    assert agreement(tiny, vae) > MIN_PSNR + 4
    first = tiny.decoder.layers[0]
    first.weight.data = first.weight.data.roll(1, dims=1)  # what the channels mean is now another channel's
    assert agreement(tiny, vae) < MIN_PSNR


def test_only_a_run_that_decodes_with_it_asks_for_it():
    for overrides, is_used in ([], False), (["pwg.decoder=tiny"], True), (["pwg.decoder=tiny", "pwg=none"], False):
        config = compose(overrides)
        digests = resolve_setup(config.setup_in_use, config.conditioner).digests
        assert ("tiny_decoder" in digests) == is_used


def test_a_setup_without_one_is_refused_in_words():
    with pytest.raises(ConfigError, match=r"pwg\.decoder=tiny: setup=mini names no tiny decoder .*pwg\.decoder=full"):
        compose(["pwg.decoder=tiny", "setup.tiny_decoder=null"])
