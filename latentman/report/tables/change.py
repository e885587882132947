"""By how much a variant's score differs from its baseline's, over the same prompts and seeds, and how sure that is.

The prompts are the sample: what is drawn anew, or has its sign turned, is a prompt with all its seeds.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEVEL = 0.95
DRAWS = 10_000
MIN_PROMPTS = 5
"""Fewest prompts with which resampling them says anything."""

MOST_FLIPPED = 14
"""Most prompts of which every combination of signs is tried; of more, ``DRAWS`` random ones are."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the mean in percent; its interval and the p-value of no change where there are enough prompts."""

    percent: float
    interval: tuple[float, float] | None
    p_value: float | None


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
    percent = float(100 * (ours.mean() / base.mean() - 1))
    return Change(percent, bootstrap_interval(ours, base, prompts), sign_flip_p(ours, base, prompts))


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
    labels, count = _numbered(prompts)
    if count < MIN_PROMPTS:
        return None
    # Both means are over the same runs, so that the number of runs cancels in their ratio and sums are enough.
    ends = _ratio_interval(np.bincount(labels, mine), np.bincount(labels, theirs), draws, seed)
    return None if ends is None else (100 * (ends[0] - 1), 100 * (ends[1] - 1))


def sign_flip_p(
    mine: NDArray[np.float64],
    theirs: NDArray[np.float64],
    prompts: Sequence[Hashable],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> float | None:
    """Return the two-sided p-value of "variant and baseline are the same", by the paired sign-flip test over prompts.

    If they were the same, the difference of each prompt, summed over its seeds, could as well have had the other sign.
    The p-value is the share of all combinations of signs whose sum is at least as far from zero as what was found; with
    P prompts it is never below 2 / 2**P.

    Args:
        mine: (N,) scores of the variant.
        theirs: (N,) those of the baseline, at the same prompts and seeds.
        prompts: the N prompts.
        draws: how many random combinations stand for all where there are more than ``MOST_FLIPPED`` prompts.
        seed: of the generator.

    Returns:
        None with fewer than ``MIN_PROMPTS`` prompts.
    """
    labels, count = _numbered(prompts)
    if count < MIN_PROMPTS:
        return None
    differences = np.bincount(labels, mine - theirs)
    found = abs(differences.sum()) - 1e-9 * np.abs(differences).sum()  # equal sums may differ in their last digits
    if count <= MOST_FLIPPED:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=count)))
        return float((np.abs(signs @ differences) >= found).mean())
    signs = np.random.default_rng(seed).choice([1.0, -1.0], size=(draws, count))
    return float(((np.abs(signs @ differences) >= found).sum() + 1) / (draws + 1))


def mean_interval(
    values: NDArray[np.float64], prompts: Sequence[Hashable], *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a mean, by resampling the prompts with all their seeds.

    Args:
        values: (N,) scores.
        prompts: the N prompts.
        draws: how many resampled sets.
        seed: of the generator.

    Returns:
        None with fewer than ``MIN_PROMPTS`` prompts.
    """
    labels, count = _numbered(prompts)
    if count < MIN_PROMPTS:
        return None
    return _ratio_interval(np.bincount(labels, values), np.bincount(labels), draws, seed)


def _ratio_interval(above: NDArray[Any], below: NDArray[Any], draws: int, seed: int) -> tuple[float, float] | None:
    """Return the percentile interval of sum(above) / sum(below) over prompts drawn with replacement.

    None if the denominator is zero in some resampled set.
    """
    drawn = np.random.default_rng(seed).integers(len(above), size=(draws, len(above)))
    denominator = below[drawn].sum(1)
    if (denominator == 0).any():
        return None
    low, high = np.quantile(above[drawn].sum(1) / denominator, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _numbered(prompts: Sequence[Hashable]) -> tuple[NDArray[np.intp], int]:
    """Return a number for each prompt, equal prompts having the same, and how many there are."""
    labels = pd.factorize(pd.Series(list(prompts), dtype=object), use_na_sentinel=False)[0]
    return labels, int(labels.max(initial=-1)) + 1


def _per_run(runs: pd.DataFrame, metric: str) -> pd.Series:
    known = runs.assign(**{metric: pd.to_numeric(runs[metric], errors="coerce")}).dropna(subset=[metric])
    return known.groupby(["prompt", "seed"], dropna=False)[metric].mean()
