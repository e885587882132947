"""Runs to a table of variants: mean and deviation over prompts and seeds, and the change against the baseline."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

NOT_VARIANTS = ("swept.seed", "swept.prompt", "swept.prompts", "swept.prompts.shard")
"""Swept keys over which the mean is taken."""

UNFINISHED = ("failed", "interrupted", "damaged")


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of the table: its heading, what its value is divided by, and how many decimals are shown."""

    metric: str
    heading: str
    divisor: float = 1.0
    decimals: int = 1


COLUMNS = (
    Column("human_mse", "H_MSE"),
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
    """Return the name of each run's variant, such as ``sla=full pwg=none``; the experiment's if nothing differs."""
    keys = variant_keys(results)
    if not keys:
        return results["name"].fillna("run").astype(str)
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
        Columns: variant, n (finished runs), failed (failed, interrupted or damaged), is_baseline, change_percent (of
        the mean H_MSE against the baseline's), and ``<metric>_mean``, ``<metric>_std`` for every metric of ``COLUMNS``.
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
            "change_percent": _change(done, _baseline_of(runs, labelled)),
        }
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


def _change(done: pd.DataFrame, baseline: pd.DataFrame | None) -> float | None:
    """Return by how many percent the mean H_MSE differs over the prompts and seeds that both have."""
    if baseline is None or "human_mse" not in done.columns:
        return None
    index = ["prompt", "seed"]
    mine = done.dropna(subset=["human_mse"]).groupby(index, dropna=False)["human_mse"].mean()
    theirs = baseline.dropna(subset=["human_mse"]).groupby(index, dropna=False)["human_mse"].mean()
    common = mine.index.intersection(theirs.index)
    if not len(common) or theirs[common].mean() == 0:
        return None
    return float(100 * (mine[common].mean() / theirs[common].mean() - 1))


def cells(summary: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the rows of the table as text, metrics that no run has left out."""
    shown = [c for c in COLUMNS if c.metric == "human_mse" or summary[f"{c.metric}_mean"].notna().any()]
    headings = ["variant", shown[0].heading, "change", *(c.heading for c in shown[1:]), "n", "failed"]
    rows = []
    for _, row in summary.iterrows():
        scores = [_mean_and_std(row, column) for column in shown]
        change = "baseline" if row["is_baseline"] else _percent(row["change_percent"])
        rows.append([str(row["variant"]), scores[0], change, *scores[1:], str(row["n"]), str(row["failed"])])
    return headings, rows


def _mean_and_std(row: pd.Series, column: Column) -> str:
    mean, std = row[f"{column.metric}_mean"], row[f"{column.metric}_std"]
    if pd.isna(mean):
        return "-"
    text = f"{mean / column.divisor:.{column.decimals}f}"
    return text if pd.isna(std) else f"{text} ± {std / column.divisor:.{column.decimals}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None or pd.isna(value) else f"{value:+.1f} %"


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
