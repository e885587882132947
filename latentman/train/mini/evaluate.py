"""Evaluation of finished models: held-out prompts are painted and judged, for each model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from latentman import __version__
from latentman.errors import ConfigError, DataError
from latentman.files.opening import missing_as
from latentman.files.safetensors_file import read_tensors
from latentman.networks.checkpoint import folder_digest, local_path
from latentman.record.local import read_object
from latentman.system.paths import write_atomic, write_json, write_text
from latentman.train.mini.evaluation_table import as_table
from latentman.train.mini.judges import CLASSES, Judges, judges_digests
from latentman.train.mini.networks import Networks, load_networks
from latentman.train.mini.pictures import as_colour, contact_sheet, wrapped, write_picture
from latentman.train.mini.sampling import decode_latents, encode_pictures, sample
from latentman.train.mini.scores import frechet_distance, mask_iou, mean, psnr, share
from latentman.train.mini.settings import MiniTraining
from latentman.train.scenes import scene_set
from latentman.train.scenes.palette import COLOURS
from latentman.train.scenes.plan import plan_scenes
from latentman.train.scenes.scene import ScenePlan, Scenes
from latentman.train.scenes.studio import Studio, labels

Show = Callable[[str, int], AbstractContextManager[Callable[[int, int], None]]]

SHIPPED = "asset:mini-sd"

KNOWN_CHARACTERS = (
    "robot", "astronaut", "superhero", "ninja", "knight", "zombie", "skeleton", "mummy", "clown", "soccer player",
    "businessman", "chef", "firefighter", "soldier", "alien", "skier", "tiger man", "stone golem", "dancer", "ghost",
)  # fmt: skip
"""The characters that the shipped weights were trained on (assets/mini-sd/CARD.md)."""

KNOWN_PLACES = (
    "moon", "forest", "beach", "desert", "snowy road", "city at night", "stage", "white studio", "green field", "space",
    "street", "mars",
)  # fmt: skip
"""The places of the shipped weights."""

RESULT, TABLE = "evaluation.json", "table.md"

_TRUTH, _IDENTITY = "drawn.safetensors", "settings.json"
_SHEET_ROWS, _SHEET_COLUMNS = 2, 6


@dataclass(frozen=True)
class Truth:
    """The held-out drawn pictures: ``images`` (N, 3, H, W) uint8, ``depth`` (N, H, W), ``mask``."""

    plans: tuple[ScenePlan, ...]
    images: Tensor
    depth: Tensor
    mask: Tensor


def evaluate(settings: MiniTraining, show: Show, device: torch.device) -> Path:
    """Compare models on held-out prompts; return the table's path. Existing paintings are reused.

    Args:
        settings: ``models`` by name (by default the shipped one and this training's), ``evaluation``, ``scenes.size``.
        show: opens the display of a stage.
        device: the torch device.

    Raises:
        ConfigError: for an invalid model name, or an evaluation with other settings in the folder.
        DataError: if the judges are not trained yet.
        WeightsError: if a model is missing or damaged.
    """
    judges = Judges.load(settings.folder, device)
    models = find_models(settings)
    folder = settings.folder / "evaluation"
    _claim(folder, settings)
    truth = _draw_truth(folder, settings, show, device)
    results: dict[str, dict[str, Any]] = {"drawn": judge_truth(judges, truth)}
    for name, place in models.items():
        networks = load_networks(place, device)
        if networks.controlnet is None:
            raise ConfigError(f"models.{name}={place} has no controlnet folder, which the evaluation needs")
        digest = folder_digest(place)  # the same hashes that a run records for its weights
        images = _paint(folder / f"{name}-{digest[:8]}", settings, networks, truth, (name, show))
        results[name] = {
            "folder": settings.models.get(name, SHIPPED if name == "shipped" else str(place)),
            "weights": digest,
            **judge_vae(networks, truth, settings),
            **judge_paintings(judges, images, truth),
        }
        write_picture(folder / f"sheet_{name}.png", sheet(truth, images))
    write_json(
        folder / RESULT,
        {
            "latentman": __version__,
            "format": scene_set.FORMAT,
            "device": str(device),
            # Scores are comparable only with the same judges.
            "judges": judges_digests(settings.folder),
            "settings": _identity(settings),
            "scores": results,
        },
    )
    write_text(folder / TABLE, as_table(results, settings.evaluation.prompts))
    return folder / TABLE


def find_models(settings: MiniTraining) -> dict[str, Path]:
    """Return the folder of every model to compare.

    Raises:
        ConfigError: for a name that is not a valid folder name, or a hub id.
        WeightsError: if a path does not exist.
    """
    wanted = dict(settings.models)
    if not wanted:
        wanted = {"shipped": SHIPPED}
        if (settings.folder / "mini-sd" / "model_index.json").is_file():
            wanted["trained"] = str(settings.folder / "mini-sd")
    found = {}
    for name, reference in wanted.items():
        if not name.replace("_", "").replace("-", "").isalnum() or name == "drawn":
            raise ConfigError(f"models.{name}: a name needs letters, digits, - or _ only, and 'drawn' is reserved")
        path = local_path(reference, f"models.{name}")
        if path is None or not path.is_dir():
            raise ConfigError(f"models.{name}={reference} must be the folder of a finished model, or {SHIPPED}")
        found[name] = path
    return found


def judge_truth(judges: Judges, truth: Truth) -> dict[str, Any]:
    """Return the scores of the drawn pictures themselves, the best that a model can reach with these judges."""
    named, _ = judges.name(truth.images)
    return {**_adherence(named, truth.plans), "iou": asdict(mean(_ious(judges, truth.images, truth.mask)))}


def judge_paintings(judges: Judges, images: Tensor, truth: Truth) -> dict[str, Any]:
    """Return how well painted images (N, 3, H, W) uint8 match their prompts and depths."""
    named, features = judges.name(images)
    _, wanted = judges.name(truth.images[: len(images)])
    return {
        **_adherence(named, truth.plans[: len(images)]),
        "iou": asdict(mean(_ious(judges, images, truth.mask[: len(images)]))),
        # A single picture has no covariance, and so no Frechet distance.
        "frechet": frechet_distance(features.cpu().numpy(), wanted.cpu().numpy()) if len(images) > 1 else None,
    }


@torch.no_grad()
def judge_vae(networks: Networks, truth: Truth, settings: MiniTraining) -> dict[str, Any]:
    """Return how well the VAE reconstructs, and the statistics of its latents."""
    images = truth.images[: settings.evaluation.pictures]
    ratios, latents = [], []
    for part in images.split(settings.evaluation.batch):
        found = encode_pictures(networks.vae, part.to(networks.device).float() / 255)
        again = (decode_latents(networks.vae, found) * 255).round().to(torch.uint8)
        ratios.append(psnr(part, again.cpu()))
        latents.append(found.double().cpu())
    joined = torch.cat(latents)
    return {
        "psnr": asdict(mean(np.concatenate(ratios))),
        "latent_mean": joined.mean((0, 2, 3)).tolist(),
        "latent_std": joined.std((0, 2, 3)).tolist(),
    }


def _adherence(named: dict[str, Tensor], plans: tuple[ScenePlan, ...]) -> dict[str, Any]:
    """Return the share of correct names, over all prompts and over those whose words the shipped weights know."""
    wanted = {name: label.numpy() for name, label in labels(plans, "cpu").items()}
    wanted["colour"] = np.where(wanted["colour"] < 0, len(COLOURS), wanted["colour"])
    known = np.array([p.character in KNOWN_CHARACTERS and p.place in KNOWN_PLACES for p in plans], dtype=bool)
    coloured = np.array([p.colour is not None for p in plans], dtype=bool)
    scores: dict[str, Any] = {}
    for name in CLASSES:
        right = named[name].cpu().numpy() == wanted[name]
        counts = coloured if name == "colour" else np.ones(len(plans), dtype=bool)
        scores[name] = asdict(share(right[counts]))
        scores[f"{name}_known"] = asdict(share(right[counts & known]))
    return scores


def _ious(judges: Judges, images: Tensor, masks: Tensor) -> np.ndarray:
    wanted = functional.interpolate(masks[:, None].float(), (judges.size, judges.size), mode="area")[:, 0] >= 0.5
    return mask_iou(judges.find(images).cpu(), wanted)


def sheet(truth: Truth, images: Tensor) -> Tensor:
    """Return a picture of the first prompts: depth over the drawn picture over the painted one, row by row."""
    number = min(_SHEET_ROWS * _SHEET_COLUMNS, len(images))
    kinds = (as_colour(truth.depth[:number]), truth.images[:number].float() / 255, images[:number].float() / 255)
    columns = min(_SHEET_COLUMNS, number)
    groups = zip(*(wrapped(kind, columns) for kind in kinds), strict=True)
    return contact_sheet([row for group in groups for row in group])


def _identity(settings: MiniTraining) -> dict[str, Any]:
    of_scenes = {"size": settings.scenes.size, "recorded": settings.scenes.recorded}
    return {**asdict(settings.evaluation), **of_scenes, "precision": settings.precision}


def _claim(folder: Path, settings: MiniTraining) -> None:
    """Start an evaluation, or check that the one in the folder has the same settings."""
    path, wanted = folder / _IDENTITY, {**_identity(settings), "format": scene_set.FORMAT}
    if not path.exists():
        write_json(path, wanted)
        return
    before = read_object(path)
    changed = [key for key in wanted if before.get(key) != wanted[key]]
    if changed:
        listed = ", ".join(f"{key} was {before.get(key)} and is {wanted[key]}" for key in changed)
        raise ConfigError(
            f"{folder} holds an evaluation with other settings: {listed}; delete it or choose another out="
        )


def _draw_truth(folder: Path, settings: MiniTraining, show: Show, device: torch.device) -> Truth:
    """Draw the held-out pictures, or read them if they exist."""
    cfg, path = settings.evaluation, folder / _TRUTH
    plans = plan_scenes(max(cfg.prompts, cfg.pictures), seed=cfg.seed, held_out=True)
    if not path.exists():
        recorded = settings.scenes.recorded
        studio = Studio.build(device, settings.scenes.size, None if recorded is None else Path(recorded))
        parts: list[Scenes] = []
        with show("held-out", len(plans)) as advance:
            for first in range(0, len(plans), cfg.batch):
                parts.append(studio.draw(plans[first : first + cfg.batch]))
                advance(min(first + cfg.batch, len(plans)), len(plans))
        drawn = {name: torch.cat([getattr(p, name) for p in parts]).cpu() for name in ("images", "depth", "mask")}
        drawn["mask"] = drawn["mask"].to(torch.uint8)
        _write(path, drawn)
    found = _read(path)
    return Truth(tuple(plans), found["images"], found["depth"], found["mask"].bool())


def _paint(folder: Path, settings: MiniTraining, networks: Networks, truth: Truth, told: tuple[str, Show]) -> Tensor:
    """Return a painting (N, 3, H, W) uint8 of every held-out prompt, in chunks that are saved."""
    cfg, (name, show) = settings.evaluation, told
    factor = 2 ** (len(networks.vae.config.block_out_channels) - 1)
    pieces = []
    with show(f"paint {name}", cfg.prompts) as advance:
        for first in range(0, cfg.prompts, cfg.batch):
            last, path = min(first + cfg.batch, cfg.prompts), folder / f"painted_{first:05d}.safetensors"
            if not path.exists():
                images = sample(
                    networks,
                    [plan.text for plan in truth.plans[first:last]],
                    depth=truth.depth[first:last],
                    latent_size=settings.scenes.size // factor,
                    steps=cfg.steps,
                    guidance_scale=cfg.guidance_scale,
                    seeds=[1000 * cfg.seed + index for index in range(first, last)],
                    precision=settings.precision,
                )
                _write(path, {"images": (images * 255).round().to(torch.uint8).cpu()})
            pieces.append(_read(path)["images"])
            advance(last, cfg.prompts)
    return torch.cat(pieces)


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    # The library's own writer would hide the reason for a write error: it writes to memory, and Python writes the file.
    write_atomic(path, lambda place: place.write_bytes(save(tensors)))


def _read(path: Path) -> dict[str, Tensor]:
    advice = "delete it, and run the same command to recreate it"
    with missing_as(path, advice=advice):
        return read_tensors(path, error=DataError, advice=advice)
    raise AssertionError  # missing_as() never swallows
