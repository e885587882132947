"""The correspondence stage: IUV, or the mesh itself, to the map M on every grid that is needed."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import Any

from latentman.config import Config
from latentman.pipeline.run import Advance, Run, map_sizes
from latentman.pipeline.stage import Sharing, Stage
from latentman.system.paths import write_npz
from latentman.types import BodySequence, Conditions, Correspondence

logger = logging.getLogger("latentman")


def map_of(
    config: Config, conditions: Conditions, body: BodySequence, size: int, advance: Advance | None = None
) -> Correspondence:
    """Return the map M on a grid of ``size`` x ``size`` cells.

    Args:
        config: of the run: the groups ``correspondence``, ``solver`` and ``reference`` are read.
        conditions: what was drawn of the mesh.
        body: the moving mesh.
        size: the side of the grid, which divides the picture's.
        advance: called with (pairs of frames done, pairs in all).

    Raises:
        ConfigError: if a name is unknown.
        ShapeError: if the grid does not divide the picture.
    """
    from latentman.correspondence.build import build

    cfg = replace(config.correspondence, workers=config.correspondence.workers or config.threads)
    match = build(cfg, config.solver.name, config.reference.name)
    return match(conditions, body, size, advance or (lambda done, total: None))


def maps_of(
    config: Config, conditions: Conditions, body: BodySequence, advance: Advance | None = None
) -> dict[int, Correspondence]:
    """Return the map M on every grid that a run needs, by the side of the grid, ascending.

    Args:
        config: of the run, as :func:`map_of`.
        conditions: what was drawn of the mesh.
        body: the moving mesh.
        advance: called with (pairs of frames done, pairs in all), counted over all grids.

    Raises:
        ConfigError: if a name is unknown.
        ShapeError: if a grid does not divide the picture.
    """
    from latentman.correspondence.match import warn_of_losses

    if config.correspondence.name == "mesh" and config.solver.name != "auto":
        logger.warning(
            "solver=%s has no effect with correspondence=mesh: add correspondence=densepose_lap", config.solver.name
        )
    if config.correspondence.name == "mesh" and config.iuv.name != "rendered":
        logger.warning(
            "iuv=%s has no effect on correspondence=mesh, which follows the mesh itself: add "
            "correspondence=densepose_lap",
            config.iuv.name,
        )
    sizes, maps = map_sizes(config), {}
    for index, size in enumerate(sizes):

        def progress(done: int, total: int, before: int = index) -> None:
            if advance is not None:
                advance(before * total + done, len(sizes) * total)

        maps[size] = map_of(config, conditions, body, size, progress)
    warn_of_losses(list(maps.values()))
    return maps


def make_correspondence(run: Run, advance: Advance) -> None:
    """Write the map M of every grid."""
    for size, found in maps_of(run.config, run.conditions(), run.body(), advance).items():
        write_npz(run.folder / f"correspondence_{size}.npz", found.arrays())


def _settings(run: Run) -> list[Any]:
    from latentman.assignment.solvers import SOLVERS

    config = run.config
    plugin = SOLVERS.identity(config.solver.name)
    return [
        *(config.correspondence.result(), asdict(config.solver), asdict(config.reference), run.map_sizes),
        *([plugin] if plugin else []),
    ]


def _facts(run: Run) -> dict[str, bool]:
    from latentman.assignment.certified import is_compiled

    return {"compiled": is_compiled()}  # the solver "auto" chooses by it, and equally cheap matchings may differ


STAGE = Stage(
    name="correspondence",
    reads=("body", "render"),
    settings=_settings,
    outputs=lambda run: [f"correspondence_{size}.npz" for size in run.map_sizes],
    make=make_correspondence,
    length=lambda run: len(run.map_sizes) * (run.config.num_frames - 1),
    sharing=Sharing(
        code=(
            *("motion", "body", "render", "assignment", "correspondence"),
            "pipeline/stages/correspondence.py",
        ),
        packages=("numpy", "scipy", "lapjv", "lapsolver"),
        facts=_facts,
        is_wanted=lambda run: run.config.correspondence.cache,
    ),
)
