"""By how much a variant's score differs from its baseline's, over the same prompts and seeds, and how sure that is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEVEL = 0.95
DRAWS = 10_000
MIN_PROMPTS = 5
"""Fewest prompts with which resampling them says anything."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the mean in percent, and its interval where there are enough prompts for one."""

    percent: float
    interval: tuple[float, float] | None


def change_of(done: pd.DataFrame, baseline: pd.DataFrame | None, metric: str) -> Change | None:
    """Return by how many percent the mean of a metric differs over the prompts and seeds that both have.

    Args:
        done: the variant's finished runs, as from ``collect``; several of one prompt and seed are averaged.
        baseline: those of its baseline; None where there is none.
        metric: a column's name.

    Returns:
        None without a baseline, a common run or the metric, or if the baseline's mean is zero.
    """
    if baseline is None or metric not in done.columns or metric not in baseline.columns:
        return None
    mine, theirs = _per_run(done, metric), _per_run(baseline, metric)
    common = mine.index.intersection(theirs.index)
    if not len(common) or theirs[common].mean() == 0:
        return None
    ours, base = mine[common].to_numpy(float), theirs[common].to_numpy(float)
    prompts = common.get_level_values("prompt").tolist()
    return Change(float(100 * (ours.mean() / base.mean() - 1)), bootstrap_interval(ours, base, prompts))


def bootstrap_interval(
    mine: NDArray[np.float64],
    theirs: NDArray[np.float64],
    prompts: Sequence[Hashable],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of the change of the mean in percent, by the paired bootstrap.

    What is drawn with replacement are the prompts, each with all its seeds in both columns: the seeds of one prompt
    resemble one another, and as separate samples they would make the interval too narrow.

    Args:
        mine: (N,) scores of the variant.
        theirs: (N,) those of the baseline, at the same prompts and seeds.
        prompts: the N prompts.
        draws: how many resampled sets.
        seed: of the generator.

    Returns:
        None with fewer than ``MIN_PROMPTS`` prompts, or if the baseline is zero in some resampled set.
    """
    labels = pd.factorize(pd.Series(list(prompts), dtype=object), use_na_sentinel=False)[0]
    count = int(labels.max(initial=-1)) + 1
    if count < MIN_PROMPTS:
        return None
    # Both means are over the same runs, so that the number of runs cancels in their ratio and sums are enough.
    above, below = np.bincount(labels, mine), np.bincount(labels, theirs)
    drawn = np.random.default_rng(seed).integers(count, size=(draws, count))
    denominator = below[drawn].sum(1)
    if (denominator == 0).any():
        return None
    changes = 100 * (above[drawn].sum(1) / denominator - 1)
    low, high = np.quantile(changes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _per_run(runs: pd.DataFrame, metric: str) -> pd.Series:
    known = runs.assign(**{metric: pd.to_numeric(runs[metric], errors="coerce")}).dropna(subset=[metric])
    return known.groupby(["prompt", "seed"], dropna=False)[metric].mean()
