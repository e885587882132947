"""How alike the guidance's gradients by each decoder and region are, into experiments/decoders/angles.md.

python experiments/decoder_angles.py SWEEP [--prompts N] [--every N]     from the root of a checkout

SWEEP is the folder of a finished +exp=decoders. Its runs with the VAE's whole pictures give clips and settings; each is
denoised again without guidance, and at steps of the guidance's window the gradient with respect to x0 is taken at
the same latents in every way. None is applied, so that all are compared on one and the same way.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import torch
from gradient_angles import read_clip, read_config

from latentman.config import Config
from latentman.diffusion.denoise import Sampling, gradient_of_clean, installed_attention, prediction
from latentman.diffusion.schedule import build_schedule
from latentman.diffusion.sla import spatial_latent_alignment
from latentman.networks.backbone import Backbone
from latentman.networks.load import load_backbone
from latentman.pipeline.sampling import sampling_plan
from latentman.system.paths import write_text

HERE = Path(__file__).resolve().parent
WAYS = tuple(product(("full", "tiny"), ("picture", "figure")))


def main() -> None:
    """Compare the gradients on every prompt and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--prompts", type=int, default=None)
    parser.add_argument("--out", type=Path, default=HERE / "decoders" / "angles.md")
    parser.add_argument("--every", type=int, default=1, help="compare at every N-th guided step, from the N/2-th")
    arguments = parser.parse_args()
    folders = sorted(path.parent for path in arguments.sweep.rglob("*pwg_direct/*/latents.safetensors"))
    backbone, rows = None, []
    for folder in folders[: arguments.prompts]:
        config = read_config(folder)
        setup = replace(config.setup, tiny_decoder=config.setup.tiny_decoder or "asset:mini-decoder")
        backbone = backbone or load_backbone(setup, config.conditioner, torch.device("cpu"))
        rows += [{"prompt": config.prompt, **row} for row in compare(config, folder, backbone, arguments.every)]
        cosines = pd.DataFrame(rows).groupby(["decoder", "region"])["cosine"].mean().round(3).to_dict()
        sys.stdout.write(f"{config.prompt}: so far {cosines}\n")
        sys.stdout.flush()
    write_text(arguments.out, table(pd.DataFrame(rows)))


@torch.no_grad()
def compare(config: Config, folder: Path, backbone: Backbone, every: int) -> list[dict[str, object]]:
    """Denoise one clip without guidance and compare the gradients inside the guidance's window."""
    frames, plan = read_clip(config, folder, backbone), sampling_plan(config, backbone)
    schedule = build_schedule(backbone.scheduler, plan.num_steps, eta=0.0, seed=plan.seed)
    networks = prediction(backbone, frames, plan)
    ways = {}
    for decoder, region in WAYS:
        guidance = replace(plan.guidance, decoder=decoder, region=region)
        ways[decoder, region] = Sampling.of(schedule, frames, replace(plan, guidance=guidance), backbone.device)
    compared = plan.guidance.steps[every // 2 :: every]
    latents, rows = frames.noise, list[dict[str, object]]()
    with installed_attention(networks, plan):
        for step in range(compared[-1] + 1):
            if step in plan.sla_steps:
                latents = spatial_latent_alignment(latents, frames.latent_map)
            noise = networks.at(step)(latents, schedule.timesteps[step])
            back = schedule.step_back(noise, step, latents)
            if step in compared:
                rows += at_step(backbone, ways, back.x_0, step)
            latents = back.x_before
    return rows


def at_step(
    backbone: Backbone, ways: dict[tuple[str, str], Sampling], clean: torch.Tensor, step: int
) -> list[dict[str, object]]:
    """Take the gradient in every way: cosine to the VAE's on whole pictures, length relative to it, CPU seconds."""
    rows, reference = [], None
    for (decoder, region), sampling in ways.items():
        start = time.process_time()
        found = gradient_of_clean(backbone, sampling, clean)[1:].flatten(1)
        seconds = time.process_time() - start
        reference = found if reference is None else reference
        rows.append({
            "step": step, "decoder": decoder, "region": region, "seconds": seconds,
            "cosine": float(torch.cosine_similarity(found, reference).mean()),
            "length": float((found.norm(dim=1) / reference.norm(dim=1)).mean()),
        })  # fmt: skip
    return rows


def table(rows: pd.DataFrame) -> str:
    """Return means over prompts, steps and frames, and the extremes of prompts and steps."""
    lines = [
        "| `pwg.decoder` | `pwg.region` | cosine | of prompts | of steps, first to last | length | CPU seconds |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for (decoder, region), group in rows.groupby(["decoder", "region"], sort=False):
        prompts, steps = group.groupby("prompt")["cosine"].mean(), group.groupby("step")["cosine"].mean()
        lines.append(
            f"| {decoder} | {region} | {group['cosine'].mean():.3f} | {prompts.min():.3f} to {prompts.max():.3f} | "
            f"{steps.iloc[0]:.3f} to {steps.iloc[-1]:.3f} | {group['length'].mean():.3f} | "
            f"{group['seconds'].mean():.2f} |"
        )
    lines += ["", f"Of {rows['prompt'].nunique()} prompts."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
