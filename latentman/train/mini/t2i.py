"""Text to image: the UNet and its text encoder are trained together to predict the noise in latents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentman.train.mini.networks import Networks, new_text_encoder, new_unet
from latentman.train.mini.noising import add_noise, alphas_cumprod, min_snr_weight
from latentman.train.mini.pictures import contact_sheet, wrapped, write_picture
from latentman.train.mini.sampling import encode_pictures, sample, token_ids
from latentman.train.mini.settings import DiffusionSettings, MiniTraining
from latentman.train.mini.task import Batch
from latentman.train.scenes.scene_set import SceneSet

SHOWN_PROMPTS = (
    "a red robot with blue lights dances on the moon",
    "an astronaut with orange gloves jumps on mars",
    "a superhero in a red and gold suit moves to the right in a city at night",
    "a blue ninja with a white belt in a forest",
    "a knight in silver armor with a blue and gold tunic in a castle",
    "a zombie in a torn blue shirt walks in a street",
    "a clown in a yellow costume with red dots on a stage",
    "a soccer player in a green jersey and white shorts in a green field",
    "a chef in white with black pants in a white studio",
    "a skier in an orange jacket and black pants runs on a snowy road",
    "a tiger man with black stripes in the desert",
    "a king in a purple robe with gold trim in a library",
)
"""The prompts of the contact sheets."""

_COLUMNS, _STEPS, _GUIDANCE = 6, 20, 5.0


class NoisedLatents:
    """The pictures of a scene set as latents, with their texts; draws noisy training batches."""

    def __init__(self, scenes: SceneSet, vae: Any, tokenizer: Any, cfg: DiffusionSettings) -> None:
        device = scenes.images.device
        self.scenes, self.cfg = scenes, cfg
        self.latents = encode_set(vae, scenes.images)
        self.ids = token_ids(tokenizer, scenes.texts, device)
        self.empty = token_ids(tokenizer, [""], device)
        self.abar = alphas_cumprod(device)

    def draw(self, size: int, generator: torch.Generator, *, with_depth: bool) -> Batch:
        """Return a batch: x_t, timestep, noise, token ids (some of the empty text), and depth if requested."""
        device = self.latents.device
        index = torch.randint(len(self.scenes), (size,), generator=generator, device=device)
        timestep = torch.randint(len(self.abar), (size,), generator=generator, device=device)
        noise = torch.randn((size, *self.latents.shape[1:]), generator=generator, device=device)
        silent = torch.rand((size, 1), generator=generator, device=device) < self.cfg.text_drop
        batch = {
            "noisy": add_noise(self.latents[index].float(), noise, self.abar[timestep]),
            "timestep": timestep,
            "noise": noise,
            "ids": torch.where(silent, self.empty, self.ids[index]),
        }
        if with_depth:
            batch["depth"] = self.scenes.depth[index]
        return batch

    def error(self, predicted: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the weighted squared error, and the unweighted one for reporting."""
        plain = (predicted.float() - batch["noise"]).pow(2).mean((1, 2, 3))
        weight = min_snr_weight(self.abar[batch["timestep"]], self.cfg.snr_gamma)
        return {"loss": (plain * weight).mean(), "mse": plain.mean()}


@torch.no_grad()
def encode_set(vae: Any, images: Tensor, batch: int = 64) -> Tensor:
    """Return the latents (N, 4, h, w) of images (N, 3, H, W) uint8; in half precision on a GPU, where they are kept."""
    device = images.device
    kept = torch.float16 if device.type == "cuda" else torch.float32
    return torch.cat([encode_pictures(vae, part.float() / 255).to(kept) for part in images.split(batch)])


class TextToImageTask:
    """Trains UNet and text encoder on the latents of a finished VAE."""

    name = "t2i"

    def __init__(
        self, settings: MiniTraining, scenes: SceneSet, vae: Any, tokenizer: Any, device: torch.device
    ) -> None:
        torch.manual_seed(settings.seed + 1)
        self.settings, self.vae, self.tokenizer = settings, vae, tokenizer
        self.data = NoisedLatents(scenes, vae, tokenizer, settings.t2i)
        unet, text_encoder = new_unet(settings).to(device), new_text_encoder(settings, tokenizer).to(device)
        if device.type == "cuda":
            unet = unet.to(memory_format=torch.channels_last)
        self.modules = nn.ModuleDict({"unet": unet, "text_encoder": text_encoder})
        self._run = torch.compile(unet) if settings.compile and device.type == "cuda" else unet

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return a batch without depth."""
        return self.data.draw(size, generator, with_depth=False)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the error of the predicted noise."""
        text_encoder: Any = self.modules["text_encoder"]
        embeds = text_encoder(batch["ids"]).last_hidden_state
        predicted = self._run(batch["noisy"], batch["timestep"], encoder_hidden_states=embeds, return_dict=False)[0]
        return self.data.error(predicted, batch)

    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        """Write a contact sheet of the fixed prompts, without depth."""
        networks = Networks(self.vae, average["text_encoder"], self.tokenizer, average["unet"], None)
        images = sample_prompts(networks, self.settings, SHOWN_PROMPTS, None)
        write_picture(folder / f"step_{step:06d}.png", contact_sheet(wrapped(images, _COLUMNS)))


def sample_prompts(networks: Networks, settings: MiniTraining, prompts: Sequence[str], depth: Tensor | None) -> Tensor:
    """Return pictures (N, 3, H, W) of prompts, always from the same noise."""
    return sample(
        networks,
        prompts,
        depth=depth,
        latent_size=settings.latent_size,
        steps=_STEPS,
        guidance_scale=_GUIDANCE,
        seeds=list(range(len(prompts))),
    )
