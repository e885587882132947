"""Transformers: recognised by their files, refused in words where something does not fit, and their full sizes."""

import json
import shutil

import pytest
import torch

from latentman.config import ConditionerConfig, NetConfig, ScheduleConfig
from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import anchored
from latentman.diffusion.schedules import check_negative, check_schedule
from latentman.diffusion.velocity import call_transformer, pack, predict_velocity
from latentman.errors import ConfigError, WeightsError
from latentman.networks.architecture import family_of
from latentman.networks.families import FLUX, SD3, SDXL, family_of_folder
from latentman.networks.load import load_backbone, share_positions
from latentman.networks.resolved import check_setup
from latentman.networks.sources import Source
from tests.factories.families import family_setup
from tests.factories.joint_families import joint_setup, make_joint_controlnet, save_joint_family
from tests.factories.tiny_model import ONE_CONTROLNET

CPU = torch.device("cpu")
FAMILIES = {"sd3": SD3, "flux": FLUX}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A narrow model of each family, in the hub's layout."""
    made = {family: tmp_path_factory.mktemp(family) / "model" for family in FAMILIES}
    for family, folder in made.items():
        save_joint_family(folder, family)
    return made


@pytest.fixture
def copied(folders, tmp_path):
    return lambda family: shutil.copytree(folders[family], tmp_path / "copy")


def edit(folder, part, **values):
    path = folder / part
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refused(setup, message, conditioner=ONE_CONTROLNET, error=WeightsError):
    with pytest.raises(error, match=message):
        check_setup(setup, conditioner).check()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_recognised_by_its_transformer(folders, family, sdxl_folder):
    found = check_setup(joint_setup(folders[family]), ONE_CONTROLNET)
    assert found.architecture.family is family_of_folder(folders[family]) is FAMILIES[family]
    assert family_of_folder(sdxl_folder) is SDXL


def test_another_transformer_is_refused_by_its_class(copied):
    folder = copied("sd3")
    edit(folder, "transformer/config.json", _class_name="PixArtTransformer2DModel")
    refused(joint_setup(folder), "is a PixArtTransformer2DModel; supported are SD3Transformer2DModel")


@pytest.mark.parametrize(
    ("family", "part", "values", "message"),
    [
        ("sd3", "transformer/config.json", {"in_channels": 33}, "takes 33 channels in, but its vae's latents have 4;"),
        ("flux", "transformer/config.json", {"in_channels": 24}, r"24 channels in.*have 4, packed 16"),
        ("flux", "transformer/config.json", {"joint_attention_dim": 96}, "texts 96 wide, but T5 gives 40"),
        (
            "sd3",
            "transformer/config.json",
            {"pooled_projection_dim": 31},
            r"pooled text 31 wide, but CLIP gives 10 \+ 20",
        ),
        (
            "sd3",
            "scheduler/scheduler_config.json",
            {"_class_name": "DDIMScheduler"},
            "its scheduler is a DDIMScheduler",
        ),
        ("flux", "scheduler/scheduler_config.json", {"invert_sigmas": True}, "has invert_sigmas=true"),
        ("sd3", "controlnet/config.json", {"_class_name": "ControlNetModel"}, "it is a ControlNetModel, and Stable"),
        ("flux", "controlnet/config.json", {"num_attention_heads": 4}, "num_attention_heads is 4, the transformer's 2"),
        ("flux", "controlnet/config.json", {"num_mode": 7}, r"num_mode=7: it reads several kinds"),
        ("sd3", "controlnet/config.json", {"extra_conditioning_channels": 1}, "it reads a mask among its inputs"),
    ],
)
def test_networks_that_do_not_fit_are_refused(copied, family, part, values, message):
    folder = copied(family)
    edit(folder, part, **values)
    refused(joint_setup(folder), message)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_controlnet_of_another_family_is_refused(folders, family, tmp_path, sd15_folder):
    other = {"sd3": "flux", "flux": "sd3"}[family]
    setup = joint_setup(folders[family], controlnet=str(folders[other] / "controlnet"))
    refused(setup, "setup.controlnet: .*is of another family than the transformer")
    refused(joint_setup(folders[family], controlnet=str(sd15_folder / "controlnet")), "it is a ControlNetModel")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_size": 72, "latent_size": 9}, "size must be a multiple of 16, such as 64"),
        ({"image_size": 64, "latent_size": 16}, "set setup.latent_size=8"),
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_size_that_tokens_do_not_divide_is_refused(folders, family, values, message):
    refused(joint_setup(folders[family], **values), message, error=ConfigError)


def test_a_size_without_positions_is_refused(folders):
    refused(joint_setup(folders["sd3"], image_size=128, latent_size=16), "at most 96 pixels", error=ConfigError)


def test_flux_without_t5_is_refused_and_stable_diffusion_3_does_without(folders, copied):
    refused(joint_setup(folders["flux"], t5=False), "setup.t5=false: FLUX.1 reads its text from T5", error=ConfigError)
    folder = copied("sd3")
    shutil.rmtree(folder / "text_encoder_3")
    refused(joint_setup(folder), "no folder text_encoder_3 of T5 in it; fetch it, or do without T5: setup.t5=false")
    shutil.rmtree(folder / "tokenizer_3")
    assert load_backbone(joint_setup(folder, t5=False), ONE_CONTROLNET, CPU).t5 is None


def test_t5_is_not_left_out_of_a_model_that_has_none(sd15_folder):
    refused(
        family_setup(sd15_folder, t5=False), "setup.t5=false has no effect.*Stable Diffusion 1.x", error=ConfigError
    )


def test_parts_for_unets_are_refused(folders, tmp_path):
    adapter = ConditionerConfig(name="t2i_adapter", nets=[NetConfig(model=str(folders["sd3"] / "controlnet"))])
    refused(
        joint_setup(folders["sd3"]),
        "conditioner=t2i_adapter cannot be used with setup.model, which is Stable Diffusion 3",
        adapter,
        ConfigError,
    )


@pytest.mark.parametrize(
    ("schedule", "scale", "network", "message"),
    [
        ("ddim", 3.5, {"joint_attention_dim": 8}, "schedule=ddim does not suit.*use schedule=flow"),
        ("flow", 3.5, {"cross_attention_dim": 8}, "schedule=flow does not suit.*use schedule=ddim"),
        (
            "flow", 3.5, {"joint_attention_dim": 8, "axes_dims_rope": (2, 2, 4), "guidance_embeds": False},
            r"setup.guidance_scale=3.5: this model was distilled.*set it to 1",
        ),
    ],
)  # fmt: skip
def test_a_schedule_or_guidance_that_does_not_suit_is_refused(schedule, scale, network, message):
    with pytest.raises(ConfigError, match=message):
        check_schedule(ScheduleConfig(schedule), scale, unet=network, scheduler={})


def test_a_negative_prompt_that_is_not_read_is_refused():
    with pytest.raises(ConfigError, match=r"text.negative='blurry' is not read: FLUX.1"):
        check_negative("blurry", {"axes_dims_rope": (2, 2, 4)})
    check_negative("blurry", {"joint_attention_dim": 8})


TEXT = {"joint_attention_dim": 4096, "pooled_projection_dim": 2048, "attention_head_dim": 64}
MEDIUM = {
    **TEXT, "caption_projection_dim": 1536, "num_attention_heads": 24, "pos_embed_max_size": 384, "qk_norm": "rms_norm",
    "dual_attention_layers": tuple(range(13)),
}  # fmt: skip
LARGE = {
    **TEXT, "caption_projection_dim": 2432, "num_attention_heads": 38, "pos_embed_max_size": 192, "qk_norm": "rms_norm",
}  # fmt: skip
DEPTH = {
    **TEXT, "joint_attention_dim": None, "caption_projection_dim": 2048, "num_attention_heads": 38,
    "pos_embed_max_size": None, "pos_embed_type": None, "use_pos_embed": False,
    "force_zeros_for_pooled_projection": False,
}  # fmt: skip


def published(name):
    """The transformer and the depth ControlNet of a setup in their full size, without numbers."""
    from diffusers import FluxControlNetModel, FluxTransformer2DModel, SD3ControlNetModel, SD3Transformer2DModel

    with torch.device("meta"):
        if name == "sd35":
            return SD3Transformer2DModel(**MEDIUM, num_layers=24), SD3ControlNetModel(**MEDIUM, num_layers=23)
        if name == "sd35_large":
            return SD3Transformer2DModel(**LARGE, num_layers=38), SD3ControlNetModel(**DEPTH, num_layers=19)
        controlnet = FluxControlNetModel(guidance_embeds=True, num_layers=4, num_single_layers=1)
        return FluxTransformer2DModel(guidance_embeds=True), controlnet


@pytest.mark.slow  # 20 s for large networks, even without numbers
# Gigabytes of the published files. The ControlNet of Stable Diffusion 3.5 large is published in single precision.
@pytest.mark.parametrize(
    ("name", "gigabytes", "width"),
    [("sd35", (4.94, 4.93), (2, 2)), ("sd35_large", (16.30, 8.61), (2, 4)), ("flux", (23.8, 3.19), (2, 2))],
)
def test_full_sizes_are_those_of_the_published_files_and_run_with_the_anchor(name, gigabytes, width):
    networks = published(name)
    for network, expected, each in zip(networks, gigabytes, width, strict=True):
        assert sum(x.numel() for x in network.state_dict().values()) * each / 1e9 == pytest.approx(expected, rel=2e-3)
    transformer, controlnet = networks
    share_positions(transformer, [controlnet])
    anchor, words, frames = Anchor(), 333, 2
    anchor.text_tokens = words
    text = {
        "encoder_hidden_states": torch.empty(frames, words, 4096, device="meta"),
        "pooled_projections": torch.empty(frames, 768 if name == "flux" else 2048, device="meta"),
    }
    read = text | ({"encoder_hidden_states": None} if controlnet.config.joint_attention_dim is None else {})
    noisy, t = torch.empty(frames, 16, 128, 128, device="meta"), torch.empty((), device="meta")
    picture = pack(noisy) if name == "flux" else noisy
    with torch.no_grad(), anchored({"unet": transformer, "controlnet": controlnet}, anchor), anchor.passing("lead", 1):
        added = call_transformer(controlnet, noisy, t, read, 3.5, controlnet_cond=picture)
        names = ("controlnet_block_samples", "controlnet_single_block_samples")
        names = names if name == "flux" else ("block_controlnet_hidden_states",)
        velocity = predict_velocity(transformer, noisy, t, text, 3.5, **dict(zip(names, added, strict=True)))
    assert velocity.shape == noisy.shape


@pytest.mark.slow
def test_a_controlnet_without_positions_takes_the_transformers(folders, copied):
    folder = copied("sd3")
    changes = {"joint_attention_dim": None, "use_pos_embed": False, "force_zeros_for_pooled_projection": False}
    shutil.rmtree(folder / "controlnet")
    make_joint_controlnet(
        "sd3", dual_attention_layers=(), qk_norm=None, pos_embed_max_size=None, **changes
    ).save_pretrained(folder / "controlnet")
    backbone = load_backbone(joint_setup(folder), ONE_CONTROLNET, CPU)
    assert backbone.controlnets[0].pos_embed is backbone.unet.pos_embed


def test_a_model_in_the_hubs_cache_is_recognised_without_asking_the_hub(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for family, folder in folders.items():
        snapshot = tmp_path / f"models--owner--{family}" / "snapshots" / "main"
        shutil.copytree(folder / "transformer", snapshot / "transformer")
        assert family_of(Source(f"owner/{family}")) is FAMILIES[family]
