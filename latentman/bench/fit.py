"""``latentman bench fit``: the accuracy of fitted joints, the jumps of twists, and the cost of a fit."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latentman.bench.motion import PROMPTS
from latentman.body.anny import load_anny
from latentman.body.fit import pose_body
from latentman.body.skinning import Body, place_joints
from latentman.body.twist import largest_twist_step
from latentman.config import BodyConfig
from latentman.motion.procedural.source import ProceduralSource
from latentman.types import Array, Motion

NUM_FRAMES, NOISE, FPS = 60, 0.005, 20.0


@dataclass(frozen=True, slots=True)
class FitFigures:
    """Figures of one motion: CPU seconds of the fit, mean distances in millimetres, largest twist step in degrees."""

    seconds: float
    to_input: float
    to_truth: float
    twist: float


def fit_command(arguments: Sequence[str]) -> int:
    """Fit the motion of every prompt, clean and with 5 mm of noise, and print the table."""
    body, rng = load_anny(BodyConfig("anny")), np.random.default_rng(0)
    clips = [ProceduralSource(FPS)(prompt, num_frames=NUM_FRAMES, seed=1).joints for prompt in PROMPTS[:-1]]
    fit_figures(body, clips[0], clips[0], "always")  # imports and caches of the first call
    lines = ["| input | fit | CPU s, 60 frames | to the input, mm | to the truth, mm | largest twist step, ° |"]
    lines.append("| :-- | :-- | --: | --: | --: | --: |")
    for label, noise in (("clean", 0.0), ("5 mm of noise", NOISE)):
        given = [clip + rng.normal(0, noise, clip.shape) for clip in clips]
        for name, refine in (("analytic", "never"), ("refined", "always")):
            found = [fit_figures(body, g, clip, refine) for g, clip in zip(given, clips, strict=True)]
            mean = [float(np.mean([getattr(f, key) for f in found])) for key in ("seconds", "to_input", "to_truth")]
            twist = max(f.twist for f in found)
            lines.append(f"| {label} | {name} | {mean[0]:.3f} | {mean[1]:.2f} | {mean[2]:.2f} | {twist:.0f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def fit_figures(body: Body, joints: Array, truth: Array, refine: str) -> FitFigures:
    """Fit one motion (T, 22, 3) and compare the result with it and with the true joints."""
    motion = Motion(joints, FPS, "", "bench")
    before = time.process_time()
    fitted, rotations, root = pose_body(body, motion, BodyConfig("anny", refine=refine))
    seconds = time.process_time() - before
    placed = place_joints(fitted, rotations, root)[:, :22]
    to_input, to_truth = (1000 * float(np.linalg.norm(placed - other, axis=-1).mean()) for other in (joints, truth))
    return FitFigures(seconds, to_input, to_truth, largest_twist_step(rotations, fitted.offsets))
