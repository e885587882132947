"""The parts of a run's page, each a piece of HTML made from the status and the metrics of the run."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from latentman.record.status import error_line, mapping
from latentman.report.pages.svg_bars import pair_bars

METRICS = {
    "human_mse": ("H_MSE", "squared levels, 0 to 255", "colour change along the body between frames; lower is better"),
    "human_mse_official_uint8": ("H_MSE, modulo 256", "squared levels modulo 256", "as the published code computes it"),
    "human_mse_mesh": (
        "H_MSE on the mesh",
        "squared levels, 0 to 255",
        "the same along exact points, whatever M is",
    ),
    "warp_error": (
        "Warp error",
        "squared levels, 0 to 255, summed over RGB",
        "colour change of the figure along the mesh's flow, at full size; lower is better",
    ),
    "psnr_aligned": (
        "PSNR, aligned",
        "dB",
        "the figure against the frame before, warped along the mesh's flow; at most 58.9; higher is better",
    ),
    "ssim_aligned": (
        "SSIM, aligned",
        "similarity, -1 to 1",
        "structure of the figure against the frame before, warped along the mesh's flow; higher is better",
    ),
    "lpips_aligned": (
        "LPIPS, aligned",
        "distance, 0 up",
        "perceptual change of the figure against the frame before, warped along the mesh's flow; lower is better",
    ),
    "background_flicker": (
        "Background flicker",
        "levels, 0 to 255",
        "change from frame to frame outside the figure; lower is better",
    ),
    "coverage": ("Coverage", "share", "how much of the figure the map M reaches; hidden points have no right match"),
    "map_error_px": ("Map error", "pixels of the map's grid", "how far M lies from the mesh's exact positions"),
    "figure_contrast": (
        "Figure contrast",
        "levels, 0 to 255",
        "how far the figure stands out; a fading one scores low",
    ),
    "figure_overlap": (
        "Figure overlap",
        "intersection over union",
        "how well the drawn figure fills its mask; higher is better",
    ),
    "flicker": ("Flicker", "levels, 0 to 255", "change of the whole picture from frame to frame, motion included"),
    "clip_text": ("CLIP: text", "cosine, -1 to 1", "how well the frames show the prompt; higher is better"),
    "clip_frames": ("CLIP: frames", "cosine, -1 to 1", "how much consecutive frames show the same; higher is better"),
    "lpips_frames": ("LPIPS of frames", "distance, 0 up", "perceptual change of the whole picture, motion included"),
    "num_matches": ("Matched pixels", "over all pairs", "pixels that the map M connects"),
    "parts_skipped": ("Body parts skipped", "over all pairs", "seen in only one frame of a pair"),
    "unmatched_outside": (
        "Unmatched: outside",
        "pixels, over all pairs",
        "their point lies beyond the reference's edge",
    ),
    "unmatched_occluded": ("Unmatched: hidden", "over all pairs", "pixels whose point is not seen in the reference"),
    "unmatched_contested": (
        "Unmatched: contested",
        "pixels, over all pairs",
        "another pixel lies nearer to their source",
    ),
}
"""Name, unit and meaning of what ``metrics.json`` may hold; anything else is shown under its own name."""

CHOICES = ("setup", "motion", "body", "correspondence", "sampler", "reference", "sla", "pwg", "fidelity")
"""The groups whose choices a page tells."""

COSTS = ("seconds", "peak_memory_bytes")


def run_header(status: Mapping[str, Any]) -> str:
    """Return the prompt with the choices under it, and what went wrong if something did."""
    choices = mapping(status, "choices")
    facts = [(name, choices.get(name)) for name in CHOICES]
    facts += [("seed", status.get("seed")), ("frames", status.get("num_frames")), ("state", status.get("state"))]
    items = "".join(f"<li>{name} <b>{text(value)}</b></li>" for name, value in facts if value is not None)
    name = status.get("name")
    over = "LatentMan" if not name or name == "run" else f"LatentMan · {text(name)}"
    header = f'<p class="over">{over}</p><h1>{text(status.get("prompt") or "No prompt recorded")}</h1>'
    return f'<header>{header}<ul class="facts">{items}</ul></header>{problems(status)}'


def problems(status: Mapping[str, Any]) -> str:
    """Return a run's error and its warnings; nothing if there are none."""
    html = ""
    error = error_line(status)
    if error:
        stage = f" in stage {text(status['stage'])}" if status.get("stage") else ""
        message = mapping(status, "error").get("message") or error
        kind = mapping(status, "error").get("class") or "Error"
        html += f'<div class="box bad"><b>Failed{stage}.</b> {text(kind)}: {text(message)}</div>'
    elif status.get("state") == "interrupted":
        html += '<div class="box warn">Interrupted. The same command with the same run_dir goes on from here.</div>'
    warnings = status.get("warnings")
    if isinstance(warnings, list) and warnings:
        items = "".join(f"<li>{text(warning)}</li>" for warning in warnings)
        html += f'<div class="box warn"><b>{_count(len(warnings), "warning")}</b><ul>{items}</ul></div>'
    return html


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """Return the scores with their units, and the reason for each that is missing."""
    names = [name for name in metrics if not name.endswith("_reason") and name != "per_pair"]
    names = [name for name in names if not name.startswith(COSTS)]
    known = [name for name in METRICS if name in names]
    rows = [_metric_row(name, metrics) for name in known + [name for name in names if name not in METRICS]]
    if not rows:
        return '<h2>Scores</h2><p class="note">This run has no scores yet.</p>'
    return (
        '<h2>Scores</h2><div class="scroll"><table><thead><tr><th>Score</th><th class="number">Value</th><th>Unit</th>'
        f"<th>Meaning</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _metric_row(name: str, metrics: Mapping[str, Any]) -> str:
    label, unit, meaning = METRICS.get(name, (name.replace("_", " "), "", ""))
    main = ' class="main"' if name == "human_mse" else ""
    start = f'<tr{main}><th scope="row">{text(label)}</th>'
    reason = metrics.get(f"{name}_reason")
    if metrics[name] is None:
        why = text(reason or "no reason recorded")
        return f'{start}<td class="number">–</td><td class="why" colspan="2">{why}</td></tr>'
    meaning = f"{meaning}; {reason}" if reason else meaning
    return (
        f'{start}<td class="number">{number(metrics[name])}</td><td class="why">{text(unit)}</td>'
        f'<td class="why">{text(meaning)}</td></tr>'
    )


def pairs_plot(metrics: Mapping[str, Any]) -> str:
    """Return the H_MSE of each pair as bars; nothing if there is no series."""
    series = mapping(metrics, "per_pair").get("human_mse")
    if not isinstance(series, list) or not any(isinstance(value, int | float) for value in series):
        return ""
    values = [float(value) if isinstance(value, int | float) else None for value in series]
    return (
        f'<h2>H_MSE of each pair of frames</h2><div class="scroll">{pair_bars(values)}</div>'
        '<p class="note">Each frame from the second on, compared with the frame that its colours come from.</p>'
    )


def stages_table(status: Mapping[str, Any]) -> str:
    """Return what each stage cost."""
    stages = {name: entry for name, entry in mapping(status, "stages").items() if isinstance(entry, Mapping)}
    if not stages:
        return ""
    rows = []
    for name, entry in stages.items():
        state = entry.get("state")
        state = status.get("state") if state == "running" and status.get("state") != "done" else state
        rows.append(
            f'<tr><th scope="row">{text(name)}</th><td>{text(state)}</td>'
            f'<td class="number">{seconds(entry.get("seconds"))}</td>'
            f'<td class="number">{memory(entry.get("peak_memory_bytes"))}</td></tr>'
        )
    known = [entry["seconds"] for entry in stages.values() if isinstance(entry.get("seconds"), int | float)]
    peaks = [e["peak_memory_bytes"] for e in stages.values() if isinstance(e.get("peak_memory_bytes"), int | float)]
    rows.append(
        f'<tr class="main"><th scope="row">together</th><td></td><td class="number">{seconds(sum(known))}</td>'
        f'<td class="number">{memory(max(peaks, default=None))}</td></tr>'
    )
    return (
        '<h2>Time and memory</h2><div class="scroll"><table><thead><tr><th>Stage</th><th>State</th>'
        '<th class="number">Time</th><th class="number">Peak memory</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def texts_list(status: Mapping[str, Any]) -> str:
    """Return the texts that the models were given."""
    texts = mapping(status, "texts")
    labels = {"positive": "Text encoder", "negative": "Negative", "motion": "Motion"}
    rows = "".join(
        f"<dt>{label}</dt><dd>{text(texts[name]) or '<span class=why>empty</span>'}</dd>"
        for name, label in labels.items()
        if texts.get(name) is not None
    )
    return f"<h2>Texts</h2><dl>{rows}</dl>" if rows else ""


def reproduction(status: Mapping[str, Any], config: str | None) -> str:
    """Return the command that makes the run again, and the configuration it resolves to."""
    html = ""
    command = status.get("command")
    if command:
        html += (
            f'<h2>Make it again</h2><div class="command"><pre id="command">{text(command)}</pre>'
            '<button type="button" data-copy="command">Copy</button></div>'
        )
    if config:
        html += f"<details><summary>The whole configuration</summary><pre>{text(config)}</pre></details>"
    return html


def footer(status: Mapping[str, Any]) -> str:
    """Return what the run was made with."""
    facts = [f"{text(name)} {text(value)}" for name, value in mapping(status, "versions").items()]
    if status.get("commit"):
        facts.append(f"commit {text(status['commit'])}")
    facts += [f"{text(name)} {text(str(value)[:12])}" for name, value in mapping(status, "weights").items()]
    when = [str(status[key]) for key in ("started", "finished") if status.get(key)]
    if when:
        facts.append(text(" to ".join(when)))
    return f"<footer>{' · '.join(facts)}</footer>" if facts else ""


def text(value: object) -> str:
    """Return a value as escaped text."""
    return escape(str(value))


def number(value: object) -> str:
    """Return a number with as many digits as a reader needs."""
    if not isinstance(value, int | float):
        return text(value)
    if float(value).is_integer() and abs(value) < 1e12:
        return f"{int(value):,}".replace(",", "\u202f")
    if abs(value) < 1e-3:  # rounding, as in the error of an exact map
        return "0.00"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 10 else f"{value:.2f}"


def seconds(value: object) -> str:
    """Return a span of time in seconds."""
    return f"{value:.1f} s" if isinstance(value, int | float) else "–"


def memory(value: object) -> str:
    """Return bytes as megabytes or gigabytes."""
    if not isinstance(value, int | float):
        return "–"
    return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
