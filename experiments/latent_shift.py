"""Draws how latents change when the picture moves, into experiments/fig2_latent_shift.

python experiments/latent_shift.py SWEEP     from the root of a checkout

SWEEP is the folder of a finished +exp=fig2_latent_shift: frame 1 is frame 0, ten pixels further to the right. If the
networks went along with a shift, the latents of the figure would be the same values elsewhere. latents.png shows frames
and distributions for one prompt, latents.md the distances of all: how far a latent is from the one of the same point of
the body (mean absolute difference), and how far the two distributions are (Wasserstein distance), both in standard
deviations of the figure's latents in frame 0, means over the channels.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from latentman.correspondence.mesh import match_mesh
from latentman.files.run_file import read_body, read_conditions
from latentman.pipeline.latent_file import read_latents
from latentman.report.collect import collect
from latentman.report.tables.variants import variant_labels
from latentman.system.paths import write_atomic, write_text
from latentman.video import read_png_frames

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).resolve().parent
OUT = HERE / "fig2_latent_shift"


@dataclass(frozen=True)
class Shifted:
    """A run: its label, its two frames (2, H, W, 3), and the latents of the same points of the body in both, (K, C)."""

    label: str
    prompt: str
    frames: NDArray[np.uint8]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    human_mse: float

    @property
    def spread(self) -> NDArray[np.float64]:
        """Standard deviation of each channel in frame 0."""
        return self.before.std(0)

    @property
    def moved(self) -> float:
        """Mean absolute difference at the same points of the body, in standard deviations."""
        return float((np.abs(self.after - self.before) / self.spread).mean())

    @property
    def redistributed(self) -> float:
        """Wasserstein distance of the distributions, in standard deviations."""
        channels = range(self.before.shape[1])
        distances = [wasserstein_distance(self.before[:, c], self.after[:, c]) / self.spread[c] for c in channels]
        return float(np.mean(distances))


def main() -> None:
    """Measure and draw a sweep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path)
    sweep = parser.parse_args().sweep
    results = collect(sweep)
    done = results[results["state"] == "done"].assign(variant=variant_labels(results))
    runs = [_read(sweep / str(run.folder), run) for run in done.itertuples()]
    first = runs[0].prompt
    data = _figure([run for run in runs if run.prompt == first])
    write_atomic(OUT / "latents.png", lambda path: path.write_bytes(data))
    write_text(OUT / "latents.md", _table(runs))


def _read(folder: Path, run: object) -> Shifted:
    sequence = read_body(folder / "body.npz")
    conditions = read_conditions(folder / "conditions.npz")
    latents = read_latents(folder / "latents.safetensors").double().numpy()
    found = match_mesh(sequence, conditions, size=latents.shape[-1], reference="prev")
    target, source = found.pairs[1]
    before, after = latents[0][:, source[:, 0], source[:, 1]].T, latents[1][:, target[:, 0], target[:, 1]].T
    frames = read_png_frames(folder / "frames")
    return Shifted(run.variant, run.prompt, frames, before, after, run.human_mse_mesh)  # type: ignore[attr-defined]


def _figure(runs: list[Shifted]) -> bytes:
    channels = runs[0].before.shape[1]
    figure, axes = plt.subplots(
        len(runs), 2 + channels, figsize=(2.1 * (2 + channels), 2.2 * len(runs)), squeeze=False, layout="constrained"
    )
    for row, run in zip(axes, runs, strict=True):
        for index in (0, 1):
            row[index].imshow(run.frames[index])
            row[index].set(xticks=[], yticks=[], title=("frame 0", "ten pixels to the right")[index])
        row[0].set_ylabel(run.label)
        for channel, axis in enumerate(row[2:]):
            both = np.concatenate([run.before[:, channel], run.after[:, channel]])
            low, high = np.quantile(both, [0.002, 0.998])
            bins = np.linspace(low, high, 40)
            axis.hist(run.before[:, channel], bins, color="#9db8c7", label="frame 0")
            axis.hist(run.after[:, channel], bins, histtype="step", color="#b3541e", linewidth=1.4, label="shifted")
            axis.set(yticks=[], title=f"latent channel {channel}")
    axes[0][2].legend(fontsize=7, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def _table(runs: list[Shifted]) -> str:
    rows = pd.DataFrame([(r.label, r.moved, r.redistributed, r.human_mse) for r in runs])
    means = rows.groupby(0, sort=False).mean()
    lines = [
        "| variant | latents of the same point (sd) | distributions (sd) | H_MSE mesh |",
        "| :-- | --: | --: | --: |",
        *(f"| {label} | {row[1]:.2f} | {row[2]:.2f} | {row[3]:.0f} |" for label, row in means.iterrows()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
