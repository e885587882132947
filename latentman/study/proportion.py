"""How sure a proportion is: Wilson's interval, the exact binomial test, and a bootstrap over participants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest

DRAWS = 10_000
MIN_CLUSTERS = 5
"""With fewer participants, resampling them is meaningless."""


def wilson_interval(successes: int, total: int) -> tuple[float, float] | None:
    """Return Wilson's 95 % score interval of a proportion, without continuity correction; None if ``total`` is 0.

    Raises:
        ValueError: unless 0 <= successes <= total.
    """
    _check(successes, total)
    if total == 0:
        return None
    ends = binomtest(successes, total).proportion_ci(0.95, method="wilson")
    return float(ends.low), float(ends.high)


def binomial_test(successes: int, total: int) -> float | None:
    """Return the two-sided p value of the exact binomial test against an even chance; None if ``total`` is 0.

    Raises:
        ValueError: unless 0 <= successes <= total.
    """
    _check(successes, total)
    return float(binomtest(successes, total, 0.5).pvalue) if total else None


def cluster_bootstrap(clusters: Sequence[tuple[int, int]], *, seed: int = 0) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of the proportion from resampling whole participants.

    The answers of one person resemble each other. Resampling single answers would make the interval too narrow.

    Args:
        clusters: (successes, total) of each participant, total at least 1.
        seed: seed of the generator.

    Returns:
        None with fewer than ``MIN_CLUSTERS`` participants.
    """
    if len(clusters) < MIN_CLUSTERS:
        return None
    successes, totals = np.asarray(clusters, dtype=float).T
    drawn = np.random.default_rng(seed).integers(len(clusters), size=(DRAWS, len(clusters)))
    low, high = np.quantile(successes[drawn].sum(1) / totals[drawn].sum(1), [0.025, 0.975])
    return float(low), float(high)


def _check(successes: int, total: int) -> None:
    if not 0 <= successes <= total:
        raise ValueError(f"{successes} of {total} is not a proportion")
