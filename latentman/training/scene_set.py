"""A folder of drawn pictures that the trainers learn from: shards of safetensors and a manifest.

A shard is drawn from its own plans alone, so that a drawing which was cut off goes on at the next shard and ends in the
same bytes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save
from torch import Tensor

from latentman import __version__
from latentman.errors import ConfigError, DataError
from latentman.paths import write_atomic, write_json
from latentman.training.scenes.plan import plan_scenes
from latentman.training.scenes.scene import Scenes
from latentman.training.scenes.studio import Studio

FORMAT = 1
"""Of the folder, and of the world that is drawn: whoever changes what a plan's picture looks like raises it."""

MANIFEST = "manifest.json"

_ARRAYS = ("images", "depth", "mask", "character", "colour", "place")

_AT_ONCE = 16
"""Pictures that are drawn in one call."""


@dataclass
class SceneSettings:
    """What a scene set holds: ``number`` pictures of ``size`` x ``size`` pixels, ``shard`` in a file.

    ``recorded`` is a folder of motions made by ``latentman train prepare-bvh`` whose poses are drawn too, or None.
    """

    number: int
    size: int
    shard: int
    seed: int
    recorded: str | None = None

    def __post_init__(self) -> None:
        for name in ("number", "shard"):
            if getattr(self, name) < 1:
                raise ConfigError(f"scenes.{name}={getattr(self, name)} must be 1 or more")
        if self.size < 32 or self.size % 32:
            raise ConfigError(f"scenes.size={self.size} must be a multiple of 32")

    @property
    def shards(self) -> int:
        """Number of files."""
        return -(-self.number // self.shard)


def shard_file(folder: Path, index: int) -> Path:
    """Return the path of one shard."""
    return folder / f"shard_{index:05d}.safetensors"


def draw_set(
    folder: Path,
    settings: SceneSettings,
    device: torch.device | str,
    advance: Callable[[int, int], None],
    minutes: float | None = None,
) -> bool:
    """Draw what is missing of a set; return whether it is complete.

    Args:
        folder: where it lies, or is begun.
        settings: what it holds.
        device: where pictures are drawn.
        advance: called with (pictures that are there, pictures in all).
        minutes: stop after the shard at which this long is over; one is always drawn.

    Raises:
        DataError: if the folder holds a set of another format or with other settings, or something else.
        RecordError: if it cannot be written.
    """
    _claim(folder, settings)
    missing = [index for index in range(settings.shards) if not shard_file(folder, index).exists()]
    done = settings.number - sum(_length(settings, index) for index in missing)
    advance(done, settings.number)
    if not missing:
        return True
    started = time.monotonic()
    studio = Studio.build(device, settings.size, None if settings.recorded is None else Path(settings.recorded))
    for index in missing:

        def on_drawn(number: int, before: int = done) -> None:
            advance(before + number, settings.number)

        _draw_shard(studio, shard_file(folder, index), settings, index, on_drawn)
        done += _length(settings, index)
        if minutes is not None and time.monotonic() - started > 60 * minutes:
            break
    return done == settings.number


def _length(settings: SceneSettings, index: int) -> int:
    return min(settings.shard, settings.number - index * settings.shard)


def _draw_shard(
    studio: Studio, path: Path, settings: SceneSettings, index: int, on_drawn: Callable[[int], None]
) -> None:
    plans = plan_scenes(_length(settings, index), seed=settings.seed, first=index * settings.shard)
    drawn: list[Scenes] = []
    for first in range(0, len(plans), _AT_ONCE):
        drawn.append(studio.draw(plans[first : first + _AT_ONCE]))
        on_drawn(min(first + _AT_ONCE, len(plans)))
    tensors = {name: torch.cat([getattr(part, name) for part in drawn]).cpu().contiguous() for name in _ARRAYS}
    tensors["mask"] = tensors["mask"].to(torch.uint8)
    texts = json.dumps([plan.text for plan in plans])
    # Its own writer would hide why a disk cannot be written: it fills memory, and Python writes that.
    write_atomic(path, lambda p: p.write_bytes(save(tensors, {"texts": texts})))


def _claim(folder: Path, settings: SceneSettings) -> None:
    """Begin a set in an empty folder, or make sure that the one there is this very set."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise DataError(f"cannot draw scenes into {folder}: it holds other files; choose another folder")
        write_json(manifest, {"format": FORMAT, "latentman": __version__, "settings": asdict(settings)})
        return
    found = read_manifest(folder)
    wanted = asdict(settings)
    changed = [key for key in wanted if found.get(key) != wanted[key]]
    if changed:
        listed = ", ".join(f"scenes.{key} was {found.get(key)} and is {wanted[key]}" for key in changed)
        raise DataError(f"{folder} holds scenes with other settings: {listed}; choose another out=..., or delete it")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the settings of the set in a folder.

    Raises:
        DataError: if there is none, or it is of another format.
    """
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        number, settings = data["format"], dict(data["settings"])
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds no scenes: draw them with `latentman train scenes out=...`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error!r}): delete {folder} and draw the scenes again") from error
    if number != FORMAT:
        raise DataError(
            f"{folder} was drawn by latentman {data.get('latentman', '?')} in format {number}, and this version draws "
            f"format {FORMAT}: delete the folder, or choose another out=..."
        )
    return settings


@dataclass(frozen=True)
class SceneSet:
    """N pictures on a device.

    ``images`` (N, 3, H, W) uint8, ``depth`` (N, H, W) uint8, ``mask`` (N, H, W) bool; ``character``, ``colour`` and
    ``place`` (N,) int64 labels, -1 for no colour; ``texts`` what was said of each.
    """

    images: Tensor
    depth: Tensor
    mask: Tensor
    character: Tensor
    colour: Tensor
    place: Tensor
    texts: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path, device: torch.device | str) -> SceneSet:
        """Read a complete set into the memory of a device, 330 KB for each picture of 256 x 256.

        Raises:
            DataError: if there is none, it is of another format, incomplete, or damaged.
        """
        settings = SceneSettings(**read_manifest(folder))
        missing = [index for index in range(settings.shards) if not shard_file(folder, index).exists()]
        if missing:
            raise DataError(
                f"{folder} lacks {len(missing)} of {settings.shards} shards: `latentman train scenes` goes on with them"
            )
        parts, texts = [], []
        for index in range(settings.shards):
            arrays, said = _read_shard(shard_file(folder, index), _length(settings, index))
            parts.append({name: value.to(device) for name, value in arrays.items()})
            texts += said
        joined = {name: torch.cat([part[name] for part in parts]) for name in _ARRAYS}
        return cls(**{**joined, "mask": joined["mask"].bool()}, texts=tuple(texts))

    def __len__(self) -> int:
        return len(self.images)

    def first(self, number: int) -> SceneSet:
        """Return the first pictures alone."""
        cut = {name: getattr(self, name)[:number] for name in _ARRAYS}
        return replace(self, **cut, texts=self.texts[:number])


def _read_shard(path: Path, length: int) -> tuple[dict[str, Tensor], list[str]]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
            texts = json.loads(file.metadata()["texts"])
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise DataError(f"{path} is damaged ({error!r}): delete it and run `latentman train scenes` again") from error
    if len(texts) != length or any(len(value) != length for value in arrays.values()):
        raise DataError(f"{path} does not hold {length} pictures: delete it and run `latentman train scenes` again")
    return arrays, texts
