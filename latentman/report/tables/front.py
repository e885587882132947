"""The trials of a search, and its front: those that no other trial beats in every objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from latentman.report.tables.table import COLUMNS, markdown
from latentman.report.tables.variants import variant_labels

_HEADINGS = {column.metric: column.heading for column in COLUMNS} | {"seconds_denoise": "seconds of denoising"}


@dataclass(frozen=True, slots=True)
class Trials:
    """The finished trials of a search, in the order of their jobs."""

    jobs: tuple[str, ...]
    """The number of each trial's job, as in the name of its folder."""
    variants: tuple[str, ...]
    objectives: dict[str, str]
    """``minimize`` or ``maximize`` for each metric."""
    values: NDArray[np.float64]
    """(N, D) means over the runs of each trial."""

    def heading(self, objective: str) -> str:
        """Return the name of an objective as tables and plots have it."""
        return _HEADINGS.get(objective, objective.replace("_", " "))

    @property
    def best(self) -> NDArray[np.bool_]:
        """Return which trials are on the front, (N,)."""
        signs = [-1.0 if direction == "maximize" else 1.0 for direction in self.objectives.values()]
        return front(self.values * np.array(signs))


def front(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points are not dominated: no other point is as low in every column and lower in one.

    Args:
        costs: (N, D), lower is better in each column.
    """
    at_most = np.all(costs[None] <= costs[:, None], axis=-1)
    below = np.any(costs[None] < costs[:, None], axis=-1)
    return np.asarray(~np.any(at_most & below, axis=1))


def trials_of(results: pd.DataFrame, objectives: Mapping[str, str]) -> Trials | None:
    """Return the trials all of whose runs are done and have every objective; None if there is none.

    Args:
        results: the runs of one search, as from ``collect``.
        objectives: ``minimize`` or ``maximize`` for each metric.
    """
    runs = results.assign(variant=variant_labels(results)).reindex(
        columns=list(dict.fromkeys(["job", "state", "variant", *objectives]))
    )
    runs[list(objectives)] = runs[list(objectives)].apply(pd.to_numeric, errors="coerce")
    groups = runs.groupby("job", sort=True)
    means = groups[list(objectives)].mean()
    known = groups["state"].agg(lambda states: bool((states == "done").all())) & means.notna().all(axis=1)
    means, variants = means[known], groups["variant"].first()[known]
    if not len(means):
        return None
    jobs = tuple(str(job).partition("_")[0] for job in means.index)
    return Trials(jobs, tuple(map(str, variants)), dict(objectives), means.to_numpy(float))


def front_cells(trials: Trials) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the rows of the front as text, best in the first objective first."""
    names = list(trials.objectives)
    headings = ["job", "settings", *(f"{trials.heading(name)} ({trials.objectives[name]})" for name in names)]
    places = np.flatnonzero(trials.best)
    first = trials.values[places, 0] * (-1.0 if trials.objectives[names[0]] == "maximize" else 1.0)
    rows = [
        [trials.jobs[place], trials.variants[place], *(f"{value:.4g}" for value in trials.values[place])]
        for place in places[np.argsort(first, kind="stable")]
    ]
    return headings, rows


def front_markdown(trials: Trials | None) -> str:
    """Return the front as Markdown, to follow the table of a search; an empty text for any other sweep."""
    if trials is None:
        return ""
    headings, rows = front_cells(trials)
    table = markdown(headings, rows, texts=(1,))
    return f"\nThe {len(rows)} of {len(trials.jobs)} trials that no other trial beats in every objective:\n\n{table}\n"
