"""Krippendorff's alpha: how far people agree, compared with agreement by chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Return Krippendorff's alpha for nominal values.

    alpha = 1 - D_o / D_e, where D_o is the share of unequal values among the pairs of values within units, and D_e is
    the share among all pairs of values. 1 is full agreement, 0 is agreement by chance, and below 0 people disagree
    systematically. Units may have any number of values; units with fewer than two are left out. Source: K.
    Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).

    Args:
        units: for each thing that was judged, its values.

    Returns:
        None if no unit has two values, or all values are equal: alpha is undefined then.
    """
    judged = [Counter(values) for values in units if len(values) > 1]
    totals: Counter[Hashable] = Counter()
    for counts in judged:
        totals += counts
    total = sum(totals.values())
    if len(totals) < 2:
        return None
    observed = sum(_unequal_pairs(counts) / (sum(counts.values()) - 1) for counts in judged) / total
    expected = _unequal_pairs(totals) / (total * (total - 1))
    return 1 - observed / expected


def _unequal_pairs(counts: Counter[Hashable]) -> int:
    """Return how many ordered pairs of two of the counted values are unequal."""
    total = sum(counts.values())
    return total * total - sum(count * count for count in counts.values())
