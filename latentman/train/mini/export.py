"""The finished model: one folder in the Stable Diffusion format, in half precision, with a card."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from latentman import __version__
from latentman.record.metrics_log import MetricsLog
from latentman.system.paths import write_json
from latentman.train.mini.checkpoint import identity
from latentman.train.mini.model_folder import replace_folder
from latentman.train.mini.networks import load_network, new_scheduler
from latentman.train.mini.settings import MiniTraining, parse_settings

FOLDER = "mini-sd"

_MADE_BY = {"vae": "vae", "text_encoder": "t2i", "unet": "t2i", "controlnet": "controlnet"}
"""The part of the training that each network comes from."""

_INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": [None, None],
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
}


def export(settings: MiniTraining) -> Path:
    """Write ``OUT/mini-sd`` from the finished parts and return it; an existing one is replaced.

    ``OUT/training.json`` records all settings.

    Raises:
        RecordError: if it cannot be written.
        WeightsError: if a part cannot be read.
    """
    networks = {name: load_network(settings.folder / part, name, "cpu").half() for name, part in _MADE_BY.items()}
    card = _card(settings, {name: sum(p.numel() for p in net.parameters()) for name, net in networks.items()})

    def fill(place: Path) -> None:
        for name, network in networks.items():
            network.save_pretrained(str(place / name), safe_serialization=True)
        shutil.copytree(settings.folder / "t2i" / "tokenizer", place / "tokenizer")
        new_scheduler().save_pretrained(str(place / "scheduler"))
        (place / "model_index.json").write_text(json.dumps(_INDEX, indent=2) + "\n", encoding="utf-8")
        (place / "CARD.md").write_text(card, encoding="utf-8")

    write_json(settings.folder / "training.json", asdict(settings))
    replace_folder(settings.folder / FOLDER, fill)
    return settings.folder / FOLDER


def _card(settings: MiniTraining, weights: dict[str, int]) -> str:
    scenes, commit = settings.scenes, _commit()
    logs = {part: _steps(settings, part) for part in ("vae", "t2i", "controlnet")}
    devices = sorted({step["device"] for steps in logs.values() for step in steps if "device" in step})
    lines = [
        f"# {FOLDER}",
        "",
        "A small text-to-image model with a depth ControlNet, in the Stable Diffusion folder format.",
        "",
        "| network | parameters |",
        "|---|---|",
        *(f"| {name} | {number / 1e6:.2f} M |" for name, number in weights.items()),
        "",
        f"- Made by: `{_command(settings)}`, latentman {__version__}" + (f", commit {commit}" if commit else ""),
        f"- Learnt from: {scenes.number:,} pictures of {scenes.size}x{scenes.size} pixels, drawn by `latentman train "
        f"scenes` with seed {scenes.seed}; no photograph and no weight of others went into it",
        *(_duration(settings, part, steps) for part, steps in logs.items()),
        *([f"- Device: {', '.join(devices)}"] if devices else []),
        "",
    ]
    return "\n".join(lines)


def _command(settings: MiniTraining) -> str:
    """Return the command that produces this model: the preset, and the settings that differ from it."""
    plain = parse_settings("all", [f"out={settings.out}", f"preset={settings.preset}", f"seed={settings.seed}"])
    before, now = (identity("controlnet", one) for one in (plain, settings))
    changed = [f"{key}={_written(now[key])}" for key in now if now[key] != before[key]]
    return " ".join([f"latentman train all preset={settings.preset} seed={settings.seed}", *changed])


def _written(value: Any) -> str:
    """Return a value in command-line form."""
    return "null" if value is None else str(value).replace(" ", "").replace("'", "")


def _steps(settings: MiniTraining, part: str) -> list[dict[str, Any]]:
    return [event for event in MetricsLog.open(settings.folder / part).events if event.get("event") == "step"]


def _duration(settings: MiniTraining, part: str, steps: list[dict[str, Any]]) -> str:
    cfg = getattr(settings, part)
    seconds = f" in {steps[-1]['seconds']:.0f} s" if steps else ""
    return f"- {part}: {cfg.steps:,} steps of {cfg.batch} examples{seconds}"


def _commit() -> str | None:
    """Return the commit of the checkout that contains this code, or None for an installed package."""
    here = Path(__file__).resolve().parents[3]
    if not (here / ".git").exists():
        return None
    try:
        asked = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip()[:12] if asked.returncode == 0 else None
