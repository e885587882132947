"""The page of a run, with its four videos in step, and the overview of a job with several prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from latentman.errors import DataError
from latentman.files.opening import read_text
from latentman.files.yaml_file import MAX_BYTES as MAX_CONFIG_BYTES
from latentman.record.metrics_file import read_metrics
from latentman.record.status import error_line, read_status, run_folders
from latentman.report.frames import DEFAULT_FPS, load_frames, run_fps
from latentman.report.pages import sections
from latentman.report.pages.document import Clips, Panel, write_page

CARD_WIDTH_PX = 320


@dataclass(frozen=True, slots=True)
class Figure:
    """A video of a run's page: its file, title, caption, and description for readers who cannot see it."""

    file: str
    title: str
    caption: str
    description: str
    missing: str
    """Shown while the file does not exist."""


FIGURES = (
    Figure("frames", "Video", "the result", "The finished video", "no video yet"),
    Figure(
        "conditions/depth.mp4",
        "Depth",
        "the input of ControlNet; near is bright",
        "Depth pictures of the moving body",
        "no depth yet",
    ),
    Figure(
        "conditions/iuv.mp4",
        "IUV",
        "body part and position on it",
        "Body part and surface coordinates in colours",
        "no IUV yet",
    ),
    Figure(
        "correspondence.mp4",
        "Correspondence",
        "colours carried along the map M",
        "Colours carried from frame to frame",
        "no correspondence yet",
    ),
)


def write_run_page(run_dir: Path) -> None:
    """Write ``index.html`` of a run from the results that it has so far.

    Raises:
        RecordError: if the page cannot be written.
    """
    status, metrics = read_status(run_dir), read_metrics(run_dir)
    clips = Clips(fps=run_fps(run_dir))
    config, name = run_dir / "config.yaml", status.get("name")
    write_page(
        run_dir / "index.html",
        "run.html",
        clips,
        title=status.get("prompt") or run_dir.name,
        over="LatentMan" if not name or name == "run" else f"LatentMan · {name}",
        heading=status.get("prompt") or "No prompt recorded",
        facts=sections.facts(status),
        problems=sections.problems(status),
        figures=[_shown(run_dir, clips, status, figure) for figure in FIGURES],
        clips=clips,
        scores=sections.score_rows(metrics),
        bars=sections.pairs_plot(metrics),
        stages=sections.stage_rows(status),
        texts=sections.texts(status),
        command=status.get("command"),
        config=_text(config),
        made_with=sections.made_with(status),
    )


def _shown(run_dir: Path, clips: Clips, status: Mapping[str, Any], figure: Figure) -> dict[str, Any]:
    frames = load_frames(run_dir, figure.file)
    about = f" of the prompt: {status.get('prompt')}" if figure.file == "frames" else ""
    panel = None if frames is None else clips.add(frames, f"{figure.description}{about}")
    return {"panel": panel, "title": figure.title, "caption": figure.caption, "missing": figure.missing}


def write_job_page(job_dir: Path) -> None:
    """Write ``index.html`` of a job: the video of every prompt with its score, in step, and the mean scores.

    Raises:
        RecordError: if the page cannot be written.
    """
    status = read_status(job_dir)
    folders = [folder for folder in run_folders(job_dir) if folder != job_dir]
    clips = Clips(fps=run_fps(folders[0]) if folders else DEFAULT_FPS)
    write_page(
        job_dir / "index.html",
        "job.html",
        clips,
        title=f"{status.get('name') or job_dir.name}: {len(folders)} prompts",
        facts=sections.choices(status),
        problems=sections.problems(status),
        cards=[_card(folder, job_dir, clips) for folder in folders],
        clips=clips,
        scores=sections.score_rows(read_metrics(job_dir)),
        made_with=sections.made_with(status),
    )


def _card(folder: Path, base: Path, clips: Clips) -> dict[str, Any]:
    status = read_status(folder)
    return {
        "panel": _thumbnail(folder, status, clips),
        "missing": error_line(status) or status.get("state") or "no video",
        "score": sections.score(status, read_metrics(folder)),
        "address": quote(f"{folder.relative_to(base).as_posix()}/index.html"),
        "prompt": status.get("prompt") or folder.name,
    }


def _thumbnail(folder: Path, status: Mapping[str, Any], clips: Clips) -> Panel | None:
    frames = load_frames(folder, "frames")
    if frames is None:
        return None
    return clips.add(frames, f"Video of the prompt: {status.get('prompt')}", width=CARD_WIDTH_PX)


def _text(path: Path) -> str | None:
    """Return the text of a file that a page shows; None if there is none that can be read."""
    try:
        return read_text(path, lenient=True, max_bytes=MAX_CONFIG_BYTES)
    except (FileNotFoundError, DataError):
        return None
