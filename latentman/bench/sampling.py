"""``latentman bench sampling``: the cost of the released motion models on this machine, with random weights."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import torch

from latentman.motion.humanml3d import MAX_FRAMES, NUM_FEATURES
from latentman.motion.learned.ancestral import AncestralSampler, guided
from latentman.motion.learned.gmd import GMD
from latentman.motion.learned.mdm import MDM, MDMConfig
from latentman.motion.learned.mld import GUIDANCE_SCALE, MLD, NUM_STEPS, sample_latents

GMD_STEPS = 2
"""The number of timed steps of the large convolutional model, named in the table."""


def sampling_command(arguments: Sequence[str]) -> int:
    """Time one sample of 196 frames of each model, guidance on, and print the table."""
    threads = torch.get_num_threads()
    lines = [
        f"| model | parameters | steps | seconds, {threads} threads | relative to MLD |",
        "| :-- | --: | --: | --: | --: |",
    ]
    rows = [(name, *timed(make)) for name, make in MODELS.items()]
    base = next(seconds for name, _, _, seconds in rows if name == "MLD")
    for name, parameters, steps, seconds in rows:
        lines.append(f"| {name} | {parameters / 1e6:.1f} M | {steps} | {seconds:.2f} | {seconds / base:.1f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


Prepared = tuple[torch.nn.Module, int, Callable[[], object]]
"""A network, its steps, and a function that samples once."""


@torch.no_grad()
def timed(make: Callable[[], Prepared]) -> tuple[int, int, float]:
    """Return parameters, steps and the seconds of a second sample."""
    network, steps, sample = make()
    sample()
    before = time.perf_counter()
    sample()
    return sum(p.numel() for p in network.parameters()), steps, time.perf_counter() - before


def _mdm(config: MDMConfig, text: torch.Tensor) -> Prepared:
    network, sampler = MDM(config).eval(), AncestralSampler.make(50)
    shape = (1, NUM_FEATURES, 1, MAX_FRAMES)
    return network, 50, lambda: sampler.sample(guided(network, text, 2.5), shape, torch.Generator().manual_seed(0))


def _mld() -> Prepared:
    network = MLD().eval()

    def sample() -> torch.Tensor:
        latents = sample_latents(
            network.denoiser, torch.randn(2, 1, 768), latents=torch.randn(1, 1, 256), num_steps=NUM_STEPS,
            guidance_scale=GUIDANCE_SCALE,
        )  # fmt: skip
        return network.vae.decode(latents.transpose(0, 1), torch.tensor([MAX_FRAMES]))

    return network, NUM_STEPS, sample


def _gmd() -> Prepared:
    network, sampler = GMD().eval(), AncestralSampler.make(1000, GMD_STEPS)
    denoise, shape = guided(network, torch.randn(1, 512), 2.5), (1, NUM_FEATURES, 1, MAX_FRAMES)
    return network, GMD_STEPS, lambda: sampler.sample(denoise, shape, torch.Generator().manual_seed(0))


MODELS: dict[str, Callable[[], Prepared]] = {
    "MLD": _mld,
    "MDM, 50 steps": lambda: _mdm(MDMConfig(), torch.randn(1, 512)),
    "MDM decoder, 50 steps": lambda: _mdm(MDMConfig(arch="trans_dec", text_dim=768), torch.randn(1, 12, 768)),
    "GMD, a part of its steps": _gmd,
}
"""Every model at its released size."""
