"""Runs to a table of variants: mean and deviation over prompts and seeds, and the change against the baseline."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from latentman.report.change import Change, change_of

NOT_VARIANTS = ("swept.seed", "swept.prompt", "swept.prompts", "swept.prompts.shard")
"""Swept keys over which the mean is taken."""

CHANGES = {"human_mse": "", "human_mse_mesh": "mesh_"}
"""Metrics whose change against the baseline is told, and how its columns in the summary begin."""

QUALITIES_OF_MAPS = ("coverage", "map_error_px")
"""Metrics that depend on body and map alone: where the variants differ in one of them, they differ in the map."""

UNFINISHED = ("failed", "interrupted", "damaged")


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of the table: its heading, what its value is divided by, and how many decimals are shown.

    One ``of_maps`` is shown where the variants differ in the map M only.
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
    Column("coverage", "coverage", decimals=3, of_maps=True),
    Column("map_error_px", "map error (px)", decimals=2, of_maps=True),
    Column("figure_contrast", "figure contrast"),
    Column("figure_overlap", "figure overlap", decimals=3),
    Column("seconds_total", "seconds"),
    Column("peak_memory_bytes", "peak memory (GB)", divisor=1e9, decimals=2),
)


def variant_keys(results: pd.DataFrame) -> list[str]:
    """Return the swept columns whose values differ between runs, those of seeds and prompts left out."""
    swept = [c for c in results.columns if c.startswith("swept.") and c not in NOT_VARIANTS]
    return [c for c in swept if results[c].nunique(dropna=False) > 1]


def variant_labels(results: pd.DataFrame) -> pd.Series:
    """Return the name of each run's variant, such as ``sla=full pwg=none``; the experiment's if nothing differs.

    Where the group ``variant`` alone was swept, its option is the name.
    """
    keys = variant_keys(results)
    if not keys:
        return results["name"].fillna("run").astype(str)
    if keys == ["swept.variant"]:
        return results["swept.variant"].fillna("default").astype(str)
    parts = [results[key].fillna("default").astype(str).radd(f"{key.removeprefix('swept.')}=") for key in keys]
    label = parts[0]
    for part in parts[1:]:
        label = label + " " + part
    return label


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, in the order of the jobs.

    The mean is over the finished runs that have the metric; the standard deviation is that of a sample (n - 1), missing
    for a single run. The change compares the same prompts and seeds: those that the variant and its baseline both have.

    Args:
        results: as from ``collect``.

    Returns:
        Columns: variant, n (finished runs), failed (failed, interrupted or damaged), is_baseline; change_percent (of
        the mean H_MSE against the baseline's) with the ends of its interval, change_low and change_high, and the same
        for H_MSE on the mesh behind ``mesh_``; ``<metric>_mean``, ``<metric>_std`` for every metric of ``COLUMNS``.
    """
    labelled = results.assign(variant=variant_labels(results))
    rows = []
    for variant, runs in labelled.groupby("variant", sort=False):
        done = runs[runs["state"] == "done"]
        row: dict[str, object] = {
            "variant": variant,
            "n": len(done),
            "failed": int(runs["state"].isin(UNFINISHED).sum()),
            "is_baseline": bool(runs["is_baseline"].all()),
        }
        baseline = _baseline_of(runs, labelled)
        for metric, prefix in CHANGES.items():
            row |= _change_columns(prefix, change_of(done, baseline, metric))
        for column in COLUMNS:
            values = _values(done, column.metric)
            row[f"{column.metric}_mean"] = values.mean()
            row[f"{column.metric}_std"] = values.std(ddof=1)
        rows.append(row)
    return pd.DataFrame(rows)


def _values(runs: pd.DataFrame, metric: str) -> pd.Series:
    empty = pd.Series(dtype=float)
    return pd.to_numeric(runs[metric], errors="coerce").dropna() if metric in runs.columns else empty


def _baseline_of(runs: pd.DataFrame, labelled: pd.DataFrame) -> pd.DataFrame | None:
    """Return the baseline that differs from these runs in its own groups only; else the one baseline there is."""
    candidates = labelled[labelled["is_baseline"].astype(bool) & (labelled["state"] == "done")]
    groups = json.loads(runs["baseline"].iloc[0]) if "baseline" in runs.columns else {}
    for key in variant_keys(labelled):
        if key.removeprefix("swept.") not in groups:
            same = candidates[candidates[key].isin(runs[key].unique())]
            candidates = same if len(same) or candidates["variant"].nunique() != 1 else candidates
    return candidates if candidates["variant"].nunique() == 1 else None


def _change_columns(prefix: str, change: Change | None) -> dict[str, float | None]:
    low, high = (None, None) if change is None or change.interval is None else change.interval
    return {
        f"{prefix}change_percent": None if change is None else change.percent,
        f"{prefix}change_low": low,
        f"{prefix}change_high": high,
    }


def cells(summary: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the rows of the table as text, metrics that no run has left out.

    What is only worth a column where the map M was swept is left out elsewhere. The change of H_MSE on the mesh has its
    interval with it, since that is the score by which maps are compared.
    """
    maps = sweeps_maps(summary)
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
    for name in ("n", "failed"):
        headings.append(name)
        columns.append([str(value) for value in summary[name]])
    return headings, [list(row) for row in zip(*columns, strict=True)]


def sweeps_maps(summary: pd.DataFrame) -> bool:
    """Tell whether the variants differ in the map M, by what they know of its quality."""
    # Means of equal values may differ in their last digits, by the order in which they were added.
    return any(summary[f"{metric}_mean"].round(9).nunique() > 1 for metric in QUALITIES_OF_MAPS)


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
    interval = "" if not prefix or pd.isna(low) else f" [{low:+.1f}, {high:+.1f}]"
    return f"{percent:+.1f} %{interval}"


def to_markdown(summary: pd.DataFrame) -> str:
    """Return the table as Markdown."""
    headings, rows = cells(summary)
    rule = [":--", *("--:" for _ in headings[1:])]
    lines = [headings, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"} | {
    character: f"\\{character}" for character in "&%$#_{}"
}


def to_latex(summary: pd.DataFrame) -> str:
    """Return the table as a LaTeX ``tabular`` with booktabs rules."""
    headings, rows = cells(summary)
    lines = [" & ".join("".join(_LATEX.get(c, c) for c in cell) for cell in row) + r" \\" for row in [headings, *rows]]
    begin = rf"\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}"
    body = [begin, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"]
    return "\n".join(body) + "\n"
