"""From the configuration's names to a correspondence search."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Protocol

from latentman.assignment.solvers import SOLVERS
from latentman.config import CorrespondenceConfig
from latentman.correspondence.cache import Cache, cache_dir
from latentman.correspondence.match import REFERENCES, match_clip
from latentman.correspondence.mesh import match_mesh
from latentman.errors import DataError, check_choice
from latentman.types import BodySequence, Conditions, Correspondence


class Search(Protocol):
    """Find the map M on a ``size`` x ``size`` grid; ``progress`` is called with (pairs done, pairs in all)."""

    def __call__(
        self,
        conditions: Conditions,
        size: int,
        progress: Callable[[int, int], None] | None = None,
        body: BodySequence | None = None,
    ) -> Correspondence:
        """Run the search on what was drawn; ``body``, the mesh behind it, is needed by ``mesh`` alone."""
        ...


def _densepose_lap(
    conditions: Conditions,
    size: int,
    progress: Callable[[int, int], None] | None = None,
    body: BodySequence | None = None,
    *,
    cfg: CorrespondenceConfig,
    solver: str,
    reference: str,
) -> Correspondence:
    """Match by part-wise linear assignment on the IUV maps: the paper's way."""
    return match_clip(
        conditions.iuv,
        size=size,
        features=cfg.features,
        e_weight=cfg.e_weight,
        solver=solver,
        reference=reference,
        workers=cfg.workers or _cores(),
        cache=Cache(cache_dir()) if cfg.cache else None,
        progress=progress,
    )


def _cores() -> int:
    """Return how many cores this process may use; a cluster's job has fewer than its machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mesh(
    conditions: Conditions,
    size: int,
    progress: Callable[[int, int], None] | None = None,
    body: BodySequence | None = None,
    *,
    cfg: CorrespondenceConfig,
    solver: str,
    reference: str,
) -> Correspondence:
    """Carry points of the surface by the mesh; features and solver play no part."""
    if body is None:
        raise DataError("correspondence=mesh needs the moving mesh: pass body=, or choose correspondence=densepose_lap")
    return match_mesh(body, conditions, size=size, reference=reference, progress=progress)


CORRESPONDENCES: dict[str, Callable[..., Correspondence]] = {"densepose_lap": _densepose_lap, "mesh": _mesh}
"""What each value of the group ``correspondence`` runs."""


def build(cfg: CorrespondenceConfig, solver: str, reference: str) -> Search:
    """Return the search that a configuration names, called as ``search(conditions, size, progress, body)``.

    Args:
        cfg: the group ``correspondence``.
        solver: the key ``solver.name``.
        reference: the key ``reference.name``.

    Raises:
        ConfigError: if a name is unknown, before anything is computed.
    """
    check_choice("correspondence", cfg.name, CORRESPONDENCES)
    check_choice("solver", solver, SOLVERS)
    check_choice("reference", reference, REFERENCES)
    return partial(CORRESPONDENCES[cfg.name], cfg=cfg, solver=solver, reference=reference)
