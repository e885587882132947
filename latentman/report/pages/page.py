"""The page of a run, with its four clips in step, and the overview of a job with several prompts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from latentman.record.metrics_file import read_metrics
from latentman.record.status import error_line, mapping, read_status, run_folders
from latentman.report.pages import sections
from latentman.report.pages.document import Clips, controls, load_frames, write_page
from latentman.report.pages.sections import text

PANELS = (
    ("frames", "Video", "the result", "The finished video"),
    ("conditions/depth.mp4", "Depth", "what ControlNet is given; near is bright", "Depth pictures of the moving body"),
    ("conditions/iuv.mp4", "IUV", "body part and place on it", "Body part and surface coordinates in colours"),
    ("correspondence.mp4", "Correspondence", "colours carried along the map M", "Colours carried from frame to frame"),
)
"""The panels of a run: file, title, caption, and description for those who cannot see it."""

CARD_WIDTH_PX = 320


def write_run_page(run_dir: Path) -> None:
    """Write ``index.html`` of a run, from whatever the run has so far.

    Raises:
        RecordError: if it cannot be written.
    """
    status, metrics = read_status(run_dir), read_metrics(run_dir)
    clips = Clips(fps=run_fps(run_dir))
    panels = "".join(_panel(run_dir, clips, status, *panel) for panel in PANELS)
    config_file = run_dir / "config.yaml"
    config = config_file.read_text(encoding="utf-8", errors="replace") if config_file.is_file() else None
    body = [
        sections.run_header(status),
        f'<div class="panels">{panels}</div>',
        controls(clips),
        sections.metrics_table(metrics),
        sections.pairs_plot(metrics),
        f'<div class="columns"><div>{sections.stages_table(status)}</div>',
        f"<div>{sections.texts_list(status)}</div></div>",
        sections.reproduction(status, config),
        sections.footer(status),
    ]
    write_page(run_dir / "index.html", f"{status.get('prompt') or run_dir.name} - LatentMan", body, clips)


def _panel(
    run_dir: Path, clips: Clips, status: Mapping[str, Any], name: str, title: str, caption: str, description: str
) -> str:
    frames = load_frames(run_dir, name)
    if frames is None:
        picture = f'<div class="empty">no {title.lower() if title != "IUV" else title} yet</div>'
    else:
        about = f" of the prompt: {status.get('prompt')}" if name == "frames" else ""
        picture = clips.canvas(frames, f"{description}{about}")
    return f"<figure>{picture}<figcaption><b>{title}</b>{caption}</figcaption></figure>"


def write_job_page(job_dir: Path) -> None:
    """Write ``index.html`` of a job: every prompt's video with its score, in step, and the means.

    Raises:
        RecordError: if it cannot be written.
    """
    status, metrics = read_status(job_dir), read_metrics(job_dir)
    folders = [folder for folder in run_folders(job_dir) if folder != job_dir]
    clips = Clips(fps=run_fps(folders[0]) if folders else 10.0)
    cards = "".join(_card(folder, job_dir, clips) for folder in folders)
    choices = mapping(status, "choices")
    facts = [(name, choices[name]) for name in sections.CHOICES if name in choices]
    items = "".join(f"<li>{name} <b>{text(value)}</b></li>" for name, value in facts)
    title = f"{status.get('name') or job_dir.name}: {len(folders)} prompts"
    header = f'<header><p class="over">LatentMan</p><h1>{text(title)}</h1><ul class="facts">{items}</ul></header>'
    body = [
        header,
        sections.problems(status),
        f'<div class="cards">{cards}</div>',
        controls(clips, sticky=True),
        sections.metrics_table(metrics).replace("<h2>Scores</h2>", "<h2>Means over the prompts</h2>"),
        sections.footer(status),
    ]
    write_page(job_dir / "index.html", f"{title} - LatentMan", body, clips)


def _card(folder: Path, base: Path, clips: Clips) -> str:
    status = read_status(folder)
    address = quote(f"{folder.relative_to(base).as_posix()}/index.html")
    prompt = text(status.get("prompt") or folder.name)
    caption = f'{score(folder, status)}<br><a href="{address}">{prompt}</a>'
    return f"<figure>{thumbnail(folder, status, clips)}<figcaption>{caption}</figcaption></figure>"


def thumbnail(folder: Path, status: Mapping[str, Any], clips: Clips) -> str:
    """Return a run's video for a page with many, or what its state is if it has none."""
    frames = load_frames(folder, "frames")
    if frames is None:
        return f'<div class="empty">{text(error_line(status) or status.get("state") or "no video")}</div>'
    return clips.canvas(frames, f"Video of the prompt: {status.get('prompt')}", width=CARD_WIDTH_PX)


def score(folder: Path, status: Mapping[str, Any]) -> str:
    """Return a run's H_MSE, or the reason why it has none."""
    metrics = read_metrics(folder)
    value = metrics.get("human_mse")
    if isinstance(value, int | float):
        return f'<span class="score">{value:.1f}</span> H_MSE'
    reason = metrics.get("human_mse_reason") or f"no score, {status.get('state') or 'state unknown'}"
    return f'<span class="why">{text(reason)}</span>'


def run_fps(run_dir: Path) -> float:
    """Return the frames per second that a run's configuration asks for; 10 if it does not say."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        fps = OmegaConf.select(OmegaConf.load(run_dir / "config.yaml"), "fps")
        return float(fps) if fps else 10.0
    except (OSError, ValueError, TypeError, AttributeError, YAMLError, OmegaConfBaseException):
        return 10.0
