"""The settings that vary between the runs of a folder, and the names of the variants."""

from __future__ import annotations

import json

import pandas as pd

NOT_VARIANTS = ("swept.seed", "swept.prompt", "swept.prompts", "swept.prompts.shard")
"""Swept keys over which the mean is taken."""

NOT_SETTINGS = ("choice.exp", "choice.prompts", "choice.metrics", "choice.logger")
"""Choices that do not change any picture."""


def experiments(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the runs of each experiment by its name, in the order of the folders.

    Runs without a name, such as damaged ones, belong to the experiment if there is only one; otherwise to none.
    """
    names = [str(name) for name in results["name"].dropna().unique()]
    if len(names) <= 1:
        return {names[0] if names else "run": results}
    return {name: results[results["name"] == name].reset_index(drop=True) for name in names}


def variant_keys(results: pd.DataFrame) -> list[str]:
    """Return the columns that distinguish the variants.

    These are the swept columns whose values differ between runs, or between the jobs of their sweep even if only some
    of them have begun, except seeds and prompts; the experiment's name if there are several; and any other setting that
    differs between runs that would otherwise have the same name, such as the setup of two sweeps in one folder.
    """
    swept = [c for c in results.columns if c.startswith("swept.") and c not in NOT_VARIANTS]
    keys = ["name"] if results["name"].nunique() > 1 else []
    planned = set[str]().union(*map(json.loads, results["varied"].dropna())) if "varied" in results.columns else set()
    keys += [c for c in swept if c.removeprefix("swept.") in planned or results[c].nunique(dropna=False) > 1]
    choices = [c for c in results.columns if c.startswith("choice.") and c not in NOT_SETTINGS]
    for column in [*choices, "num_frames"]:
        if column.removeprefix("choice.") not in [key.removeprefix("swept.") for key in keys]:
            alike = results.groupby(keys, dropna=False)[column] if keys else results.groupby(lambda _: 0)[column]
            keys += [column] if (alike.nunique() > 1).any() else []
    return keys


def variant_labels(results: pd.DataFrame) -> pd.Series:
    """Return the name of each run's variant, such as ``sla=full pwg=none``; the experiment's name if nothing differs.

    If only the group ``variant`` was swept, its option is the name.
    """
    keys = variant_keys(results)
    if not keys:
        return results["name"].fillna("run").astype(str)
    if keys == ["swept.variant"]:
        return results["swept.variant"].fillna("default").astype(str)
    label = pd.Series("", index=results.index)
    for key in keys:
        name = key.removeprefix("swept.").removeprefix("choice.")
        label = label + " " + results[key].map(lambda value, name=name: f"{name}={_text(value)}")
    return label.str.removeprefix(" ")


def of_shared_runs(results: pd.DataFrame) -> pd.DataFrame:
    """Return the runs without the finished ones whose prompt and seed another variant has not finished.

    Variants without a finished run are not waited for. If no prompt and seed is finished in all others, as where every
    variant has its own prompts, all runs are returned.

    Args:
        results: as from ``collect``.
    """
    is_done = results["state"] == "done"
    names = zip(results["prompt"], results["seed"], strict=True)  # missing in runs that ended before their first stage
    places = pd.Series([f"{prompt}\n{seed}" for prompt, seed in names], index=results.index)
    finished = places[is_done].groupby(variant_labels(results)[is_done]).agg(set)
    shared = set.intersection(*finished) if len(finished) else set()
    return results[~is_done | places.isin(shared)].reset_index(drop=True) if shared else results


def _text(value: object) -> str:
    if value is None or value != value:  # NaN
        return "default"
    return f"{value:g}" if isinstance(value, float) else str(value)
