"""The pipelines of diffusers that our transformers are compared with."""

from pathlib import Path

from torch import Tensor

from latentman.diffusion.velocity import pack, unpack


def published_latents(
    folder: Path, family: str, noise: Tensor, picture: Tensor, scale: float, steps: int, *, size: int, t5: bool = True
) -> Tensor:
    """The latents (1, C, h, w) of the published pipeline, its parts loaded one by one; ``picture`` is in -1 to 1."""
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        FluxControlNetModel,
        FluxControlNetPipeline,
        FluxTransformer2DModel,
        SD3ControlNetModel,
        SD3Transformer2DModel,
        StableDiffusion3ControlNetPipeline,
    )
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5TokenizerFast

    is_sd3 = family == "sd3"
    parts = {"vae": AutoencoderKL, "scheduler": FlowMatchEulerDiscreteScheduler, "tokenizer": CLIPTokenizer}
    if is_sd3:
        parts |= {
            "transformer": SD3Transformer2DModel, "controlnet": SD3ControlNetModel,
            "text_encoder": CLIPTextModelWithProjection, "text_encoder_2": CLIPTextModelWithProjection,
            "tokenizer_2": CLIPTokenizer,
        }  # fmt: skip
    else:
        parts |= {
            "transformer": FluxTransformer2DModel, "controlnet": FluxControlNetModel, "text_encoder": CLIPTextModel,
        }  # fmt: skip
    number = 3 if is_sd3 else 2
    third = {f"text_encoder_{number}": T5EncoderModel, f"tokenizer_{number}": T5TokenizerFast}
    loaded = {
        name: cls.from_pretrained(folder, subfolder=name) for name, cls in (parts | (third if t5 else {})).items()
    }
    loaded |= {} if t5 else dict.fromkeys(third)
    pipeline = (StableDiffusion3ControlNetPipeline if is_sd3 else FluxControlNetPipeline)(**loaded)
    pipeline.set_progress_bar_config(disable=True)
    more = {"negative_prompt": "blurry"} if is_sd3 else {"max_sequence_length": 512 if family == "flux" else 256}
    made: Tensor = pipeline(
        prompt="a red robot", control_image=picture, guidance_scale=scale, num_inference_steps=steps, height=size,
        width=size, latents=noise.clone() if is_sd3 else pack(noise), output_type="latent", **more,
    ).images  # fmt: skip
    return made if is_sd3 else unpack(made, *noise.shape[2:])
