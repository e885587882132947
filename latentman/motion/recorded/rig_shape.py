"""Which joint is which by the shape of a skeleton, for files whose names say nothing.

A person is a joint with two legs and a spine, which ends in two arms and a head: pairs of branches of the same length,
of which the longest pair are the legs. What each joint of a limb is, :mod:`latentman.motion.recorded.limb_chain` finds
by proportions; which side is left, the names if they say so, else the direction of the feet, else that of the knees.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from latentman.motion.recorded.joint_names import canonical_names
from latentman.motion.recorded.limb_chain import WORST, find_arm, find_leg
from latentman.motion.recorded.rigs import _KNOWN, Rig
from latentman.motion.recorded.skeleton_clip import SkeletonClip
from latentman.types import Array

_ALIKE = 0.08
"""Relative difference in length up to which two branches are a pair."""

_SURE = 0.3
"""Mean cosine between a line across the body and the left that the feet, or the knees, show, that is believed."""

_BENT = 0.02
"""Distance of both knees from straight legs, as a part of a leg, that shows where the knees point."""

_FRAMES = 60
"""Frames, spread over the clip, that are looked at."""

_SPINE = {"spine1": 0.4, "spine2": 0.83}
"""Where these joints are on the way from the pelvis to the chest, in the template."""


def match_shape(clip: SkeletonClip) -> Rig | None:
    """Return the joints of a person that a skeleton has by its shape, or None if it is not clearly one."""
    frames = np.unique(np.linspace(0, len(clip.positions) - 1, _FRAMES).round().astype(int))
    tree = _Tree(clip, clip.positions[frames])
    pairs = sorted(tree.pairs(), key=lambda pair: -pair.reach)
    for legs in pairs:
        arms = next((p for p in pairs if clip.descends(p.joint, legs.joint) and not _inside(clip, p, legs)), None)
        if arms is None:
            continue
        found = _person(tree, legs, arms)
        if found is not None:
            return Rig("by its shape", {name: clip.names[joint] for name, joint in found.items()})
    return None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two branches of one joint that are as long as each other."""

    joint: int
    branches: tuple[int, int]
    reach: float


class _Tree:
    """The skeleton with what is asked of it again and again."""

    def __init__(self, clip: SkeletonClip, positions: Array) -> None:
        self.clip, self.positions = clip, positions
        count = len(clip.names)
        self.children: list[list[int]] = [[] for _ in range(count)]
        bone = np.zeros(count)
        for joint, parent in enumerate(clip.parents):
            if parent >= 0:
                self.children[parent].append(joint)
                bone[joint] = np.median(np.linalg.norm(positions[:, joint] - positions[:, parent], axis=-1))
        self.reach = bone.copy()
        for joint in reversed(range(count)):
            self.reach[joint] += max((self.reach[child] for child in self.children[joint]), default=0.0)
        self.names = canonical_names(clip.names, _KNOWN)

    def chain(self, joint: int) -> list[int]:
        """Return the joint and the longest way below it."""
        chain = [joint]
        while below := self.children[chain[-1]]:
            chain.append(max(below, key=lambda child: self.reach[child]))
        return chain

    def pairs(self) -> list[_Pair]:
        found = []
        for joint, children in enumerate(self.children):
            for first, second in combinations(children, 2):
                reach = max(self.reach[first], self.reach[second])
                if reach > 0 and abs(self.reach[first] - self.reach[second]) <= _ALIKE * reach:
                    found.append(_Pair(joint, (first, second), float(reach)))
        return found

    def side(self, joint: int) -> int:
        """Return 1 if the names at and below a joint say left, -1 for right, 0 if they say neither."""
        names = [self.names[each] for each in self.chain(joint)]
        left, right = (sum(name.startswith(side) for name in names) for side in ("L ", "R "))
        return int(np.sign(left - right))


def _inside(clip: SkeletonClip, pair: _Pair, other: _Pair) -> bool:
    """Return whether a pair is at or below a branch of another one."""
    return any(pair.joint == branch or clip.descends(pair.joint, branch) for branch in other.branches)


def _person(tree: _Tree, legs: _Pair, arms: _Pair) -> dict[str, int] | None:
    """Return the joints of a person with these legs and arms, or None if they do not fit."""
    positions, pelvis, chest = tree.positions, legs.joint, arms.joint
    leg_chains, arm_chains = ([tree.chain(branch) for branch in pair.branches] for pair in (legs, arms))
    found_legs = [find_leg(positions[:, chain], positions[:, pelvis]) for chain in leg_chains]
    if max(limb.score for limb in found_legs) > WORST:
        return None
    leg_joints = [_joints(chain, limb.places) for chain, limb in zip(leg_chains, found_legs, strict=True)]
    hip, knee = leg_joints[0][0], leg_joints[0][1]
    thigh = float(np.median(np.linalg.norm(positions[:, knee] - positions[:, hip], axis=-1)))
    arm_chains = [[chest, *chain] for chain in arm_chains]
    found_arms = [find_arm(positions[:, chain], thigh) for chain in arm_chains]
    if max(limb.score for limb in found_arms) > WORST:
        return None
    arm_joints = [_joints(chain, limb.places) for chain, limb in zip(arm_chains, found_arms, strict=True)]
    body = {"pelvis": pelvis, **_spine(tree, pelvis, chest), **_head(tree, chest, arms, thigh)}
    if not {"neck", "head"} & set(body):
        return None
    up = positions[:, body.get("neck", body.get("head"))] - positions[:, pelvis]
    order = _left_first(tree, leg_joints, legs, up)
    if order is None:
        return None
    legs_in_order = [leg_joints[i] for i in order]
    across = positions[:, legs_in_order[0][0]] - positions[:, legs_in_order[1][0]]
    arms_in_order = arm_joints if _along(tree, arm_joints, 1, across) >= 0 else arm_joints[::-1]
    for side, leg, arm in zip(("left", "right"), legs_in_order, arms_in_order, strict=True):
        named = zip(("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist"), (*leg, *arm), strict=True)
        body.update({f"{side}_{name}": joint for name, joint in named if joint is not None})
    return body


def _joints(chain: list[int], places: tuple[int | None, ...]) -> list[int | None]:
    return [None if place is None else chain[place] for place in places]


def _spine(tree: _Tree, pelvis: int, chest: int) -> dict[str, int]:
    """Return the joints between pelvis and chest that are nearest to where the template has its own."""
    way = [chest]
    while tree.clip.parents[way[-1]] != pelvis:
        way.append(tree.clip.parents[way[-1]])
    way.reverse()
    steps = [pelvis, *way]
    lengths = np.linalg.norm(np.diff(tree.positions[:, steps], axis=1), axis=-1)
    places = np.median(lengths, axis=0).cumsum()
    inner = {joint: place / places[-1] for joint, place in zip(way[:-1], places, strict=False)} if places[-1] else {}
    found = {"spine3": chest}
    for name, wanted in _SPINE.items():
        if inner:
            joint = min(inner, key=lambda each: abs(inner[each] - wanted))
            place = inner.pop(joint)
            found[name] = joint
            inner = {each: where for each, where in inner.items() if where > place}
    return found


def _head(tree: _Tree, chest: int, arms: _Pair, thigh: float) -> dict[str, int]:
    """Return neck and head on the longest branch of the chest that is not an arm."""
    others = [child for child in tree.children[chest] if child not in arms.branches]
    if not others:
        return {}
    chain = tree.chain(max(others, key=lambda child: tree.reach[child]))
    apart = [chest]
    for joint in chain:
        between = tree.positions[:, joint] - tree.positions[:, apart[-1]]
        if np.median(np.linalg.norm(between, axis=-1)) > 0.02 * thigh:
            apart.append(joint)
    return dict(zip(("neck", "head") if len(apart) > 2 else ("head",), apart[1:], strict=False))


def _left_first(tree: _Tree, legs: list[list[int | None]], pair: _Pair, up: Array) -> tuple[int, int] | None:
    """Return the order in which the left leg comes first, or None if nothing shows it."""
    sides = [tree.side(branch) for branch in pair.branches]
    if sides[0] * sides[1] < 0:
        return (0, 1) if sides[0] > 0 else (1, 0)
    at = tree.positions
    for ahead in (_feet(at, legs), _knees(at, legs)):
        if ahead is None:
            continue
        vote = _along(tree, legs, 0, np.cross(up, ahead))
        if abs(vote) > _SURE:
            return (0, 1) if vote > 0 else (1, 0)
    return None


def _feet(at: Array, legs: list[list[int | None]]) -> Array | None:
    """Return the direction (T, 3) from ankles to toes, if there are toes."""
    if any(leg[3] is None for leg in legs):
        return None
    return sum((at[:, leg[3]] - at[:, leg[2]] for leg in legs), start=np.zeros(3))


def _knees(at: Array, legs: list[list[int | None]]) -> Array | None:
    """Return the direction (T, 3) in which bent knees point, if they bend enough to show it."""
    bends = np.zeros(3)
    for hip, knee, ankle, _ in legs:
        leg, thigh = at[:, ankle] - at[:, hip], at[:, knee] - at[:, hip]
        along = (leg * thigh).sum(axis=-1, keepdims=True) / np.maximum((leg * leg).sum(axis=-1, keepdims=True), 1e-12)
        bends = bends + thigh - along * leg
    length = np.linalg.norm(at[:, legs[0][2]] - at[:, legs[0][0]], axis=-1)
    return bends if np.median(np.linalg.norm(bends, axis=-1)) > _BENT * np.median(length) else None


def _along(tree: _Tree, limbs: list[list[int | None]], place: int, direction: Array) -> float:
    """Return the mean cosine between a direction (T, 3) and the line from the second limb's joint to the first's."""
    line = tree.positions[:, limbs[0][place]] - tree.positions[:, limbs[1][place]]
    norms = np.linalg.norm(line, axis=-1) * np.linalg.norm(direction, axis=-1)
    return float(((line * direction).sum(axis=-1) / np.maximum(norms, 1e-12)).mean())
