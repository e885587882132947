"""The change of a variant's score against its baseline over the same prompts and seeds, with its uncertainty.

The prompts are the sample: resampling and sign flips act on a prompt together with all its seeds.
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
"""Minimum number of prompts for intervals and tests."""

MOST_FLIPPED = 14
"""Up to this many prompts every combination of signs is tried; above it, ``DRAWS`` random combinations."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the mean in percent; with enough prompts also its interval and the p-value of no change."""

    percent: float
    interval: tuple[float, float] | None
    p_value: float | None


def change_of(done: pd.DataFrame, baseline: pd.DataFrame | None, metric: str) -> Change | None:
    """Return the change of a metric's mean in percent over the prompts and seeds that both have.

    Args:
        done: the variant's finished runs, as from ``collect``; runs of the same prompt and seed are averaged.
        baseline: the finished runs of its baseline; None without a baseline.
        metric: the name of a column.

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

    Prompts are drawn with replacement, each with all its seeds in both columns: the seeds of one prompt are correlated,
    and as separate samples they would make the interval too narrow.

    Args:
        mine: (N,) scores of the variant.
        theirs: (N,) scores of the baseline, at the same prompts and seeds.
        prompts: the N prompts.
        draws: number of resampled sets.
        seed: seed of the generator.

    Returns:
        None with fewer than ``MIN_PROMPTS`` prompts, or if the baseline is zero in some resampled set.
    """
    labels, count = _numbered(prompts)
    if count < MIN_PROMPTS:
        return None
    # Both means are over the same runs: the number of runs cancels in their ratio, so sums suffice.
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

    Under that hypothesis the difference of each prompt, summed over its seeds, is as likely to have the other sign.
    The p-value is the share of sign combinations whose sum is at least as far from zero as the observed sum; with P
    prompts it is never below 2 / 2**P.

    Args:
        mine: (N,) scores of the variant.
        theirs: (N,) scores of the baseline, at the same prompts and seeds.
        prompts: the N prompts.
        draws: number of random combinations if there are more than ``MOST_FLIPPED`` prompts.
        seed: seed of the generator.

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
        draws: number of resampled sets.
        seed: seed of the generator.

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
    """Return a number for each prompt, the same for equal prompts, and the number of distinct prompts."""
    labels = pd.factorize(pd.Series(list(prompts), dtype=object), use_na_sentinel=False)[0]
    return labels, int(labels.max(initial=-1)) + 1


def _per_run(runs: pd.DataFrame, metric: str) -> pd.Series:
    known = runs.assign(**{metric: pd.to_numeric(runs[metric], errors="coerce")}).dropna(subset=[metric])
    return known.groupby(["prompt", "seed"], dropna=False)[metric].mean()
