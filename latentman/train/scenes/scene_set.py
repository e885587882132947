"""A folder of drawn training pictures: shards of safetensors and a manifest.

A shard depends only on its own plans, so that interrupted drawing continues at the next shard and gives the same bytes.
"""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from latentman import __version__
from latentman.errors import ConfigError, DataError
from latentman.files.json_file import parse_json, read_json_object
from latentman.files.opening import FlawError, missing_as, reason
from latentman.files.safetensors_file import opened_tensors
from latentman.system.paths import write_atomic, write_json
from latentman.train.scenes.plan import plan_scenes
from latentman.train.scenes.studio import Studio

FORMAT = 2
"""Version of the folder format and of the drawn world; it must be increased if the picture of a plan changes.

1 had bodies of one build, exercises above the floor, and mouths below the lips.
"""

MANIFEST = "manifest.json"

_ARRAYS = ("images", "depth", "mask", "character", "colour", "place")

_AT_ONCE = 16
"""Number of pictures drawn in one call."""


@dataclass
class SceneSettings:
    """The content of a scene set: ``number`` pictures of ``size`` x ``size`` pixels, ``shard`` per file.

    ``recorded`` is a folder of motions made by ``latentman train prepare-bvh`` whose poses are also used, or None.
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
    *,
    minutes: float | None = None,
    workers: int = 1,
) -> bool:
    """Draw the missing shards of a set; return whether it is complete.

    Args:
        folder: the folder of the set.
        settings: the content of the set.
        device: the torch device to draw on.
        advance: called with (pictures that exist, pictures in total).
        minutes: stop after the shard at which this time has passed; at least one shard is drawn.
        workers: number of parallel processes, which does not affect the result.

    Raises:
        DataError: if the folder holds a set of another format or with other settings, or something else, or if a
            worker is killed.
        RecordError: if it cannot be written.
    """
    _claim(folder, settings)
    missing = [index for index in range(settings.shards) if not shard_file(folder, index).exists()]
    done = settings.number - sum(_length(settings, index) for index in missing)
    advance(done, settings.number)
    if not missing:
        return True
    started = time.monotonic()
    jobs = [Shard(folder, settings, index) for index in missing]
    drawn = _draw_here(jobs, device) if workers == 1 else _draw_side_by_side(jobs, device, workers)
    # Always closed, so that no worker outlives an interruption.
    with contextlib.closing(drawn):
        for number in drawn:
            done += number
            advance(done, settings.number)
            if minutes is not None and time.monotonic() - started > 60 * minutes:
                break
    return done == settings.number


@dataclass(frozen=True)
class Shard:
    """One file of a set, to be drawn."""

    folder: Path
    settings: SceneSettings
    index: int

    def studio(self, device: torch.device | str) -> Studio:
        """Return a studio for its pictures."""
        recorded = self.settings.recorded
        return Studio.build(device, self.settings.size, None if recorded is None else Path(recorded))


def _draw_here(jobs: list[Shard], device: torch.device | str) -> Generator[int]:
    """Draw the shards in sequence; yield the number of pictures of each once it is written."""
    studio = jobs[0].studio(device)
    for job in jobs:
        yield _draw_shard(studio, job)


def _draw_side_by_side(jobs: list[Shard], device: torch.device | str, workers: int) -> Generator[int]:
    """Draw the shards in parallel processes; yield the number of pictures of each once it is written."""
    waiting, drawing = list(jobs), set[Future[int]]()
    # CUDA cannot be used in a forked process, so workers are spawned.
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), get_context("spawn"), initializer=_enter, initargs=(jobs[0], str(device))
    )
    try:
        while waiting or drawing:
            while waiting and len(drawing) < workers:
                drawing.add(pool.submit(_draw_in_worker, waiting.pop(0)))
            finished, drawing = wait(drawing, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    except BrokenProcessPool as error:
        raise DataError(
            f"a process that draws scenes into {jobs[0].folder} was ended from outside, perhaps because memory ran "
            "out: run the same command to continue, with fewer workers=..."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_STUDIO: list[Studio] = []
"""The studio of a worker."""


def _enter(job: Shard, device: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # interruptions are handled by the parent
    torch.set_num_threads(1)
    _STUDIO.append(job.studio(device))


def _draw_in_worker(job: Shard) -> int:
    return _draw_shard(_STUDIO[0], job)


def _length(settings: SceneSettings, index: int) -> int:
    return min(settings.shard, settings.number - index * settings.shard)


def _draw_shard(studio: Studio, job: Shard) -> int:
    """Draw and write one shard; return how many pictures it has."""
    settings = job.settings
    plans = plan_scenes(_length(settings, job.index), seed=settings.seed, first=job.index * settings.shard)
    drawn = [studio.draw(plans[first : first + _AT_ONCE]) for first in range(0, len(plans), _AT_ONCE)]
    tensors = {name: torch.cat([getattr(part, name) for part in drawn]).cpu().contiguous() for name in _ARRAYS}
    tensors["mask"] = tensors["mask"].to(torch.uint8)
    texts = json.dumps([plan.text for plan in plans])
    # The library's own writer would hide the reason for a write error: it writes to memory, and Python writes the file.
    path = shard_file(job.folder, job.index)
    write_atomic(path, lambda p: p.write_bytes(save(tensors, {"texts": texts})))
    return len(plans)


def _claim(folder: Path, settings: SceneSettings) -> None:
    """Start a set in an empty folder, or check that the existing one has the same settings."""
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
        DataError: if there is none, or it has another format.
    """
    path = folder / MANIFEST
    try:
        data = read_json_object(path, advice=f"delete {folder} and draw the scenes again")
        number, settings = data["format"], dict(data["settings"])
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds no scenes: draw them with `latentman train scenes out=...`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged ({reason(error)}): delete {folder} and draw the scenes again") from error
    if number != FORMAT:
        raise DataError(
            f"{folder} was drawn by latentman {data.get('latentman', '?')} in format {number}, and this version draws "
            f"format {FORMAT}, another world: delete the folder and draw the scenes again, or choose another out=..."
        )
    return settings


@dataclass(frozen=True)
class SceneSet:
    """N pictures on a device.

    ``images`` (N, 3, H, W) uint8, ``depth`` (N, H, W) uint8, ``mask`` (N, H, W) bool; ``character``, ``colour`` and
    ``place`` (N,) int64 labels, -1 for no colour; ``texts`` the text of each.
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
            DataError: if there is none, or it has another format, is incomplete or is damaged.
        """
        settings = _settings(folder)
        missing = [index for index in range(settings.shards) if not shard_file(folder, index).exists()]
        if missing:
            raise DataError(
                f"{folder} lacks {len(missing)} of {settings.shards} shards: run `latentman train scenes` to continue"
            )
        parts, texts = [], []
        for index in range(settings.shards):
            arrays, said = _read_shard(shard_file(folder, index), _length(settings, index), settings.size)
            parts.append({name: value.to(device) for name, value in arrays.items()})
            texts += said
        joined = {name: torch.cat([part[name] for part in parts]) for name in _ARRAYS}
        return cls(**{**joined, "mask": joined["mask"].bool()}, texts=tuple(texts))

    def __len__(self) -> int:
        return len(self.images)

    def first(self, number: int) -> SceneSet:
        """Return only the first pictures."""
        cut = {name: getattr(self, name)[:number] for name in _ARRAYS}
        return replace(self, **cut, texts=self.texts[:number])


def _settings(folder: Path) -> SceneSettings:
    found = read_manifest(folder)
    try:
        return SceneSettings(**found)
    except (TypeError, ConfigError) as error:
        path = folder / MANIFEST
        raise DataError(f"{path} is damaged ({error}): delete {folder} and draw the scenes again") from error


def _read_shard(path: Path, length: int, size: int) -> tuple[dict[str, Tensor], list[str]]:
    advice = "delete it and run `latentman train scenes` again"
    with missing_as(path, advice=advice), opened_tensors(path, error=DataError, advice=advice) as file:
        arrays = {name: file.get_tensor(name) for name in _ARRAYS}
        texts = parse_json(file.metadata()["texts"])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise FlawError("its texts are not a list of texts")
    each: dict[str, tuple[int, ...]] = {"images": (3, size, size), "depth": (size, size), "mask": (size, size)}
    shapes = {name: (length, *each.get(name, ())) for name in _ARRAYS}
    if len(texts) != length or any(arrays[name].shape != shape for name, shape in shapes.items()):
        held = f"{length} pictures of {size} x {size} pixels"
        raise DataError(f"{path} does not hold {held}: delete it and run `latentman train scenes` again")
    return arrays, texts
