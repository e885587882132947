"""The recorded sweeps: what is run for each, and what its picture compares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recorded:
    """A sweep, and what its picture compares.

    ``rows`` maps the variants of the picture to their headings, from top to bottom; ``score`` is printed next to them.
    ``pictured`` are the beginnings of the prompts that the picture shows, all if it is empty. The prompts are dealt out
    to ``shards`` sweeps, or there is one sweep for each argument of ``splits``; they can run side by side. One that is
    not ``short`` runs only when it is named.
    """

    arguments: tuple[str, ...]
    rows: dict[str, str]
    score: tuple[str, str] = ("human_mse", "H_MSE")
    pictured: tuple[str, ...] = ()
    shards: int = 1
    splits: tuple[str, ...] = ()
    short: bool = True

    def parts(self, out: Path) -> list[tuple[Path, list[str]]]:
        """Return the folder and the arguments of each sweep to run."""
        if self.splits:
            return [(out / f"part-{index}", [*self.arguments, split]) for index, split in enumerate(self.splits)]
        if self.shards == 1:
            return [(out, list(self.arguments))]
        shards = [f"{index}/{self.shards}" for index in range(self.shards)]
        return [
            (out / f"shard-{index}", [*self.arguments, f"prompts.shard={shard}"]) for index, shard in enumerate(shards)
        ]


FIRST_PICTURE = "default_run"
"""The sweep whose picture is at the top of docs/results.md."""

SWEEPS = {
    "default_run": Recorded(
        ("+exp=default_run", "seed=3"),
        {"method=t2v_zero": "cross-frame attention alone (method=t2v_zero)", "method=latentman": "LatentMan"},
    ),
    "table1": Recorded(
        ("+exp=table1",),
        {
            "method=masactrl": "MasaCtrl",
            "method=latentman_masactrl": "MasaCtrl + LatentMan",
            "method=t2v_zero": "Text2Video-Zero",
            "method=latentman": "Text2Video-Zero + LatentMan",
        },
        pictured=("a superhero", "a dancer", "a gold robot", "a soldier"),
        short=False,
    ),
    "table2_ablation": Recorded(
        ("+exp=ablation",),
        {"sla=none pwg=none": "baseline (sla=none pwg=none)", "sla=full pwg=full": "LatentMan (sla=full pwg=full)"},
        pictured=("a superhero", "a dancer"),
        short=False,
    ),
    "on_the_spot": Recorded(
        ("+exp=ablation_sla", "prompts=on_the_spot3", "setup=mini", "seed=1"),
        {"sla=none": "baseline (sla=none)", "sla=full": "LatentMan (sla=full)"},
    ),
    "fig2_latent_shift": Recorded(
        ("+exp=fig2_latent_shift",),
        {"method=per_frame": "per_frame", "method=t2v_zero": "t2v_zero", "method=latentman": "latentman"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        short=False,
    ),
    "fig5_motion_guidance": Recorded(
        ("+exp=fig5_motion_guidance",),
        {
            "method=t2v_zero_uncond": "Text2Video-Zero, no depth",
            "method=t2v_zero": "Text2Video-Zero with a motion's depth",
            "method=latentman": "LatentMan",
        },
        short=False,
    ),
    "motion_comparison": Recorded(
        ("+exp=motion_comparison",),
        {"motion=procedural": "procedural", "motion=mdm_mini": "mdm_mini"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "sweep_reference": Recorded(
        ("+exp=sweep_reference",),
        {"reference=prev_new": "prev_new", "reference=prev": "prev", "reference=first": "first"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "sweep_solver": Recorded(
        ("+exp=sweep_solver",),
        {"solver=scipy": "scipy", "solver=auto": "auto", "solver=greedy": "greedy", "solver=mutual_nn": "mutual_nn"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "sweep_windows": Recorded(
        ("+exp=sweep_windows",),
        {
            "sla.window=[0.0,0.2] pwg.window=[0.0,0.5]": "A [0.0,0.2] B [0.0,0.5]",
            "sla.window=[0.0,0.4] pwg.window=[0.2,0.7]": "A [0.0,0.4] B [0.2,0.7], the paper's",
            "sla.window=[0.0,0.6] pwg.window=[0.5,1.0]": "A [0.0,0.6] B [0.5,1.0]",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "sweep_delta": Recorded(
        ("+exp=sweep_delta",),
        {"pwg.delta=0.0": "delta 0.0", "pwg.delta=0.01": "delta 0.01", "pwg.delta=0.04": "delta 0.04"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "suppfig2_correspondence": Recorded(
        ("+exp=suppfig2_correspondence",),
        {
            "densepose_lap_paper": "features of the paper's text (densepose_lap_paper)",
            "densepose_lap_official": "features of the released code (densepose_lap_official)",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        short=False,
    ),
    "fig7_failures": Recorded(
        ("+exp=fig7_failures",),
        {
            "baseline": "baseline, no map",
            "densepose_lap_official": "the paper's map (densepose_lap)",
            "mesh": "the exact map (mesh)",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        short=False,
    ),
    "correspondence": Recorded(
        ("+exp=correspondence",),
        {
            "baseline": "baseline, no map",
            "densepose_lap_official": "the paper's map (densepose_lap)",
            "mesh": "the exact map (mesh)",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero", "a skier"),
        shards=2,
        short=False,
    ),
    "gradients": Recorded(
        ("+exp=gradients",),
        {
            "pwg_none": "without guidance",
            "pwg_direct": "direct",
            "pwg_official_uncond": "official_uncond",
            "pwg_full": "full",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero", "a skier"),
        short=False,
    ),
    "decoders": Recorded(
        ("+exp=decoders",),
        {"pwg_direct": "whole pictures", "pwg_figure": "the figure's window"},
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero", "a skier"),
        short=False,
    ),
    "samplers": Recorded(
        ("+exp=samplers",),
        {
            "method=per_frame": "per_frame",
            "method=t2v_zero": "t2v_zero",
            "method=masactrl": "masactrl",
            "method=latentman_masactrl": "latentman_masactrl",
            "method=latentman": "latentman",
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero", "a dancer"),
        short=False,
    ),
    "options": Recorded(
        ("+exp=options",),
        {
            name: name
            for name in (
                "mesh",
                "noise_uv",
                "sla_blend",
                "background_steady",
                "masked",
                "anchor_prev",
                "anchor_first_prev",
                "anchor_all",
            )
        },
        score=("human_mse_mesh", "H_MSE on the mesh"),
        pictured=("a superhero",),
        short=False,
    ),
    "camera": Recorded(
        ("+exp=camera",),
        {
            "camera.orbit=60 variant=baseline": "baseline, the camera goes round by 60 degrees",
            "camera.orbit=60 variant=mesh": "LatentMan, the same",
            "camera.orbit=60 variant=background_mapped": "LatentMan, the background follows the room",
        },
        score=("background_warp_error", "background warp error"),
        short=False,
    ),
    "sweep_schedule": Recorded(
        ("+exp=sweep_schedule",),
        {
            f"num_inference_steps={steps} schedule={schedule}": f"{schedule}, {steps} steps"
            for steps, schedule in ((100, "ddim"), (12, "ddim"), (8, "ddim"), (8, "unipc"), (8, "dpmpp"))
        },
        pictured=("a superhero", "a skier"),
        splits=("num_inference_steps=8,12,20", "num_inference_steps=100,50"),
        short=False,
    ),
    "moving_background": Recorded(
        ("+exp=moving_background",),
        {"background=free": "background=free", "background=moving": "background=moving"},
        score=("background_warp_error", "background warp error"),
        short=False,
    ),
}
