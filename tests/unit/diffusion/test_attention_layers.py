"""Which self-attention layers follow the anchor."""

import pytest
import torch

from latentman.diffusion.attention_layers import AnchorRule, layers_that_follow, self_attention_layers
from latentman.errors import ConfigError

CPU = torch.device("cpu")


@pytest.mark.slow
def test_masactrl_takes_the_decoder_of_every_family(loaded, family):
    layers = self_attention_layers(loaded.unet)
    assert len(layers) == {"sd15": 16, "sdxl": 70}[family]
    decoder = layers_that_follow(loaded.unet, AnchorRule(layers="decoder"), is_unet=True)
    # SD1.5: 10 to 15 of 16, as in MasaCtrl. SDXL: its decoder has attention at two resolutions, and 36 layers there.
    assert decoder == layers[{"sd15": 10, "sdxl": 34}[family] :]


def stable_diffusion_1_5():
    """The UNet of SD1.5 without memory: 16 self-attention layers."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)


def test_layers_of_stable_diffusion_are_numbered_as_masactrl_numbers_them():
    unet = stable_diffusion_1_5()
    names = self_attention_layers(unet)
    assert [name.split(".")[0] for name in names] == ["down_blocks"] * 6 + ["mid_block"] + ["up_blocks"] * 9
    decoder = layers_that_follow(unet, AnchorRule(layers="decoder"), is_unet=True)
    assert decoder == names[10:] == layers_that_follow(unet, AnchorRule(first_layer=10), is_unet=True)
    called = []
    for name, module in unet.named_modules():
        if name in names:
            module.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    with torch.device("meta"):
        unet(torch.zeros(1, 4, 32, 32), torch.zeros(1), torch.zeros(1, 77, 768))
    assert called == names


def test_a_first_layer_beyond_the_last_is_refused(backbone):
    with pytest.raises(ConfigError, match=r"sampler.first_layer=99: this UNet has \d+ self-attention layers"):
        layers_that_follow(backbone.unet, AnchorRule(first_layer=99), is_unet=True)


def test_controlnets_follow_in_every_layer_whatever_the_unet_does(backbone):
    (controlnet,) = backbone.controlnets
    rule = AnchorRule(layers="decoder", first_layer=None)
    assert layers_that_follow(controlnet, rule, is_unet=False) == self_attention_layers(controlnet) != []


UNETS = {
    "sd15": {
        "block_out_channels": (320, 640, 1280, 1280), "attention_head_dim": 8, "cross_attention_dim": 768,
    },
    "sdxl": {
        "block_out_channels": (320, 640, 1280), "attention_head_dim": (5, 10, 20), "cross_attention_dim": 2048,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10), "use_linear_projection": True, "sample_size": 128,
        "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}  # fmt: skip


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("family", "parameters", "layers", "decoder"),
    [("sd15", 859_520_964, 16, 10), ("sdxl", 2_567_463_684, 70, 34)],
)
def test_the_layers_that_follow_in_the_published_unets(family, parameters, layers, decoder):
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(**UNETS[family])
    assert size(unet) == parameters
    names = self_attention_layers(unet)
    assert len(names) == layers
    assert layers_that_follow(unet, AnchorRule(layers="decoder"), is_unet=True) == names[decoder:]
    assert layers_that_follow(unet, AnchorRule(first_layer=layers - 1), is_unet=True) == names[-1:]
