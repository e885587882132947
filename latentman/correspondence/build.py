"""Choosing a correspondence search by its name in the configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from latentman.assignment.solvers import SOLVERS
from latentman.config import CorrespondenceConfig
from latentman.correspondence.match import REFERENCES, Progress, match_clip
from latentman.correspondence.mesh import match_mesh
from latentman.correspondence.parallel import available_cores
from latentman.errors import check_choice
from latentman.types import BodySequence, Conditions, Correspondence


class Search(Protocol):
    """Find the map M on a ``size`` x ``size`` grid; ``progress`` is called with (pairs done, pairs in total)."""

    def __call__(
        self, conditions: Conditions, body: BodySequence, size: int, progress: Progress | None = None
    ) -> Correspondence:
        """Run the search on the conditions and the mesh that they were drawn from."""
        ...


def _densepose_lap(cfg: CorrespondenceConfig, solver: str, reference: str) -> Search:
    """Match by part-wise linear assignment on the IUV maps, as in the paper."""
    return lambda conditions, body, size, progress=None: match_clip(
        conditions.iuv,
        size=size,
        features=cfg.features,
        e_weight=cfg.e_weight,
        solver=solver,
        reference=reference,
        workers=cfg.workers or available_cores(),
        progress=progress,
    )


def _mesh(cfg: CorrespondenceConfig, solver: str, reference: str) -> Search:
    """Carry points of the surface by the mesh; features and solver are not used."""
    return lambda conditions, body, size, progress=None: match_mesh(
        body, conditions, size=size, reference=reference, progress=progress
    )


CORRESPONDENCES: dict[str, Callable[[CorrespondenceConfig, str, str], Search]] = {
    "densepose_lap": _densepose_lap,
    "mesh": _mesh,
}
"""The search of each value of the group ``correspondence``."""


def build(cfg: CorrespondenceConfig, solver: str, reference: str) -> Search:
    """Return the search that a configuration names.

    Args:
        cfg: the group ``correspondence``.
        solver: the key ``solver.name``.
        reference: the key ``reference.name``.

    Raises:
        ConfigError: if a name is unknown, before anything is computed.
    """
    check_choice("correspondence", cfg.name, CORRESPONDENCES)
    SOLVERS.check(solver)
    check_choice("reference", reference, REFERENCES)
    return CORRESPONDENCES[cfg.name](cfg, solver, reference)
