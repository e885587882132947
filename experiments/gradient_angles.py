"""How alike the three gradients of Pixel-Wise Guidance are, and what each costs, into experiments/gradients/angles.md.

python experiments/gradient_angles.py SWEEP [--prompts N]     from the root of a checkout

SWEEP is the folder of a finished +exp=gradients. Its runs without guidance give clips and settings; each is denoised
again in float32, and at every step of the guidance's window all three gradients are taken at the same latents. None is
applied, so that all three are compared on one and the same way.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import pandas as pd
import torch
from omegaconf import OmegaConf
from torch import Tensor

from latentman.config import Config, resolve
from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import anchored
from latentman.diffusion.decode import decode
from latentman.diffusion.denoise import Frames
from latentman.diffusion.predict import Prediction
from latentman.diffusion.pwg import GuidancePlan, guidance_step, pixel_wise_guidance
from latentman.diffusion.schedule import Level, build_schedule
from latentman.diffusion.sla import spatial_latent_alignment
from latentman.files.run_file import read_body, read_conditions, read_correspondence
from latentman.networks.backbone import Backbone
from latentman.networks.load import load_backbone
from latentman.pipeline.sampling import sampling_frames, sampling_plan
from latentman.system.paths import write_text

HERE = Path(__file__).resolve().parent
GRADIENTS = ("direct", "official_uncond", "full")
WINDOW = (0.2, 0.7)


@dataclass(frozen=True)
class Compared:
    """One step of one prompt, its abar as ``share``: cosines and lengths over the guided frames, seconds."""

    step: int
    share: float
    official_cosine: float
    full_cosine: float
    official_length: float
    full_length: float
    seconds: dict[str, float]


def main() -> None:
    """Compare the gradients on every prompt and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--prompts", type=int, default=None)
    parser.add_argument("--out", type=Path, default=HERE / "gradients" / "angles.md")
    arguments = parser.parse_args()
    folders = sorted(path.parent for path in arguments.sweep.glob("*pwg_none/*/latents.safetensors"))
    backbone, rows = None, []
    for folder in folders[: arguments.prompts]:
        config = read_config(folder)
        backbone = backbone or load_backbone(config.setup_in_use, config.conditioner, torch.device("cpu"))
        compared = compare(config, folder, backbone)
        rows += [{"prompt": config.prompt, **vars(one)} for one in compared]
        sys.stdout.write(f"{config.prompt}: {fmean(c.official_cosine for c in compared):.3f}\n")
    write_text(arguments.out, table(pd.DataFrame(rows)))


def read_config(folder: Path) -> Config:
    """Return the configuration of a finished run, its networks in float32."""
    config = resolve(OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.load(folder / "config.yaml")))
    return replace(config, setup=replace(config.setup, dtype="float32"))


def read_clip(config: Config, folder: Path, backbone: Backbone) -> Frames:
    """Return what the frames of a finished run were made from."""
    maps = [
        read_correspondence(folder / f"correspondence_{size}.npz")
        for size in (config.setup.latent_size, config.pwg.size)
    ]
    return sampling_frames(
        config,
        backbone,
        prompt=config.prompt + config.text.suffix,
        body=read_body(folder / "body.npz"),
        conditions=read_conditions(folder / "conditions.npz"),
        latent_map=maps[0],
        guidance_map=maps[1],
    )


@torch.no_grad()
def compare(config: Config, folder: Path, backbone: Backbone) -> list[Compared]:
    """Denoise one clip without guidance and compare the gradients inside the guidance's window."""
    clip, plan = read_clip(config, folder, backbone), sampling_plan(config, backbone)
    schedule = build_schedule(backbone.scheduler, plan.num_steps, eta=0.0, seed=plan.seed)
    anchor = Anchor(plan.anchor)
    networks = Prediction(backbone, clip.text, clip.control, anchor, plan.guidance_scale, plan.chunk_size)
    first, last = (round(edge * plan.num_steps) for edge in WINDOW)
    latents, compared = clip.noise, []
    with anchored(backbone.networks(plan.anchor_modules), anchor):
        for step in range(last):
            if step in plan.sla_steps:
                latents = spatial_latent_alignment(latents, clip.latent_map)
            timestep, level = schedule.timesteps[step], schedule.level(step)
            back = schedule.step_back(networks(latents, timestep), step, latents)
            if step >= first:
                gradient = pixel_wise_guidance(back.x_0, clip.guidance_map, lambda x: decode(backbone, x))
                compared.append(at_step(networks, gradient, latents, timestep, level, step, plan.guidance.strength))
            latents = back.x_before
    return compared


def at_step(
    networks: Prediction, gradient: Tensor, latents: Tensor, timestep: float, level: Level, step: int, strength: float
) -> Compared:
    """Take all three steps of Eq. 8 from one gradient with respect to x0."""
    taken, seconds = {}, {}
    for name in GRADIENTS:
        plan = GuidancePlan(gradient=name, strength=strength)
        start = time.perf_counter()
        own = guidance_step(plan, networks, gradient, latents, timestep=timestep, level=level)
        taken[name] = own[1:].flatten(1)
        seconds[name] = time.perf_counter() - start
    lengths = {name: x.norm(dim=1) for name, x in taken.items()}

    def cosine(name: str) -> float:
        return float(torch.nn.functional.cosine_similarity(taken["direct"], taken[name]).mean())

    return Compared(
        step, level.signal**2, cosine("official_uncond"), cosine("full"),
        float((lengths["official_uncond"] / lengths["direct"]).mean()),
        float((lengths["full"] / lengths["direct"]).mean()), seconds,
    )  # fmt: skip


def table(rows: pd.DataFrame) -> str:
    """Return cosines and lengths by step, means over prompts and frames, and the cost."""
    lines = [
        "| step | abar | cosine to direct: official_uncond | full | length, direct = 1: official_uncond | full |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    for step, group in rows.groupby("step"):
        means = group.drop(columns=["prompt", "seconds", "step"]).astype(float).mean()
        lines.append(
            f"| {step} | {means['share']:.3f} | {means['official_cosine']:.3f} | {means['full_cosine']:.3f} | "
            f"{means['official_length']:.3f} | {means['full_length']:.3f} |"
        )
    spread = rows.groupby("prompt")["official_cosine"].mean()
    seconds = {name: fmean(row[name] for row in rows["seconds"]) for name in GRADIENTS}
    lines += [
        "",
        f"Of {rows['prompt'].nunique()} prompts; the cosine of official_uncond to direct is between "
        f"{spread.min():.3f} and {spread.max():.3f} in the mean of a prompt. Seconds a step besides the decoding and "
        f"its gradient, which all three need: {', '.join(f'{name} {value:.2f}' for name, value in seconds.items())}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
