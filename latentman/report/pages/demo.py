"""The page of the demo: two videos side by side, how much steadier the second is, and what each stage made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from latentman.errors import RecordError
from latentman.record.metrics_file import read_metrics
from latentman.record.status import mapping, read_status
from latentman.report.baseline import change_percent
from latentman.report.drawn_pictures import draw_pictures
from latentman.report.frames import load_frames, run_fps
from latentman.report.moving_picture import save_moving_picture
from latentman.report.pages import sections
from latentman.report.pages.document import Clips, Panel, write_page
from latentman.types import Array

NAMES = ("Text2Video-Zero", "LatentMan")
"""What the two runs are called: the baseline, and ours."""

MADE = (
    ("motion", "pose", "Motion", "A text becomes the joints of a moving person."),
    ("body", "grey", "Body", "A body mesh is fitted to the joints."),
    ("render", "conditions/depth.mp4", "Depth", "The drawn depth guides ControlNet; near is bright."),
    ("render", "conditions/iuv.mp4", "DensePose", "Every pixel knows its body part and its place on it."),
    (
        "correspondence",
        "correspondence.mp4",
        "Correspondences",
        "Colours carried along the map M from frame to frame: SLA and PWG use this map.",
    ),
    ("denoise", "frames", "Video", "Stable Diffusion makes the frames, aligned along the map."),
)
"""Stage, picture, title and caption. A picture is a file of the run, or a kind of ``draw_pictures``."""

WIDTH_PX = 320


@dataclass(frozen=True, slots=True)
class Demo:
    """What ``write_demo`` wrote; ``change`` of H_MSE is in percent, None if a run has no score."""

    page: Path
    picture: Path
    change: float | None


def write_demo(folder: Path, baseline: Path, ours: Path, command: str | None = None) -> Demo:
    """Write ``index.html`` and ``demo.webp`` from two finished runs.

    Args:
        folder: the folder to write to, which holds both runs.
        baseline: the folder of the baseline's run.
        ours: the folder of LatentMan's run.
        command: makes the same demo again, for the page; None leaves it out.

    Raises:
        RecordError: if a run has no frames, the runs have different prompts or seeds, or a file cannot be written.
    """
    runs = (baseline, ours)
    statuses, metrics = [read_status(run) for run in runs], [read_metrics(run) for run in runs]
    for key in ("prompt", "seed", "num_frames"):
        if statuses[0].get(key) != statuses[1].get(key):
            raise RecordError(
                f"{baseline} and {ours} cannot be compared: their {key} differs; empty {folder} and repeat"
            )
    videos = [_frames(run) for run in runs]
    scores = [_score(values) for values in metrics]
    change = None if None in scores or not scores[0] else change_percent(scores[1] or 0.0, scores[0])
    fps, clips = run_fps(ours), Clips(fps=run_fps(ours))
    sides = [
        {
            "panel": clips.add(frames, f"{name}: video of the prompt {status.get('prompt')}"),
            "name": name,
            "score": sections.score(status, values),
            "link": quote(f"{run.relative_to(folder).as_posix()}/index.html"),
        }
        for run, name, frames, status, values in zip(runs, NAMES, videos, statuses, metrics, strict=True)
    ]
    write_page(
        folder / "index.html",
        "demo.html",
        clips,
        title=statuses[1].get("prompt") or "demo",
        facts=[fact for fact in sections.facts(statuses[1]) if fact in sections.facts(statuses[0])],
        sides=sides,
        change=change,
        made=_made(ours, statuses[1], clips),
        clips=clips,
        command=command,
        made_with=sections.made_with(statuses[1]),
    )
    labels = [_label(name, score) for name, score in zip(NAMES, scores, strict=True)]
    if change is not None:
        labels[1] += f" ({change:+.0f} %)"
    picture = folder / "demo.webp"
    save_moving_picture(picture, videos, labels, fps)
    return Demo(folder / "index.html", picture, change)


def _frames(run: Path) -> Array:
    frames = load_frames(run, "frames")
    if frames is None:
        raise RecordError(f"{run} has no frames: give the command of the demo again")
    return frames


def _score(metrics: Mapping[str, Any]) -> float | None:
    value = metrics.get("human_mse")
    return float(value) if isinstance(value, int | float) else None


def _label(name: str, score: float | None) -> str:
    return name if score is None else f"{name}   H_MSE {score:.0f}"


def _made(run: Path, status: Mapping[str, Any], clips: Clips) -> list[dict[str, Any]]:
    """Return what each stage made, with its seconds; a picture that is not there is left out."""
    drawn = _drawn(run)
    shown = []
    for stage, what, title, caption in MADE:
        frames = drawn.get(what) if what in ("pose", "grey") else load_frames(run, what)
        panel: Panel | None = None if frames is None else clips.add(frames, title, width=WIDTH_PX)
        seconds = sections.seconds(mapping(mapping(status, "stages"), stage).get("seconds"))
        shown.append({"panel": panel, "title": title, "caption": caption, "seconds": seconds})
    return [figure for figure in shown if figure["panel"] is not None]


def _drawn(run: Path) -> dict[str, Array]:
    """Return the pictures of the joints and of the lit body; empty if the run did not keep its body."""
    from latentman.files.run_file import read_body, read_conditions

    if not ((run / "body.npz").is_file() and (run / "conditions.npz").is_file()):
        return {}
    body, conditions = read_body(run / "body.npz"), read_conditions(run / "conditions.npz")
    return {kind: np.asarray(draw_pictures(kind, body, conditions)) for kind in ("pose", "grey")}
