"""The scores of the evaluation, with their confidence intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentman.types import Array

_Z95 = 1.959964


@dataclass(frozen=True)
class Score:
    """A value with its 95 % confidence interval, over ``number`` pictures; None if there are none."""

    value: float | None
    low: float | None
    high: float | None
    number: int


def share(right: Array) -> Score:
    """Return the share of true values among ``right`` (N,) bool, with Wilson's interval (1927)."""
    number = len(right)
    if number == 0:
        return Score(None, None, None, 0)
    p = float(np.mean(right))
    scale = 1 + _Z95**2 / number
    middle = (p + _Z95**2 / (2 * number)) / scale
    reach = _Z95 / scale * math.sqrt(p * (1 - p) / number + _Z95**2 / (4 * number**2))
    return Score(p, max(0.0, middle - reach), min(1.0, middle + reach), number)


def mean(values: Array) -> Score:
    """Return the mean of ``values`` (N,), with the interval of its standard error."""
    number = len(values)
    if number == 0:
        return Score(None, None, None, 0)
    value = float(np.mean(values))
    reach = _Z95 * float(np.std(values, ddof=1)) / math.sqrt(number) if number > 1 else math.nan
    return Score(value, value - reach, value + reach, number) if number > 1 else Score(value, None, None, 1)


def psnr(first: Tensor, second: Tensor) -> Array:
    """Return the peak signal-to-noise ratio (N,) in dB of images (N, 3, H, W) uint8; infinity is reported as 100."""
    error = (first.double() - second.double()).pow(2).mean((1, 2, 3))
    return np.minimum((10 * torch.log10(255**2 / error.clamp_min(1e-12))).cpu().numpy(), 100.0)


def mask_iou(first: Tensor, second: Tensor) -> Array:
    """Return intersection over union (N,) of masks (N, H, W) bool; it is 1 for two empty masks."""
    both = (first & second).flatten(1).sum(1).double()
    either = (first | second).flatten(1).sum(1).double()
    return torch.where(either > 0, both / either.clamp_min(1), torch.ones_like(either)).cpu().numpy()


def frechet_distance(first: Array, second: Array) -> float:
    """Return the Frechet distance of two sets of features (N, D) and (M, D), two or more each, modelled as Gaussians.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), as in Heusel et al. 2017, on features of our own network: its values
    are only for comparing models with each other. The trace of the root is computed from a symmetric product, which has
    real eigenvalues for any rank.
    """
    mean1, mean2 = first.mean(0, dtype=np.float64), second.mean(0, dtype=np.float64)
    cov1, cov2 = (np.atleast_2d(np.cov(x.astype(np.float64), rowvar=False)) for x in (first, second))
    values, vectors = np.linalg.eigh(cov1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    crossed = np.sqrt(np.linalg.eigvalsh(root @ cov2 @ root).clip(0)).sum()
    distance = ((mean1 - mean2) ** 2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * crossed
    return max(0.0, float(distance))
