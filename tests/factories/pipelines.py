"""The pipelines of diffusers that our results are compared with."""


def reference_pipeline(folder, family):
    """The pipeline of diffusers, its parts loaded one by one."""
    from diffusers import (
        AutoencoderKL,
        ControlNetModel,
        DDIMScheduler,
        StableDiffusionControlNetPipeline,
        StableDiffusionXLControlNetPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    parts = {
        "vae": AutoencoderKL, "unet": UNet2DConditionModel, "controlnet": ControlNetModel,
        "text_encoder": CLIPTextModel, "tokenizer": CLIPTokenizer, "scheduler": DDIMScheduler,
    }  # fmt: skip
    if family == "sdxl":
        parts |= {"text_encoder_2": CLIPTextModelWithProjection, "tokenizer_2": CLIPTokenizer}
    loaded = {name: cls.from_pretrained(folder, subfolder=name) for name, cls in parts.items()}
    if family == "sdxl":
        pipeline = StableDiffusionXLControlNetPipeline(**loaded, add_watermarker=False)
    else:
        pipeline = StableDiffusionControlNetPipeline(
            **loaded, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def reference_parts(folder, *, sdxl=False):
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    classes = {"vae": AutoencoderKL, "unet": UNet2DConditionModel, "text_encoder": CLIPTextModel,
               "tokenizer": CLIPTokenizer, "scheduler": DDIMScheduler}  # fmt: skip
    if sdxl:
        classes |= {"text_encoder_2": CLIPTextModelWithProjection, "tokenizer_2": CLIPTokenizer}
    return {name: cls.from_pretrained(folder, subfolder=name) for name, cls in classes.items()}


def latents_of(pipeline, frames, **more):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompt="a red robot", negative_prompt="blurry", latents=frames.noise[:1].clone(), guidance_scale=5.0,
        num_inference_steps=2, output_type="latent", **more
    ).images  # fmt: skip
