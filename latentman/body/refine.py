"""Fitting a noisy motion: one least-squares problem over all frames of a clip, without a mesh.

The unknowns are the root's path, the global rotation of every bone, and the shape if the body has a shape space. Bones
keep their lengths by construction; the terms that are balanced against the distance to the given joints are in
``energy``. Levenberg's damping ensures that every accepted step decreases the energy, and a step costs one banded
factorisation (``block_bands``).

The method follows SMPLify (Bogo et al., ECCV 2016), which fits every frame separately, through the mesh, with a pose
prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from latentman.body.energy import FREE, Problem, State, evaluate, moved
from latentman.body.ik import follow
from latentman.body.twist import limit_twist
from latentman.motion.quality import contact_labels, floor_height
from latentman.motion.skeleton import PARENTS
from latentman.types import Array

_ROUNDS = 30
_TOLERANCE = 1e-5
"""Relative decrease of the energy below which the search stops."""

_FIRST_DAMPING, _LARGEST_DAMPING = 1e-4, 1e8
_LEAST_NOISE, _MOST_NOISE = 0.002, 0.05
_LABEL_SECONDS = 0.05
"""Width of the temporal smoothing before standing feet are detected; unsmoothed noise would make them too fast."""


@dataclass(frozen=True, slots=True)
class Refined:
    """The result: global rotations (T, 24, 3, 3), the root's path (T, 3) in metres, shape ``betas`` (B,).

    ``energies`` are the energies at the start and after every accepted step.
    """

    rotations: Array
    root: Array
    betas: Array
    energies: tuple[float, ...]


def refine(
    offsets: Array,
    rotations: Array,
    joints: Array,
    fps: float,
    *,
    directions: Array | None = None,
    betas: Array | None = None,
) -> Refined:
    """Refine a first fit over the whole clip.

    Args:
        offsets: (24, 3) T-pose bones in metres, at betas 0.
        rotations: (T, 24, 3, 3) global, the first fit.
        joints: (T, 22, 3) metres, finite, Y up: the joints to follow.
        fps: frames per second.
        directions: (24, 3, B) change of the bones per unit of each beta; None keeps the shape.
        betas: (B,) initial values.
    """
    if directions is None:
        directions, betas = np.zeros((*offsets.shape, 0)), np.zeros(0)
    problem = pose_problem(offsets, directions, rotations, joints, fps)
    start = State(joints[:, 0].copy(), rotations[:, FREE], np.zeros(directions.shape[-1]) if betas is None else betas)
    state, energies = descend(problem, start)
    full = rotations.copy()
    full[:, FREE] = state.rotations
    bones = problem.bones(state.betas)
    return Refined(follow(limit_twist(follow(full), bones)), state.root, state.betas, energies)


def pose_problem(offsets: Array, directions: Array, rotations: Array, joints: Array, fps: float) -> Problem:
    """Return the problem of a clip, with estimates of its noise, its floor and its standing feet."""
    calm = gaussian_filter1d(joints, _LABEL_SECONDS * fps, axis=0, mode="nearest")
    floor = floor_height(calm)
    labels = contact_labels(calm, fps, floor=floor)
    return Problem(
        offsets=offsets,
        directions=directions,
        joints=joints,
        first=rotations[:, FREE],
        standing=labels[:-1] & labels[1:],
        floor=floor,
        fps=fps,
        noise=float(np.clip(noise_of(joints), _LEAST_NOISE, _MOST_NOISE)),
    )


def noise_of(joints: Array) -> float:
    """Estimate the noise of joints (T, 22, 3): the standard deviation in metres of a coordinate.

    If two joints have an error of s in every coordinate, the length of the bone between them has an error of sqrt(2) s;
    real bones have a constant length. The median over the bones excludes bones that do vary.
    """
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)
    return float(np.median(lengths.std(axis=0)) / np.sqrt(2))


def descend(problem: Problem, state: State) -> tuple[State, tuple[float, ...]]:
    """Minimise the energy, starting from ``state``; return the best state and the decreasing energies."""
    energy, equations = evaluate(problem, state)
    energies, damping = [energy], _FIRST_DAMPING
    for _ in range(_ROUNDS):
        trial = moved(state, *equations.solve(damping))
        trial_energy, trial_equations = evaluate(problem, trial)
        if trial_energy < energy:
            saved = 1 - trial_energy / energy
            state, energy, equations = trial, trial_energy, trial_equations
            energies.append(energy)
            damping *= 0.2
            if saved < _TOLERANCE:
                break
        elif damping > _LARGEST_DAMPING:
            break
        else:
            damping *= 10
    return state, tuple(energies)
