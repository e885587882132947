"""Several ControlNets and T2I-Adapters: as in diffusers' pipelines, and refused where they are of another family."""

import json
import shutil

import pytest
import torch

from latentman.config import ConditionerConfig, NetConfig
from latentman.diffusion.denoise import Plan, denoise
from latentman.errors import ConfigError, WeightsError
from latentman.networks.load import load_backbone
from latentman.networks.resolved import check_setup, resolve_setup

from .conftest import ONE_CONTROLNET
from .families import (
    depth_pictures,
    family_setup,
    make_controlnet,
    make_family_clip,
    make_unet,
    save_family,
)

CPU = torch.device("cpu")
ALONE = Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sd15") / "model"
    save_family(folder, "sd15")
    return folder


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdxl") / "model"
    save_family(folder, "sdxl")
    return folder


def save_net(folder, network):
    network.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    torch.manual_seed(9)
    return save_net(tmp_path_factory.mktemp("second"), make_controlnet(make_unet("sd15")))


def make_adapter(family, **changes):
    from diffusers import T2IAdapter

    torch.manual_seed(8)
    kind = {
        "sd15": {"channels": [16, 32, 32, 32], "downscale_factor": 8, "adapter_type": "full_adapter"},
        "sdxl": {"channels": [16, 32, 32, 32], "downscale_factor": 16, "adapter_type": "full_adapter_xl"},
    }[family]
    return T2IAdapter(**{"in_channels": 3, "num_res_blocks": 2} | kind | changes)


def one_adapter(model, scale=1.0):
    return ConditionerConfig(name="t2i_adapter", nets=[NetConfig(model=model, scale=scale)])


def reference_parts(folder, *, sdxl=False):
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    classes = {"vae": AutoencoderKL, "unet": UNet2DConditionModel, "text_encoder": CLIPTextModel,
               "tokenizer": CLIPTokenizer, "scheduler": DDIMScheduler}  # fmt: skip
    if sdxl:
        classes |= {"text_encoder_2": CLIPTextModelWithProjection, "tokenizer_2": CLIPTokenizer}
    return {name: cls.from_pretrained(folder, subfolder=name) for name, cls in classes.items()}


def latents_of(pipeline, clip, **more):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompt="a red robot", negative_prompt="blurry", latents=clip.noise[:1].clone(), guidance_scale=5.0,
        num_inference_steps=2, output_type="latent", **more
    ).images  # fmt: skip


def test_two_controlnets_add_up_as_in_the_pipeline_of_diffusers(folder, second):
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    conditioner = ConditionerConfig(
        name="multi_controlnet", scale=0.9, nets=[NetConfig(), NetConfig(model=second, scale=0.5)]
    )
    loaded = load_backbone(family_setup(folder), conditioner, CPU)
    clip = make_family_clip(loaded, conditioner)
    ours = denoise(loaded, clip, ALONE)[:1]
    nets = [ControlNetModel.from_pretrained(folder / "controlnet"), ControlNetModel.from_pretrained(second)]
    pipeline = StableDiffusionControlNetPipeline(
        **reference_parts(folder), controlnet=nets, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    image = torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2)
    scales = [0.9, 0.9 * 0.5]
    theirs = latents_of(pipeline, clip, image=[image, image], controlnet_conditioning_scale=scales)
    assert (ours - theirs).abs().max() < 1e-4
    one = latents_of(pipeline, clip, image=[image, image], controlnet_conditioning_scale=[0.9, 0.0])
    assert (one - theirs).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_an_adapter_steers_as_in_the_pipeline_of_diffusers(folder, sdxl, tmp_path, family):
    from diffusers import StableDiffusionAdapterPipeline, StableDiffusionXLAdapterPipeline, T2IAdapter

    model, source = save_net(tmp_path / "adapter", make_adapter(family)), {"sd15": folder, "sdxl": sdxl}[family]
    conditioner = one_adapter(model, 0.7)
    loaded = load_backbone(family_setup(source), conditioner, CPU)
    assert loaded.controlnets == ()
    clip = make_family_clip(loaded, conditioner)
    ours = denoise(loaded, clip, ALONE)[:1]
    parts, adapter = reference_parts(source, sdxl=family == "sdxl"), T2IAdapter.from_pretrained(model)
    if family == "sdxl":
        pipeline = StableDiffusionXLAdapterPipeline(**parts, adapter=adapter)
    else:
        pipeline = StableDiffusionAdapterPipeline(
            **parts, adapter=adapter, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    image = torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2)
    theirs = latents_of(pipeline, clip, image=image, adapter_conditioning_scale=0.7)
    assert (ours - theirs).abs().max() < 1e-4
    assert (latents_of(pipeline, clip, image=image, adapter_conditioning_scale=0.0) - theirs).abs().max() > 1e-3


def test_an_adapter_for_edges_takes_grey_pictures(folder, tmp_path):
    conditioner = one_adapter(save_net(tmp_path / "grey", make_adapter("sd15", in_channels=1)))
    loaded = load_backbone(family_setup(folder), conditioner, CPU)
    assert torch.isfinite(denoise(loaded, make_family_clip(loaded, conditioner), ALONE)).all()


def test_no_conditioner_needs_no_controlnet(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("controlnet"))
    nothing = ConditionerConfig(name="none")
    loaded = load_backbone(family_setup(copied), nothing, CPU)
    assert (loaded.controlnets, loaded.adapter) == ((), None)
    assert torch.isfinite(denoise(loaded, make_family_clip(loaded, nothing), ALONE)).all()
    with pytest.raises(WeightsError, match="no folder controlnet"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cross_attention_dim": 40}, r"cross_attention_dim is 40, the unet's 24"),
        ({"block_out_channels": (16, 32, 32, 16)}, r"block_out_channels is .* the unet's .*"),
        ({"in_channels": 9}, r"in_channels is 9, the unet's 4"),
    ],
)  # fmt: skip
def test_a_controlnet_of_another_family_is_refused(folder, tmp_path, changes, message):
    model = save_net(tmp_path / "other", make_controlnet(make_unet("sd15", **changes)))
    conditioner = ConditionerConfig(name="multi_controlnet", nets=[NetConfig(), NetConfig(kind="pose", model=model)])
    with pytest.raises(WeightsError, match=rf"conditioner.nets\[1\].model: the pose ControlNet .*{message}"):
        check_setup(family_setup(folder), conditioner)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"channels": [16, 16, 32, 32]}, r"channels is \[16, 16, 32, 32\], this unet needs \[16, 32, 32, 32\]"),
     ({"downscale_factor": 16}, r"downscale_factor is 16, this unet needs 8")],
)  # fmt: skip
def test_an_adapter_of_another_family_is_refused(folder, tmp_path, changes, message):
    conditioner = one_adapter(save_net(tmp_path / "other", make_adapter("sd15", **changes)))
    with pytest.raises(WeightsError, match=rf"the depth T2I-Adapter .*{message}"):
        check_setup(family_setup(folder), conditioner)


def test_every_net_is_in_the_record(folder, second):
    conditioner = ConditionerConfig(name="multi_controlnet", nets=[NetConfig(), NetConfig(model=second)])
    assert set(resolve_setup(family_setup(folder), conditioner).digests) == {"model", "net_1"}


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copied")


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


def test_a_second_text_encoder_of_another_width_is_refused(sdxl, tmp_path):
    copied = shutil.copytree(sdxl, tmp_path / "copied")
    resave(copied, "unet", make_unet("sdxl", projection_class_embeddings_input_dim=6 * 8 + 24))
    with pytest.raises(WeightsError, match=r"takes 72 added values, but .* make 20 \+ 48"):
        check_setup(family_setup(copied), ONE_CONTROLNET)


@pytest.mark.parametrize(
    ("image", "latent", "message"),
    [(128, 32, "set setup.latent_size=16"), (192, 24, None), (144, 18, "must be a multiple of 64, such as 128"),
     (132, 33, "does not divide into latent cells of 8")],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused_before_weights_load(folder, image, latent, message):
    setup = family_setup(folder)
    setup.image_size, setup.latent_size = image, latent
    if message is None:
        check_setup(setup, ONE_CONTROLNET)
        return
    with pytest.raises(ConfigError, match=message):
        check_setup(setup, ONE_CONTROLNET)
