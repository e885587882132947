"""IP-Adapter: as in diffusers' pipeline, in cross-attention only, together with our self-attention."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from latentman.config.setup import IpAdapterConfig
from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import anchored
from latentman.diffusion.decode import decode
from latentman.diffusion.denoise import Plan, denoise
from latentman.diffusion.text import encode_prompt
from latentman.errors import ConfigError, DataError, WeightsError
from latentman.networks.load import load_backbone
from latentman.networks.resolved import check_setup, resolve_setup
from tests.factories.families import depth_pictures, family_setup, make_family_frames
from tests.factories.pipelines import reference_pipeline
from tests.factories.tiny_model import ONE_CONTROLNET

CPU = torch.device("cpu")
WIDTH, PATCHES = 24, 32
"""Of the encoder's picture embedding, and of its patches."""


def plain_projection(text_width):
    """Four tokens out of one embedding."""
    return {
        "proj.weight": torch.randn(4 * text_width, WIDTH) * 0.3,
        "proj.bias": torch.zeros(4 * text_width),
        "norm.weight": torch.ones(text_width),
        "norm.bias": torch.zeros(text_width),
    }


def resampler(text_width):
    """The ``plus`` variant: four layers that read the encoder's patches."""
    inner = 64

    def matrix(out, into):
        return torch.randn(out, into) * 0.2

    def norm(name):
        return {f"{name}.weight": torch.ones(inner), f"{name}.bias": torch.zeros(inner)}

    tensors = {
        "latents": torch.randn(1, 5, inner),
        "proj_in.weight": matrix(inner, PATCHES), "proj_in.bias": torch.zeros(inner),
        "proj_out.weight": matrix(text_width, inner), "proj_out.bias": torch.zeros(text_width),
        "norm_out.weight": torch.ones(text_width), "norm_out.bias": torch.zeros(text_width),
    }  # fmt: skip
    for layer in range(4):
        tensors |= norm(f"layers.{layer}.0.norm1") | norm(f"layers.{layer}.0.norm2") | norm(f"layers.{layer}.1.0")
        tensors |= {
            f"layers.{layer}.0.to_q.weight": matrix(inner, inner),
            f"layers.{layer}.0.to_kv.weight": matrix(2 * inner, inner),
            f"layers.{layer}.0.to_out.weight": matrix(inner, inner),
            f"layers.{layer}.1.1.weight": matrix(4 * inner, inner),
            f"layers.{layer}.1.3.weight": matrix(inner, 4 * inner),
        }
    return tensors


def save_adapter(folder, unet, projection):
    """Save an adapter and its image encoder as the published ones lie on the hub."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(2)
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=PATCHES, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2,
            projection_dim=WIDTH, image_size=28, patch_size=14,
        )
    )  # fmt: skip
    encoder.save_pretrained(folder / "models" / "image_encoder")
    text_width = unet.config.cross_attention_dim
    tensors = {f"image_proj.{name}": tensor for name, tensor in projection(text_width).items()}
    # Keys count every attention of the UNet in its own order; the odd ones are cross-attention.
    layers = [name for name in unet.attn_processors if ".attn2." in name]
    for number, name in enumerate(layers):
        channels = unet.get_submodule(name.removesuffix(".processor")).to_k.weight.shape[0]
        for matrix in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * number + 1}.{matrix}.weight"] = torch.randn(channels, text_width) * 0.3
    save_file(tensors, folder / "models" / "adapter.safetensors")


@pytest.fixture(
    scope="module",
    params=[("sd15", plain_projection), pytest.param(("sdxl", resampler), marks=pytest.mark.nightly)],
    ids=["sd15", "sdxl-plus"],
)
def variant(request):
    return request.param


@pytest.fixture(scope="module")
def family(variant):
    return variant[0]


@pytest.fixture(scope="module")
def unet(folder):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel.from_pretrained(folder / "unet")


@pytest.fixture(scope="module")
def adapter(variant, unet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter")
    save_adapter(folder, unet, variant[1])
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "look.png"
    Image.fromarray(np.random.default_rng(4).integers(0, 255, (50, 70, 3), np.uint8)).save(path)
    return path


def adapter_setup(folder, adapter, picture, **more):
    cfg = IpAdapterConfig(
        **{"model": str(adapter), "subfolder": "models", "weight_name": "adapter.safetensors", "image": str(picture),
           "scale": 0.8} | more
    )  # fmt: skip
    return family_setup(folder, ip_adapter=cfg)


@pytest.fixture(scope="module")
def loaded(folder, adapter, picture):
    return load_backbone(adapter_setup(folder, adapter, picture), ONE_CONTROLNET, CPU)


@pytest.mark.slow
def test_a_frame_alone_is_the_picture_of_the_pipeline_of_diffusers(folder, family, adapter, picture, loaded):
    from transformers import CLIPVisionModelWithProjection

    frames = make_family_frames(loaded)
    ours = denoise(loaded, frames, Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=()))
    pipeline = reference_pipeline(folder, family)
    encoder = CLIPVisionModelWithProjection.from_pretrained(adapter / "models" / "image_encoder")
    pipeline.register_modules(image_encoder=encoder)
    pipeline.load_ip_adapter(
        str(adapter), subfolder="models", weight_name="adapter.safetensors", image_encoder_folder=None
    )
    pipeline.set_ip_adapter_scale(0.8)
    arguments = {
        "prompt": "a red robot", "negative_prompt": "blurry", "latents": frames.noise[:1].clone(),
        "guidance_scale": 5.0, "num_inference_steps": 2,
        "image": torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2),
        "output_type": "pt",
    }  # fmt: skip
    theirs = pipeline(**arguments, ip_adapter_image=Image.open(picture)).images
    assert (decode(loaded, ours[:1]) - theirs).abs().max() < 1e-4
    other = Image.fromarray(np.zeros((40, 40, 3), np.uint8))
    assert (pipeline(**arguments, ip_adapter_image=other).images - theirs).abs().max() > 1e-3


def test_cross_frame_attention_leaves_the_adapter_alone(loaded):
    layers = {name: processor for name, processor in loaded.unet.attn_processors.items() if ".attn2." in name}
    assert all(hasattr(processor, "to_k_ip") and processor.scale == [0.8] for processor in layers.values())
    with anchored(loaded.networks(("unet", "controlnet")), Anchor()) as installed:
        during = loaded.unet.attn_processors
        assert all(during[name] is processor for name, processor in layers.items())
        assert not any(".attn2" in name for name, _, _ in installed.layers)
        installed.check()
    assert all(loaded.unet.attn_processors[name] is processor for name, processor in layers.items())


def test_frames_read_the_adapter_while_they_follow_the_first_one(loaded, folder):
    frames = make_family_frames(loaded)
    plan = Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=("unet", "controlnet"), chunk_size=1)
    following = denoise(loaded, frames, plan)
    without = load_backbone(family_setup(folder), ONE_CONTROLNET, CPU)
    assert (following - denoise(without, make_family_frames(without), plan)).abs().max() > 1e-3
    alone = denoise(loaded, frames, Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=()))
    assert torch.allclose(following[0], alone[0], atol=1e-5)
    assert (following[1] - alone[1]).abs().max() > 1e-4


def test_the_unconditional_group_reads_an_empty_picture(loaded):
    (both,) = encode_prompt(loaded, "a robot", "", 5.0).image_embeds
    (alone,) = encode_prompt(loaded, "a robot", "", 1.0).image_embeds
    assert len(both) == 2
    assert torch.allclose(both[1:], alone, atol=1e-5)
    assert not torch.allclose(both[:1], alone, atol=1e-2)
    if both.ndim == 3:
        assert not both[0].any()


@pytest.mark.slow
def test_all_of_it_is_in_the_precision_of_the_networks(folder, adapter, picture):
    setup = adapter_setup(folder, adapter, picture)
    setup.dtype = "bfloat16"
    backbone = load_backbone(setup, ONE_CONTROLNET, CPU)
    assert {parameter.dtype for parameter in backbone.unet.parameters()} == {torch.bfloat16}
    assert not any(parameter.requires_grad for parameter in backbone.unet.parameters())
    plan = Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=("unet",))
    assert torch.isfinite(denoise(backbone, make_family_frames(backbone), plan)).all()


def test_the_record_tells_pictures_apart(folder, adapter, picture, tmp_path):
    other = tmp_path / "other.png"
    Image.new("RGB", (40, 40)).save(other)
    digests = [resolve_setup(adapter_setup(folder, adapter, file), ONE_CONTROLNET).digests for file in (picture, other)]
    assert set(digests[0]) == {"model", "ip_adapter", "image_encoder", "ip_adapter_image"}
    assert {key for key in digests[0] if digests[0][key] != digests[1][key]} == {"ip_adapter_image"}


def test_a_picture_that_cannot_be_read_is_refused(folder, adapter, tmp_path):
    (tmp_path / "look.png").write_text("no picture")
    for file in (tmp_path / "look.png", tmp_path / "missing.png"):
        with pytest.raises(DataError, match=r"cannot read .*\.png: .*setup\.ip_adapter\.image takes"):
            check_setup(adapter_setup(folder, adapter, file), ONE_CONTROLNET)


def test_missing_files_are_named(folder, adapter, picture):
    with pytest.raises(WeightsError, match=r"there is no file .*models/x.safetensors"):
        check_setup(adapter_setup(folder, adapter, picture, weight_name="x.safetensors"), ONE_CONTROLNET)
    with pytest.raises(WeightsError, match="no folder elsewhere"):
        check_setup(adapter_setup(folder, adapter, picture, image_encoder="elsewhere"), ONE_CONTROLNET)


def test_an_adapter_of_another_family_or_for_faces_is_refused(folder, adapter, picture, tmp_path):
    tensors = load_file(adapter / "models" / "adapter.safetensors")
    wrong = {k: torch.zeros(len(v), 7) if "_ip." in k else v for k, v in tensors.items()}
    face = tensors | {"ip_adapter.0.to_q_lora.down.weight": torch.zeros(2, 2)}
    (tmp_path / "models").mkdir()
    for changed, message in ((wrong, r"pictures are 7 wide, the unet's texts"), (face, "reads faces")):
        save_file(changed, tmp_path / "models" / "adapter.safetensors")
        setup = adapter_setup(folder, tmp_path, picture, image_encoder="models/image_encoder")
        (tmp_path / "models" / "image_encoder").exists() or (tmp_path / "models" / "image_encoder").symlink_to(
            adapter / "models" / "image_encoder"
        )
        with pytest.raises(WeightsError, match=message):
            check_setup(setup, ONE_CONTROLNET)


def test_what_cannot_work_is_refused_with_the_configuration():
    with pytest.raises(ConfigError, match="has no IP-Adapter of its own"):
        IpAdapterConfig(image="x.png")
    with pytest.raises(ConfigError, match=r"is not a \.safetensors file"):
        IpAdapterConfig(image="x.png", model="a/b", weight_name="x.bin")
