"""Networks that do not fit together are refused, with both sizes."""

import json
import shutil

import pytest

from latentman.config import ConditionerConfig, NetConfig
from latentman.errors import ConfigError, WeightsError
from latentman.networks.resolved import check_setup
from tests.factories.families import (
    family_setup,
    make_adapter,
    make_controlnet,
    make_unet,
    one_adapter,
    save_net,
)
from tests.factories.tiny_model import ONE_CONTROLNET


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cross_attention_dim": 40}, r"cross_attention_dim is 40, the unet's 24"),
        ({"block_out_channels": (16, 32, 32, 16)}, r"block_out_channels is .* the unet's .*"),
        ({"in_channels": 9}, r"in_channels is 9, the unet's 4"),
    ],
)  # fmt: skip
def test_a_controlnet_of_another_family_is_refused(sd15_folder, tmp_path, changes, message):
    model = save_net(tmp_path / "other", make_controlnet(make_unet("sd15", **changes)))
    conditioner = ConditionerConfig(name="multi_controlnet", nets=[NetConfig(), NetConfig(kind="pose", model=model)])
    with pytest.raises(WeightsError, match=rf"conditioner.nets\[1\].model: the pose ControlNet .*{message}"):
        check_setup(family_setup(sd15_folder), conditioner)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"channels": [16, 16, 32, 32]}, r"channels is \[16, 16, 32, 32\], this unet needs \[16, 32, 32, 32\]"),
     ({"downscale_factor": 16}, r"downscale_factor is 16, this unet needs 8")],
)  # fmt: skip
def test_an_adapter_of_another_family_is_refused(sd15_folder, tmp_path, changes, message):
    conditioner = one_adapter(save_net(tmp_path / "other", make_adapter("sd15", **changes)))
    with pytest.raises(WeightsError, match=rf"the depth T2I-Adapter .*{message}"):
        check_setup(family_setup(sd15_folder), conditioner)


@pytest.fixture
def copied(sd15_folder, tmp_path):
    return shutil.copytree(sd15_folder, tmp_path / "copied")


def resave(folder, component, network):
    shutil.rmtree(folder / component)
    network.save_pretrained(folder / component)


def test_a_unet_for_inpainting_is_refused(copied):
    resave(copied, "unet", make_unet("sd15", in_channels=9))
    with pytest.raises(WeightsError, match=r"takes 9 channels in, but its vae's latents have 4.*inpainting"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


def test_a_text_encoder_of_another_width_is_refused(copied):
    resave(copied, "unet", make_unet("sd15", cross_attention_dim=40))
    with pytest.raises(WeightsError, match="texts 40 wide, but its text encoder gives 24;"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


def test_a_unet_that_reads_something_else_is_refused(copied):
    config = copied / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"addition_embed_type": "image"}))
    with pytest.raises(WeightsError, match="reads addition_embed_type=image"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


@pytest.mark.slow
def test_a_second_text_encoder_of_another_width_is_refused(sdxl_folder, tmp_path):
    copied = shutil.copytree(sdxl_folder, tmp_path / "copied")
    resave(copied, "unet", make_unet("sdxl", projection_class_embeddings_input_dim=6 * 8 + 24))
    with pytest.raises(WeightsError, match=r"takes 72 added values, but .* make 20 \+ 48"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


@pytest.mark.parametrize(
    ("image", "latent", "message"),
    [(128, 32, "set setup.latent_size=16"), (192, 24, None), (144, 18, "must be a multiple of 64, such as 128"),
     (132, 33, "does not divide into latent cells of 8")],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused_before_weights_load(sd15_folder, image, latent, message):
    setup = family_setup(sd15_folder)
    setup.image_size, setup.latent_size = image, latent
    if message is None:
        check_setup(setup, ONE_CONTROLNET)
        return
    with pytest.raises(ConfigError, match=message):
        check_setup(setup, ONE_CONTROLNET)
