"""Tables for the notebooks, made from the rows of a results file with the statistics of the reports."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from latentman.report.plots.heatmap import ordered
from latentman.report.tables.change import change_of
from latentman.report.tables.table import summarise
from latentman.report.tables.variants import variant_keys


def in_order(done: pd.DataFrame) -> list[str]:
    """Return the variants in the order of the runs, baselines first."""
    first = done.groupby("variant", sort=False)["is_baseline"].all()
    names = [str(name) for name in first.index]
    return sorted(names, key=lambda name: not first[name])


def per_prompt(done: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the mean over seeds, a row per prompt and a column per variant, for the prompts that every variant has."""
    table = done.pivot_table(index="prompt", columns="variant", values=metric, aggfunc="mean", sort=False)
    return table.reindex(columns=in_order(done)).dropna()


def relative_to_baseline(done: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """Return each run's metrics divided by its baseline's at the same prompt and seed, without the baselines.

    Returns:
        Columns: prompt, seed, variant, and the metrics.
    """
    keys = ["prompt", "seed"]
    summary = summarise(done)
    compared = summary[~summary["is_baseline"] & summary["compared_with"].notna()]
    parts = [pd.DataFrame(columns=[*keys, "variant", *metrics])]
    for variant, baseline in zip(compared["variant"], compared["compared_with"], strict=True):
        mine, theirs = (done[done["variant"] == name].groupby(keys)[metrics].mean() for name in (variant, baseline))
        ratios = (mine / theirs).replace([np.inf, -np.inf], np.nan).dropna(how="all").reset_index()
        parts.append(ratios.assign(variant=variant))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def spread(done: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return each variant's standard deviation between the means of prompts, and between the seeds of a prompt.

    The latter is the root of the mean variance within a prompt, missing if no prompt has two seeds.
    """
    rows = {}
    for variant in in_order(done):
        runs = done[done["variant"] == variant].groupby("prompt")[metric]
        rows[variant] = {
            "mean": runs.mean().mean(),
            "between prompts": runs.mean().std(ddof=1),
            "between seeds of a prompt": float(np.sqrt(runs.var(ddof=1).mean())),
        }
    return pd.DataFrame(rows).T.rename_axis("variant")


def against_each_other(done: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the difference of the means of every two variants, in percent of the second's.

    Returns:
        Columns: variant, other, percent, low, high (of the 95 % interval, missing with few prompts), p_value, settled
        (the interval excludes zero).
    """
    rows = []
    for name, other in combinations(in_order(done), 2):
        for mine, theirs in ((name, other), (other, name)):
            change = change_of(done[done["variant"] == mine], done[done["variant"] == theirs], metric)
            if change is not None:
                low, high = change.interval or (np.nan, np.nan)
                rows.append((mine, theirs, change.percent, low, high, change.p_value, low * high > 0))
    return pd.DataFrame(rows, columns=["variant", "other", "percent", "low", "high", "p_value", "settled"])


def factors(results: pd.DataFrame) -> list[str]:
    """Return the columns in which the variants differ."""
    return [key for key in variant_keys(results) if key != "name"]


def factor_name(column: str) -> str:
    """Return a factor's name without its prefix."""
    return column.removeprefix("swept.").removeprefix("choice.")


def one_at_a_time(done: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the effect of each value of each factor, with everything else equal.

    A value is compared with the baseline's (with the first value if there is no baseline), over the prompts,
    seeds and settings of the other factors that occur with both.

    Returns:
        Columns: factor, value, other (the value that it is compared with), settings (the number of settings of the
        other factors), percent, low, high.
    """
    rows = []
    columns = factors(done)
    known = done.assign(**{column: done[column].fillna("default").astype(str) for column in columns})
    for factor in columns:
        rest = [column for column in columns if column != factor]
        other = known.sort_values("is_baseline", ascending=False, kind="stable")[factor].iloc[0]
        for value in [value for value in known[factor].unique() if value != other]:
            mine, theirs = known[known[factor] == value], known[known[factor] == other]
            mine, theirs = _alike(mine, theirs, [*rest, "prompt", "seed"])
            change = change_of(mine, theirs, metric)
            if change is not None:
                low, high = change.interval or (np.nan, np.nan)
                settings = len(mine[rest].drop_duplicates()) if rest else 1
                rows.append((factor_name(factor), value, other, settings, change.percent, low, high))
    return pd.DataFrame(rows, columns=["factor", "value", "other", "settings", "percent", "low", "high"])


def two_at_a_time(done: pd.DataFrame, metric: str) -> list[pd.DataFrame]:
    """Return for every two factors the mean metric at each pair of their values, over prompts and seeds in all cells.

    Prompts and seeds that are missing in one cell are left out of all cells; pairs of factors that were not crossed are
    left out. Numbers and windows are in ascending order, other values in the order of the runs.
    """
    tables = []
    columns = factors(done)
    known = done.assign(**{column: done[column].fillna("default").astype(str) for column in columns})
    for row, column in combinations(columns, 2):
        cells = known.pivot_table(
            index=["prompt", "seed"], columns=[row, column], values=metric, aggfunc="mean", sort=False, dropna=True
        ).dropna()
        table = cells.mean().unstack(column)
        if len(cells) and table.notna().all(axis=None) and min(table.shape) > 1:
            sides = [sorted(side, key=lambda value: ordered(value) or ()) for side in (table.index, table.columns)]
            table = table.reindex(index=sides[0], columns=sides[1])
            tables.append(table.rename_axis(index=factor_name(row), columns=factor_name(column)))
    return tables


def _alike(mine: pd.DataFrame, theirs: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs of each side whose values in these columns also occur on the other side."""
    both = pd.MultiIndex.from_frame(mine[columns]).intersection(pd.MultiIndex.from_frame(theirs[columns]))
    kept = [runs[pd.MultiIndex.from_frame(runs[columns]).isin(both)] for runs in (mine, theirs)]
    return kept[0], kept[1]
