"""Normal equations of a problem whose unknowns belong to frames, with coupling only between neighbouring frames.

Frame t has N unknowns; a residual may touch up to three consecutive frames and B unknowns that all frames share. The
matrix is then banded except for a border, and one Cholesky factorisation costs T N^3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solveh_banded

from latentman.types import Array

_REACH = 3


class NormalEquations:
    """Accumulates J^T J and J^T r over residuals, and solves for the step.

    ``blocks[k, t]`` (N, N) couples frames t and t + k; ``gradient`` (T, N); ``border`` (T, N, B); ``corner`` (B, B);
    ``shared_gradient`` (B,).
    """

    def __init__(self, frames: int, unknowns: int, shared: int) -> None:
        self.blocks = np.zeros((_REACH, frames, unknowns, unknowns))
        self.gradient = np.zeros((frames, unknowns))
        self.border = np.zeros((frames, unknowns, shared))
        self.corner = np.zeros((shared, shared))
        self.shared_gradient = np.zeros(shared)

    def add(self, residual: Array, jacobians: Sequence[Array], shared: Array | None = None) -> None:
        """Add residuals (S, M), of which row s depends on frames s, s + 1, ...

        Args:
            residual: (S, M).
            jacobians: for each frame that a row touches, (S, M, N).
            shared: (S, M, B), or None if the residuals do not depend on the shared unknowns.
        """
        count = len(residual)
        for first, jacobian in enumerate(jacobians):
            rows = slice(first, first + count)
            transposed = jacobian.swapaxes(-1, -2)
            self.gradient[rows] += (transposed @ residual[..., None])[..., 0]
            for later in range(first, len(jacobians)):
                self.blocks[later - first, rows] += transposed @ jacobians[later]
            if shared is not None:
                self.border[rows] += transposed @ shared
        if shared is not None:
            self.corner += np.einsum("smi,smj->ij", shared, shared)
            self.shared_gradient += np.einsum("smi,sm->i", shared, residual)

    def add_by_vector(self, residual: Array, jacobian: Array, stencil: Sequence[float]) -> None:
        """Add residuals (S, K, M) of temporal differences, one for each of the K = N / 3 vectors of a frame.

        Args:
            residual: (S, K, M), where row s belongs to frames s, s + 1, ...
            jacobian: (T, K, M, 3) of each frame's part, without the coefficient.
            stencil: coefficients of the difference; frame s + i enters row s with ``stencil[i]``.
        """
        count, vectors = residual.shape[:2]
        for first, a in enumerate(stencil):
            rows = slice(first, first + count)
            transposed = a * jacobian[rows].swapaxes(-1, -2)
            self.gradient[rows] += (transposed @ residual[..., None]).reshape(count, -1)
            for later in range(first, len(stencil)):
                products = transposed @ (stencil[later] * jacobian[later : later + count])
                view = self.blocks[later - first].reshape(-1, vectors, 3, vectors, 3)
                np.einsum("tkakb->tkab", view)[rows] += products

    def solve(self, damping: float) -> tuple[Array, Array]:
        """Return the steps (T, N) and (B,) of (J^T J + damping diag(J^T J)) step = -J^T r.

        Raises:
            numpy.linalg.LinAlgError: if the matrix is not positive definite.
        """
        frames, unknowns = self.gradient.shape
        bands = self._bands()
        bands[0] *= 1 + damping
        right = np.concatenate([self.gradient[..., None], self.border], axis=-1).reshape(frames * unknowns, -1)
        solved = solveh_banded(bands, right, lower=True, overwrite_ab=True, check_finite=False)
        own, carried = solved[:, 0], solved[:, 1:]
        border = right[:, 1:]
        corner = self.corner + damping * np.diag(np.diag(self.corner)) - border.T @ carried
        shared = -np.linalg.solve(corner, self.shared_gradient - border.T @ own)
        return (-own - carried @ shared).reshape(frames, unknowns), shared

    def _bands(self) -> Array:
        """Return the matrix as LAPACK's lower bands: entry (i, j) at [i - j, j]."""
        frames, unknowns = self.gradient.shape
        reach = min(_REACH, frames)
        bands = np.zeros((reach * unknowns, frames, unknowns))
        for lag in range(reach):
            lower = self.blocks[lag, : frames - lag].transpose(2, 0, 1)  # row unknown, frame, column unknown
            for column in range(unknowns):
                top = column if lag == 0 else 0
                start = lag * unknowns + top - column
                bands[start : start + unknowns - top, : frames - lag, column] = lower[top:, :, column]
        return bands.reshape(reach * unknowns, frames * unknowns)
