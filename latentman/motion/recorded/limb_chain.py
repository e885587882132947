"""Which joints of a chain are a leg's or an arm's: by proportions, and by bones that keep their length.

Chains of a file may have more joints than a limb has: pivots of no length, twist bones inside a thigh, fingers beyond a
wrist. Every choice of joints is scored against the proportions of HumanML3D's template, in units of the thigh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from latentman.motion.skeleton import BONE_LENGTHS
from latentman.types import Array

_THIGH, _SHIN, _FOOT = (float(BONE_LENGTHS[joint]) for joint in (4, 7, 10))
_COLLAR_TO_SHOULDER = float(BONE_LENGTHS[13] + BONE_LENGTHS[16])
_UPPER_ARM, _FOREARM = (float(BONE_LENGTHS[joint]) for joint in (18, 20))

WORST = 12.0
"""A score above this is not a limb."""

_MOST_JOINTS = 14
"""Joints of a chain, without those at one point, beyond which only the first are looked at."""

_STIFF = 0.01
"""Relative variation of a bone's length over the clip that counts as much as one unit of score."""

_LEAF_COST = 0.3
"""What a joint that the skeleton lacks costs, so that one that fits is preferred."""


@dataclass(frozen=True, slots=True)
class Limb:
    """Chosen joints by their places in the chain, None where the chain lacks one, and how badly they fit."""

    places: tuple[int | None, ...]
    score: float


def find_leg(chain: Array, origin: Array) -> Limb:
    """Return hip, knee, ankle and toe (None without one) of a chain.

    Args:
        chain: (T, N, 3) positions from the joint below the pelvis to the end of the limb.
        origin: (T, 3) positions of the pelvis.
    """
    best = Limb((), np.inf)
    kept = _apart(chain)
    for hip, knee, ankle in combinations(kept, 3):
        thigh, shin = _bone(chain, hip, knee), _bone(chain, knee, ankle)
        score = _off(shin.length / thigh.length, _SHIN / _THIGH, 0.15) + thigh.stretch + shin.stretch
        offset = _length(chain[:, hip] - origin) / thigh.length
        score += max(0.0, offset - 0.45) * 20 + (1.0 if offset < 0.05 else 0.0)
        ends = [(toe, _bone(chain, ankle, toe)) for toe in kept if toe > ankle]
        fits = [
            (_off(foot.length / shin.length, _FOOT / _SHIN, 0.5) + foot.stretch, toe)
            for toe, foot in ends
            if foot.length > 0
        ]
        foot_score, toe = min(fits, default=(1.0, None))
        # A file without toes has at most an end right behind the ankle.
        score += foot_score
        if score < best.score:
            best = Limb((hip, knee, ankle, toe), score)
    return best


def find_arm(chain: Array, thigh: float) -> Limb:
    """Return collar (None without one), shoulder, elbow and wrist of a chain.

    Args:
        chain: (T, N, 3) positions from the chest's joint to the end of the limb; the first is the chest itself.
        thigh: length of the thigh.
    """
    best = Limb((), np.inf)
    kept = _apart(chain)
    for shoulder, elbow, wrist in combinations(kept[1:], 3):
        upper, lower = _bone(chain, shoulder, elbow), _bone(chain, elbow, wrist)
        score = _off(upper.length / thigh, _UPPER_ARM / _THIGH, 0.25) + upper.stretch
        score += _off(lower.length / thigh, _FOREARM / _THIGH, 0.25) + lower.stretch
        score += _off(lower.length / upper.length, _FOREARM / _UPPER_ARM, 0.15)
        reach = _length(chain[:, shoulder] - chain[:, kept[0]])
        score += _off(reach / thigh, _COLLAR_TO_SHOULDER / _THIGH, 0.6)
        collars = [joint for joint in kept[1:] if joint < shoulder]
        score += 0.0 if collars else _LEAF_COST
        if score < best.score:
            best = Limb((collars[-1] if collars else None, shoulder, elbow, wrist), score)
    return best


@dataclass(frozen=True, slots=True)
class _Bone:
    length: float
    stretch: float


def _bone(chain: Array, first: int, second: int) -> _Bone:
    lengths = np.linalg.norm(chain[:, second] - chain[:, first], axis=-1)
    middle = float(np.median(lengths))
    return _Bone(middle, float(lengths.std()) / max(middle, 1e-12) / _STIFF)


def _length(difference: Array) -> float:
    return float(np.median(np.linalg.norm(difference, axis=-1)))


def _off(ratio: float, expected: float, spread: float) -> float:
    """Return how far a ratio is from what is expected, squared, in units of ``spread`` of its logarithm."""
    return float((np.log(max(ratio, 1e-6) / expected) / spread) ** 2)


def _apart(chain: Array) -> Sequence[int]:
    """Return the joints of a chain (T, N, 3) of which none shares its place with the one before."""
    steps = np.median(np.linalg.norm(np.diff(chain, axis=1), axis=-1), axis=0)
    near = 0.005 * steps.sum()
    kept = [0]
    for joint in range(1, chain.shape[1]):
        if _length(chain[:, joint] - chain[:, kept[-1]]) > near:
            kept.append(joint)
    return kept[:_MOST_JOINTS]
