"""AnimateDiff through the loaded networks of a setup against the pipeline of diffusers, made from the files alone."""

import pytest
import torch

from latentman.diffusion.animatediff import SCHEDULER, Animation, animate
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.text import encode_prompt
from latentman.networks.load import load_backbone
from tests.factories.families import GRID, depth_pictures, family_setup
from tests.factories.motion_adapter import make_motion_adapter
from tests.factories.pipelines import reference_parts
from tests.factories.tiny_model import ONE_CONTROLNET


@pytest.fixture
def backbone(sd15_folder):
    return load_backbone(family_setup(sd15_folder), ONE_CONTROLNET, torch.device("cpu"))


def test_a_clip_is_that_of_the_pipeline_of_diffusers_and_the_setups_networks_stay(sd15_folder, backbone):
    from diffusers import AnimateDiffControlNetPipeline, ControlNetModel, DDIMScheduler
    from PIL import Image

    adapter, pictures = make_motion_adapter(), (depth_pictures() * 255).round()
    clip = Animation(
        text=encode_prompt(backbone, "a red robot", "blurry", 5.0),
        pictures=(pictures / 255,),
        scales=(0.8,),
        noise=initial_noise("independent", (len(pictures), 4, GRID, GRID), 3),
    )
    steps: list[int] = []
    processors, stem = dict(backbone.unet.attn_processors), backbone.controlnets[0].controlnet_cond_embedding
    ours = animate(backbone, adapter, clip, num_steps=3, guidance_scale=5.0, on_step=steps.append)
    parts = reference_parts(sd15_folder)
    parts["scheduler"] = DDIMScheduler.from_config(parts["scheduler"].config, **SCHEDULER)
    controlnet = ControlNetModel.from_pretrained(sd15_folder, subfolder="controlnet")
    pipeline = AnimateDiffControlNetPipeline(**parts, motion_adapter=make_motion_adapter(), controlnet=controlnet)
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        prompt="a red robot", negative_prompt="blurry", num_frames=len(pictures), num_inference_steps=3,
        guidance_scale=5.0, latents=clip.noise.transpose(0, 1)[None].clone(), output_type="latent",
        conditioning_frames=[Image.fromarray(picture.astype("uint8")) for picture in pictures],
        controlnet_conditioning_scale=0.8,
    ).frames[0].transpose(0, 1)  # fmt: skip
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()
    assert steps == [1, 2, 3]
    assert backbone.unet.attn_processors == processors
    assert type(backbone.controlnets[0].controlnet_cond_embedding) is type(stem)


@pytest.mark.slow
def test_the_frames_read_each_other_along_time(backbone):
    noise = initial_noise("independent", (2, 4, GRID, GRID), 3)
    text, pictures = encode_prompt(backbone, "a red robot", "blurry", 5.0), (depth_pictures(),)
    adapter = make_motion_adapter()
    made = [
        animate(backbone, adapter, Animation(text, pictures, (1.0,), x), num_steps=2, guidance_scale=5.0)
        for x in (noise, torch.cat([noise[:1], noise[:1]]))
    ]
    assert not torch.allclose(made[0][0], made[1][0], atol=1e-3)
