"""LoRAs in every spelling change the weights by scale (alpha / rank) up down, and nothing else."""

import copy
import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from latentman.config import SetupConfig
from latentman.config.setup import LoraConfig
from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import anchored
from latentman.errors import WeightsError
from latentman.networks.load import load_backbone
from latentman.networks.lora import FoundLora, fuse_loras
from latentman.networks.resolved import check_setup, resolve_setup
from tests.factories.families import family_setup, save_family
from tests.factories.original_names import original_unet_name
from tests.factories.tiny_model import ONE_CONTROLNET

CPU = torch.device("cpu")
RANK = 3


@pytest.fixture(scope="module")
def plain(folder):
    return load_backbone(family_setup(folder), ONE_CONTROLNET, CPU)


def networks_of(backbone):
    found = {"unet": backbone.unet, "text_encoder": backbone.text_encoder}
    return found | ({"text_encoder_2": backbone.text_encoder_2} if backbone.text_encoder_2 is not None else {})


@pytest.fixture(scope="module")
def matrices(plain):
    """(network, layer) -> (down, up) of some layers of every sort: attention, feed forward, convolution, text."""
    generator, chosen = torch.Generator().manual_seed(5), {}
    wanted = ("attn1.to_q", "attn1.to_out.0", "attn2.to_v", "ff.net.2", "proj_in", "conv1", "conv_shortcut",
              "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj", "self_attn.q_proj", "mlp.fc1")  # fmt: skip
    for network, owner in networks_of(plain).items():
        for name, module in owner.named_modules():
            if isinstance(module, nn.Linear | nn.Conv2d) and name.endswith(wanted):
                out, into, *kernel = module.weight.shape
                down = torch.randn(RANK, into, *kernel, generator=generator)
                up = torch.randn(out, RANK, *([1] * len(kernel)), generator=generator)
                chosen[network, name] = (down, up)
    assert len(chosen) > 40
    return chosen


KOHYA = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}
OLD = {"q_proj": "to_q", "to_q": "to_q", "to_v": "to_v", "to_out.0": "to_out"}


def text_name(network, layer):
    return layer if network == "unet" or layer.startswith("text_model.") else f"text_model.{layer}"


def kohya(matrices, plain, *, original=False):
    tensors = {}
    for (network, layer), (down, up) in matrices.items():
        name = text_name(network, layer)
        if original and network == "unet":
            name = original_unet_name(layer, plain.unet.config)
        prefix = KOHYA[network] + name.replace(".", "_")
        if plain.text_encoder_2 is None:
            prefix = prefix.replace("lora_te1_", "lora_te_")
        tensors[f"{prefix}.lora_down.weight"], tensors[f"{prefix}.lora_up.weight"] = down, up
        tensors[f"{prefix}.alpha"] = torch.tensor(1.5)
    return tensors, 1.5, {}


def kohya_original(matrices, plain):
    """As trained on SDXL, whose UNet has the first code's names there."""
    return kohya(matrices, plain, original=True)


def peft(matrices, plain):
    tensors = {}
    for (network, layer), (down, up) in matrices.items():
        name = f"{network}.{text_name(network, layer)}"
        tensors[f"{name}.lora_A.weight"], tensors[f"{name}.lora_B.weight"] = down, up
    return tensors, RANK, {}


def peft_with_alpha(matrices, plain):
    words = {f"{network}.{key}": value for network in KOHYA for key, value in (("lora_alpha", 6), ("r", RANK))}
    return peft(matrices, plain)[0], 6, {"lora_adapter_metadata": json.dumps(words)}


def old_diffusers(matrices, plain):
    """Attention processors held the matrices; text encoders had their own ending."""
    tensors = {}
    for (network, layer), (down, up) in matrices.items():
        name = f"{network}.{text_name(network, layer)}"
        end = next((end for end in OLD if layer.endswith(end)), None)
        if end is not None:
            owner = name.removesuffix(f".{end}")
            prefix = f"{owner}.processor.{OLD[end]}_lora" if network == "unet" else f"{owner}.{OLD[end]}_lora"
        else:
            prefix = f"{name}.lora" if network == "unet" else f"{name}.lora_linear_layer"
        tensors[f"{prefix}.down.weight"], tensors[f"{prefix}.up.weight"] = down, up
    return tensors, RANK, {}


@pytest.mark.slow
@pytest.mark.parametrize("spelling", [kohya, kohya_original, peft, peft_with_alpha, old_diffusers])
def test_every_spelling_changes_the_weights_by_the_same_product(plain, matrices, tmp_path, spelling):
    tensors, alpha, words = spelling(matrices, plain)
    save_file(tensors, tmp_path / "lora.safetensors", metadata=words)
    changed = copy.deepcopy(networks_of(plain))
    fuse_loras([FoundLora(tmp_path / "lora.safetensors", 0.7)], changed)
    for network, owner in networks_of(plain).items():
        after = changed[network].state_dict()
        for key, before in owner.state_dict().items():
            pair = matrices.get((network, key.removesuffix(".weight")))
            if pair is None or not key.endswith(".weight"):
                assert torch.equal(after[key], before), key
                continue
            down, up = pair
            expected = before + 0.7 * alpha / RANK * sum(
                up[:, r].reshape(-1, *[1] * (before.ndim - 1)) * down[r][None] for r in range(RANK)
            )
            assert torch.allclose(after[key], expected, atol=1e-4), key


@pytest.fixture
def lora(matrices, plain, tmp_path):
    def save(change=lambda tensors: tensors):
        save_file(change(dict(peft(matrices, plain)[0])), tmp_path / "lora.safetensors")
        return LoraConfig(str(tmp_path / "lora.safetensors"))

    return save


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sd15"], indirect=True, scope="module")
def test_two_loras_add_up_and_opposite_ones_cancel(folder, plain, lora):
    one, other = lora(), lora()
    other.scale = -1.0
    both = load_backbone(family_setup(folder, loras=[one, other]), ONE_CONTROLNET, CPU)
    for key, before in plain.unet.state_dict().items():
        assert torch.allclose(both.unet.state_dict()[key], before, atol=1e-5), key


@pytest.mark.slow
def test_processors_stay_ours(folder, lora):
    backbone = load_backbone(family_setup(folder, loras=[lora()]), ONE_CONTROLNET, CPU)
    with anchored({"unet": backbone.unet}, Anchor()) as installed:
        installed.check()
        assert len(installed.layers) == sum(name.endswith("attn1") for name, _ in backbone.unet.named_modules())


def wrong_shape(tensors):
    first = sorted(name for name in tensors if "attn1.to_q.lora_A" in name)[0]
    return tensors | {first: torch.zeros(RANK, 7)}


def unknown_layer(tensors):
    return tensors | {"unet.down_blocks.7.attentions.0.to_q.lora_A.weight": torch.zeros(RANK, 8)}


def half(tensors):
    return {name: tensor for name, tensor in tensors.items() if "lora_B" not in name}


def of_no_dimension(tensors):
    first = sorted(name for name in tensors if "attn1.to_q.lora_A" in name)[0]
    return tensors | {first: torch.tensor(1.0)}


def empty(tensors):
    first = sorted(name for name in tensors if "attn1.to_q.lora_A" in name)[0]
    return tensors | {first: torch.zeros(0, 8), first.replace("lora_A", "lora_B"): torch.zeros(8, 0)}


def another_kind(tensors):
    return tensors | {"unet.down_blocks.0.attn1.to_q.hada_w1_a": torch.zeros(2, 2)}


@pytest.mark.parametrize("family", ["sd15"], indirect=True, scope="module")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wrong_shape, r"attn1\.to_q\.lora_A\.weight \(3, 7\).* do not make a change of the layer's weight"),
        (unknown_layer, r"no layer for unet\.down_blocks\.7\.attentions\.0\.to_q\.lora_A\.weight"),
        (of_no_dimension, r"lora_A\.weight \(\) and .* are not two matrices or two convolutions"),
        (empty, r"lora_A\.weight \(0, 8\) is empty"),
        (half, r"lora_A\.weight has no up matrix next to it"),
        (another_kind, r"hada_w1_a does not belong to a plain LoRA"),
        (lambda tensors: {}, "holds no tensors of a LoRA"),
    ],
)
def test_a_lora_that_does_not_match_is_refused_before_weights_load(folder, lora, change, message):
    with pytest.raises(WeightsError, match=message):
        check_setup(family_setup(folder, loras=[lora(change)]), ONE_CONTROLNET)


@pytest.mark.slow
def test_a_lora_of_another_family_is_refused(folder, family, lora, tmp_path):
    save_family(tmp_path / "other", {"sd15": "sdxl", "sdxl": "sd15"}[family])
    with pytest.raises(WeightsError, match=r"does not match this model"):
        check_setup(family_setup(tmp_path / "other", loras=[lora()]), ONE_CONTROLNET)


@pytest.mark.parametrize("family", ["sd15"], indirect=True, scope="module")
@pytest.mark.parametrize("name", ["lora.pt", "nothing.safetensors"])
def test_a_pickled_or_missing_file_is_refused(folder, tmp_path, name):
    (tmp_path / "lora.pt").write_bytes(b"\x80\x02")
    with pytest.raises(WeightsError, match=r"setup\.loras: .*(is pickled|there is no file)"):
        check_setup(family_setup(folder, loras=[LoraConfig(str(tmp_path / name))]), ONE_CONTROLNET)


@pytest.mark.parametrize("family", ["sd15"], indirect=True, scope="module")
def test_the_record_distinguishes_loras(folder, lora):
    setup: SetupConfig = family_setup(folder, loras=[lora()])
    assert set(resolve_setup(setup, ONE_CONTROLNET).digests) == {"model", "lora_0"}
