"""What one participant sees: an order of the pairs and a side for each video, drawn from the study's seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from latentman.study.design import Pair, Study


@dataclass(frozen=True, slots=True)
class Showing:
    """One pair as a participant sees it: the codes of the pair and of the left and the right video."""

    pair: str
    left: str
    right: str


def plan_for(study: Study, seed: int, participant: str) -> list[Showing]:
    """Return the pairs of a study in the order and with the sides that this participant gets.

    Half of the comparisons have ours on the left (one more or one fewer if their number is odd), so that a participant
    who always presses the same key prefers neither method. Attention checks are spread over the study. The first pair
    is a comparison.

    Args:
        study: the study whose pairs are shown.
        seed: the seed of the study.
        participant: the participant's code; the same seed and code give the same plan.
    """
    rng = random.Random(f"plan {seed} {study.code} {participant}")
    comparisons, checks = list(study.comparisons()), [pair for pair in study.pairs if pair.is_check]
    rng.shuffle(comparisons)
    rng.shuffle(checks)
    lefts = [index % 2 == 0 for index in range(len(comparisons))]
    if rng.random() < 0.5:
        lefts = [not left for left in lefts]
    rng.shuffle(lefts)
    shown = [_showing(pair, left) for pair, left in zip(comparisons, lefts, strict=True)]
    # One check in each of as many equal stretches as there are checks, at a drawn place within it.
    length = len(shown)
    stops = [round(length * number / len(checks)) for number in range(len(checks) + 1)] if checks else []
    for number in reversed(range(len(checks))):
        first, last = stops[number], stops[number + 1]
        place = min(rng.randint(first, max(first, last - 1)) + 1, length)
        shown.insert(place, _showing(checks[number], rng.random() < 0.5))
    return shown


def _showing(pair: Pair, expected_is_left: bool) -> Showing:
    left, right = pair.videos() if expected_is_left else pair.videos()[::-1]
    return Showing(pair.code, left, right)
