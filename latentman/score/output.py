"""Scores of videos as a table for the screen, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from latentman.metrics.compute import as_record
from latentman.score.scoring import Scored


def as_json(scored: list[Scored]) -> str:
    """Return a list with an object for each video: its facts, its scores with reasons, ``per_pair``, or ``error``."""
    records = []
    for one in scored:
        metrics, per_pair = as_record(one.scores)
        units = {score.name: score.unit for score in one.scores if score.value is not None}
        ending = {"error": one.error} if one.error is not None else {**metrics, "units": units, "per_pair": per_pair}
        records.append({"video": one.video, **one.facts, **ending})
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(scored: list[Scored]) -> str:
    """Return one row for each video: its facts, its scores, and the error; a missing value is an empty cell."""
    names = _names(scored)
    rows: list[dict[str, Any]] = []
    for one in scored:
        values = {score.name: score.value for score in one.scores}
        rows.append({"video": one.video, **one.facts, **values, "error": one.error})
    text = io.StringIO()
    facts = ["num_frames", "height", "width", "fps"]
    writer = csv.DictWriter(text, ["video", *facts, *names, "error"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_table(scored: list[Scored]) -> str:
    """Return the scores with a column for each video, followed by the reasons for missing scores."""
    good = [one for one in scored if one.error is None]
    if not good:
        return ""
    lines = [f"{chr(ord('a') + i) if i < 26 else i}  {one.video}  ({_facts(one)})" for i, one in enumerate(good)]
    labels = [line.split()[0] for line in lines]
    table = [["", *labels, ""]] if len(good) > 1 else []
    if len(good) == 1:
        lines = [lines[0].split(maxsplit=1)[1]]
    by_name = [{score.name: score for score in one.scores} for one in good]
    reasons: dict[str, list[str]] = {}
    for name in _names(good):
        found = [scores[name] for scores in by_name]
        for score in found:
            if score.reason is not None and name not in reasons.setdefault(score.reason, []):
                reasons[score.reason].append(name)
        if any(score.value is not None for score in found):
            unit = next(score.unit for score in found if score.value is not None)
            table.append([name, *("-" if s.value is None else _number(s.value) for s in found), unit])
    widths = [max(len(row[i]) for row in table) for i in range(len(good) + 1)] if table else []
    for row in table:
        cells = [row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in range(1, len(widths))), row[-1]]
        lines.append("  ".join(cells).rstrip())
    if reasons:
        lines += ["", *(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())]
    return "\n".join(lines) + "\n"


def _names(scored: list[Scored]) -> list[str]:
    return list(dict.fromkeys(score.name for one in scored for score in one.scores))


def _facts(one: Scored) -> str:
    facts = one.facts
    return f"{facts['num_frames']} frames of {facts['width']}x{facts['height']}"


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 10 else f"{value:.4f}"
