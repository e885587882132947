"""Rows of small sweeps, as ``read_results`` gives them, with numbers that were made here."""

import json

import numpy as np
import pandas as pd

BASELINE = {"sla": "none", "pwg": "none"}


def row(*, prompt="a knight walks", seed=1, sla="none", pwg="none", human_mse=100.0, state="done", **more):
    """One run of an ablation."""
    values = {
        "folder": f"{seed}_sla-{sla}_pwg-{pwg}/{prompt.replace(' ', '-')}",
        "job": f"{seed}_sla-{sla}_pwg-{pwg}",
        "name": "ablation",
        "state": state,
        "error": None if state == "done" else "NumericsError: the latents are not finite",
        "stage": None,
        "prompt": prompt,
        "seed": seed,
        "num_frames": 5,
        "is_baseline": (sla, pwg) == ("none", "none"),
        "baseline": json.dumps(BASELINE),
        "weights": json.dumps({"model": "9f8e7d"}),
        "version": "0.1.0",
        "commit": "1f2e3d4c",
        "command": f"python -m latentman.run sla={sla} pwg={pwg} 'prompt={prompt}' seed={seed}",
        "choice.setup": "mini",
        "choice.solver": "auto",
        "choice.sla": sla,
        "choice.pwg": pwg,
        "swept.sla": sla,
        "swept.pwg": pwg,
        "human_mse": human_mse if state == "done" else None,
    }
    return values | more


def ablation(prompts=6, seeds=2, *, left_out=()):
    """An ablation whose scores follow from prompt, seed and settings; ``left_out``: (prompt number, seed, sla, pwg)."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(prompts):
        for seed in range(1, seeds + 1):
            hardness = 1000 * (1 + number) + 30 * seed
            for sla, pwg, share in (
                ("none", "none", 1.0),
                ("none", "full", 0.95),
                ("full", "none", 0.7),
                ("full", "full", 0.6),
            ):
                if (number, seed, sla, pwg) not in left_out:
                    score = hardness * share * rng.uniform(0.97, 1.03)
                    rows.append(
                        row(
                            prompt=f"a knight walks number {number}", seed=seed, sla=sla, pwg=pwg, human_mse=score,
                            human_mse_mesh=1.1 * score, warp_error=3 * score, figure_contrast=rng.uniform(40, 60),
                            figure_overlap=0.8, seconds_denoise=20 + 10 * (pwg == "full"),
                            seconds_total=25 + 10 * (pwg == "full"), seconds_correspondence=0.5, coverage=0.9,
                            peak_memory_bytes=1e9,
                        )
                    )  # fmt: skip
    return pd.DataFrame(rows)
