"""The table of variants: mean and deviation over prompts and seeds, and the change against the baseline."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from latentman.report.baseline import target
from latentman.report.tables.change import DRAWS, MIN_PROMPTS, Change, change_of, mean_interval
from latentman.report.tables.paper import HEADINGS, Paper
from latentman.report.tables.variants import variant_keys, variant_labels

CHANGES = {"human_mse": "", "human_mse_mesh": "mesh_"}
"""Metrics whose change against the baseline is reported, with the prefix of the columns in the summary."""

QUALITIES_OF_MAPS = ("coverage", "map_error_px")
"""Metrics that depend only on the body and the map: variants that differ in one of them differ in the map."""

PAPER = "paper: "
"""Prefix of the headings of the paper's columns."""

FAILED = ("failed", "damaged")
UNFINISHED = (*FAILED, "interrupted")
"""States of runs that ended without a result; an interrupted run has not failed, and the same command continues it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of the table: its heading, the divisor of its value, and the number of decimals.

    A column ``of_maps`` is shown only if the variants differ in the map M.
    """

    metric: str
    heading: str
    divisor: float = 1.0
    decimals: int = 1
    of_maps: bool = False


COLUMNS = (
    Column("human_mse", "H_MSE"),
    Column("human_mse_mesh", "H_MSE mesh"),
    Column("warp_error", "warp error", of_maps=True),
    Column("background_warp_error", "background warp error"),
    Column("coverage", "coverage", decimals=3, of_maps=True),
    Column("map_error_px", "map error (px)", decimals=2, of_maps=True),
    Column("figure_contrast", "figure contrast"),
    Column("figure_overlap", "figure overlap", decimals=3),
    Column("seconds_total", "seconds"),
    Column("peak_memory_bytes", "peak memory (GB)", divisor=1e9, decimals=2),
)


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, in the order of the jobs.

    The mean is over the finished runs that have the metric. The standard deviation is the sample deviation (n - 1),
    missing for a single run. The change is over the prompts and seeds that the variant and its baseline share.

    Args:
        results: as from ``collect``.

    Returns:
        Columns: variant, n (finished runs), failed (failed or damaged), interrupted, prompts (of the finished runs),
        is_baseline, compared_with (the variant of its baseline), maps_differ (the same in all rows); change_percent (of
        the mean H_MSE against the baseline's) with the ends of its 95 % interval, change_low and change_high, and the
        p-value of no change, change_p; the same for H_MSE on the mesh behind ``mesh_``; ``<metric>_mean`` and
        ``<metric>_std`` for every metric of ``COLUMNS``, and for the two scores the ends of the mean's interval,
        ``<metric>_low`` and ``<metric>_high``.
    """
    labelled = results.assign(variant=variant_labels(results))
    keys, maps_differ = variant_keys(results), sweeps_maps(results)
    rows = []
    for variant, runs in labelled.groupby("variant", sort=False):
        done = runs[runs["state"] == "done"]
        baseline = _baseline_of(runs, labelled, keys)
        row: dict[str, object] = {
            "variant": variant,
            "n": len(done),
            "failed": int(runs["state"].isin(FAILED).sum()),
            "interrupted": int((runs["state"] == "interrupted").sum()),
            "prompts": done["prompt"].nunique(),
            "is_baseline": bool(runs["is_baseline"].all()),
            "compared_with": None if baseline is None else baseline["variant"].iloc[0],
            "maps_differ": maps_differ,
        }
        for metric, prefix in CHANGES.items():
            row |= _change_columns(prefix, change_of(done, baseline, metric))
        for column in COLUMNS:
            values = _values(done, column.metric)
            row[f"{column.metric}_mean"] = values.mean()
            row[f"{column.metric}_std"] = values.std(ddof=1)
            if column.metric in CHANGES:
                ends = mean_interval(values.to_numpy(float), done["prompt"][values.index].tolist())
                row[f"{column.metric}_low"], row[f"{column.metric}_high"] = ends or (None, None)
        rows.append(row)
    return pd.DataFrame(rows)


def sweeps_maps(results: pd.DataFrame) -> bool:
    """Return whether runs of the same prompt and seed differ in the map M, judged by ``QUALITIES_OF_MAPS``."""
    known = [metric for metric in QUALITIES_OF_MAPS if metric in results.columns]
    done = results[results["state"] == "done"]
    alike = done[known].round(9).groupby([done["prompt"], done["seed"]], dropna=False)
    return bool(known) and bool((alike.nunique() > 1).any(axis=None))


def _values(runs: pd.DataFrame, metric: str) -> pd.Series:
    empty = pd.Series(dtype=float)
    return pd.to_numeric(runs[metric], errors="coerce").dropna() if metric in runs.columns else empty


def _baseline_of(runs: pd.DataFrame, labelled: pd.DataFrame, keys: list[str]) -> pd.DataFrame | None:
    """Return the baseline that differs from these runs only in its own keys; else the only baseline, or None."""
    baseline = json.loads(runs["baseline"].iloc[0]) if "baseline" in runs.columns else {}
    wanted = target(baseline, values_of(runs.iloc[0]))
    candidates = labelled[labelled["is_baseline"].astype(bool) & (labelled["state"] == "done")]
    if wanted is None or not len(candidates):
        return None
    is_wanted = [
        all(values.get(key) == option for key, option in wanted.items())
        for values in (values_of(row) for _, row in candidates.iterrows())
    ]
    candidates = candidates[is_wanted]
    for key in keys:
        if key.removeprefix("swept.").removeprefix("choice.") not in baseline:
            same = candidates[candidates[key].isin(runs[key].unique())]
            candidates = same if len(same) or candidates["variant"].nunique() != 1 else candidates
    return candidates if candidates["variant"].nunique() == 1 else None


def values_of(row: pd.Series) -> dict[str, str]:
    """Return the choices and swept values of a run's row; a choice comes before a swept value of the same name."""
    known = row.dropna()
    swept = {k.removeprefix("swept."): str(known[k]) for k in known.index if str(k).startswith("swept.")}
    return swept | {k.removeprefix("choice."): str(known[k]) for k in known.index if str(k).startswith("choice.")}


def _change_columns(prefix: str, change: Change | None) -> dict[str, float | None]:
    low, high = (None, None) if change is None or change.interval is None else change.interval
    return {
        f"{prefix}change_percent": None if change is None else change.percent,
        f"{prefix}change_low": low,
        f"{prefix}change_high": high,
        f"{prefix}change_p": None if change is None else change.p_value,
    }


def cells(summary: pd.DataFrame, paper: Paper | None = None) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the rows of the table as text.

    Metrics that no run has are left out; so are the columns ``of_maps`` unless the variants differ in the map M. The
    paper's columns come last, and their headings begin with ``PAPER``.
    """
    maps = bool(summary["maps_differ"].any())
    headings, columns = ["variant"], [[str(name) for name in summary["variant"]]]
    for column in COLUMNS:
        missing = summary[f"{column.metric}_mean"].isna().all()
        if column.metric != "human_mse" and (missing or (column.of_maps and not maps)):
            continue
        headings.append(column.heading)
        columns.append([_mean_and_std(row, column) for _, row in summary.iterrows()])
        if column.metric in CHANGES:
            prefix = CHANGES[column.metric]
            headings.append("change (mesh)" if prefix else "change")
            columns.append([_change_text(row, prefix) for _, row in summary.iterrows()])
    for name in ("n", "failed", *(["interrupted"] if summary["interrupted"].any() else [])):
        headings.append(name)
        columns.append([str(value) for value in summary[name]])
    for name in paper.columns if paper else ():
        headings.append(f"{PAPER}{HEADINGS[name]}")
        columns.append([paper.cell(name, str(variant)) for variant in summary["variant"]] if paper else [])
    return headings, [list(row) for row in zip(*columns, strict=True)]


def footnotes(summary: pd.DataFrame, paper: Paper | None = None) -> list[str]:
    """Return the notes below the table: how its columns were computed, and the paper's notes."""
    notes = ["Mean ± standard deviation over prompts and seeds. H_MSE: lower is better."]
    compared = summary[summary["compared_with"].notna() & ~summary["is_baseline"]]
    if len(compared):
        text = "Change: of the mean against the baseline's, at the same prompts and seeds"
        if summary["change_low"].notna().any() or summary["mesh_change_low"].notna().any():
            text += (
                f"; in brackets the interval that holds 95 % of {DRAWS:,} resamplings of the prompts, each with all "
                "its seeds. Two-sided sign-flip test over prompts, not corrected for the number of rows: "
                "* p < 0.05, ** p < 0.01."
            )
        else:
            text += f". With fewer than {MIN_PROMPTS} prompts there is no interval and no test."
        notes.append(text)
        if compared["compared_with"].nunique() > 1:
            pairs = [f"{row['variant']} with {row['compared_with']}" for _, row in compared.iterrows()]
            notes.append(f"Comparisons: {'; '.join(pairs)}.")
    notes += [f"{note}." for note in (paper.notes if paper else ())]
    return notes


def mark(p_value: float | None) -> str:
    """Return the mark of a p-value: ``**`` below 0.01, ``*`` below 0.05, nothing otherwise."""
    if p_value is None or pd.isna(p_value):
        return ""
    return "**" if p_value < 0.01 else "*" if p_value < 0.05 else ""


def _mean_and_std(row: pd.Series, column: Column) -> str:
    mean, std = row[f"{column.metric}_mean"], row[f"{column.metric}_std"]
    if pd.isna(mean):
        return "-"
    text = f"{mean / column.divisor:.{column.decimals}f}"
    return text if pd.isna(std) else f"{text} ± {std / column.divisor:.{column.decimals}f}"


def _change_text(row: pd.Series, prefix: str) -> str:
    if row["is_baseline"]:
        return "baseline"
    percent, low, high = (row[f"{prefix}change_{part}"] for part in ("percent", "low", "high"))
    if pd.isna(percent):
        return "-"
    interval = "" if pd.isna(low) else f" [{low:+.1f}, {high:+.1f}]"
    return f"{percent:+.1f} %{interval} {mark(row[f'{prefix}change_p'])}".rstrip()


def to_markdown(summary: pd.DataFrame, paper: Paper | None = None) -> str:
    """Return the table as Markdown, its footnotes below it."""
    headings, rows = cells(summary, paper)
    return f"{markdown(headings, rows)}\n\n{' '.join(footnotes(summary, paper))}\n"


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], *, texts: Collection[int] = (0,)) -> str:
    """Return headings and rows as a table in Markdown; columns other than ``texts`` are aligned to the right."""
    rule = [":--" if column in texts else "--:" for column in range(len(headings))]
    lines = [headings, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
