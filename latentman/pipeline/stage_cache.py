"""What the first stages of a run made, on disk by content, for all runs that need the same, above all those of a sweep.

Motion, body, pictures and the map M depend on few settings, and a sweep over the others would make them in every job
anew. An entry's key is a hash of the stage's inputs (the chained hash of the runner and the bytes of the files that the
stage reads), of the code and the packages that make it, and of the machine, since floating-point sums differ between
machines; so an entry never goes stale, and a run has the same bytes with it and without. An entry is believed only
after its checksums were checked. Of several processes that need one entry at once, one makes it and the others wait.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import platform
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.pipeline.run import Run, Stage
from latentman.pipeline.stages import STAGES
from latentman.system import cache_folder
from latentman.system.locks import waited_for
from latentman.system.meter import Reading
from latentman.system.paths import file_digest, write_atomic

LIMIT_BYTES = 4_000_000_000
"""How large the folder may grow before the entries that were used least recently go: some hundred clips at 512."""

PATIENCE_S = 1800.0
"""How long to wait for another process that makes the same, before making it oneself."""

SHARED = ("motion", "body", "render", "correspondence")
"""The stages that are kept; what follows depends on nearly every setting."""

CODE = (
    "motion", "body", "render", "assignment", "correspondence", "config", "pipeline/stages.py", "pipeline/run.py",
    "pipeline/origins.py", "system/paths.py", "types.py", "video.py",
)  # fmt: skip
"""All code of this package that those stages run, and that nothing else of the key stands for."""

_FORMAT = 1
_ABOUT = "entry.json"
_ENTRY = re.compile(r"[0-9a-f]{64}\.zip")
_PACKAGES = ("numpy", "scipy", "torch", "transformers", "imageio-ffmpeg", "lapjv", "lapsolver")
_WHAT = "motions, bodies, pictures and maps"

_log = logging.getLogger("latentman")


@dataclass(frozen=True)
class Entry:
    """The files of one stage, what they cost when they were made, and the warnings that came with them."""

    files: dict[str, bytes]
    seconds: float
    peak_memory_bytes: int
    warnings: tuple[tuple[str, str], ...] = ()
    """Logger and message of each."""

    def unpack(self, folder: Path) -> None:
        """Write the files into a run folder, and repeat the warnings.

        Raises:
            RecordError: if the folder cannot be written.
        """
        for name, data in self.files.items():
            write_atomic(folder / name, lambda path, data=data: path.write_bytes(data))  # type: ignore[misc]
        for name, message in self.warnings:
            logging.getLogger(name).warning("%s", message)


@dataclass(frozen=True, slots=True)
class StageCache:
    """A folder of entries, one uncompressed zip file each. No trouble with it stops a run."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    def load(self, key: str, names: Sequence[str]) -> Entry | None:
        """Return the entry under ``key``, or None where there is nothing that can be believed.

        Args:
            key: from :func:`stage_key`.
            names: the files that the stage makes, relative to the run folder; nothing else is ever taken from an entry.
        """
        path = self.folder / f"{key}.zip"
        try:
            entry = _believed(path, key, names)
        except FileNotFoundError:
            return None
        except (NotADirectoryError, PermissionError) as error:
            cache_folder.warn_of_folder(self.folder, _WHAT, str(error))
            return None
        # A damaged file can make its readers raise nearly anything, from an overflow to a request of all the memory.
        except Exception as error:
            cache_folder.log.warning("the cache entry %s is not used, and computed anew: %s", path, error)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the least recently used go first
        return entry

    def store(self, key: str, entry: Entry) -> None:
        """Keep ``entry`` under ``key``, and remove the entries used least recently while the folder is too large."""
        about = {
            "key": key,
            "seconds": entry.seconds,
            "peak_memory_bytes": entry.peak_memory_bytes,
            "warnings": entry.warnings,
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in entry.files.items()},
        }
        text = json.dumps(about)

        def write(path: Path) -> None:
            with zipfile.ZipFile(path, "w") as archive:  # stored: the files are compressed already
                archive.writestr(_ABOUT, json.dumps({**about, "digest": hashlib.sha256(text.encode()).hexdigest()}))
                for name, data in entry.files.items():
                    archive.writestr(name, data)

        try:
            write_atomic(self.folder / f"{key}.zip", write)
            cache_folder.prune(self.folder, _ENTRY, self.limit_bytes, f"{key}.zip")
        except (RecordError, OSError) as error:
            cache_folder.warn_of_folder(self.folder, _WHAT, str(error.__cause__ or error))

    @contextmanager
    def made_once(self, key: str) -> Iterator[None]:
        """Let one process at a time make the entry under ``key``; the others wait here."""
        lock = self.folder / f"{key}.lock"
        with ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                if not stack.enter_context(waited_for(lock, 0)):
                    _log.info("another process makes the same; waiting for it")
                    if not stack.enter_context(waited_for(lock, PATIENCE_S)):
                        cache_folder.log.warning("%s has been held for %.0f s; going on without it", lock, PATIENCE_S)
            except OSError as error:
                cache_folder.warn_of_folder(self.folder, _WHAT, str(error))
            yield


def shared_cache(stage: Stage, run: Run) -> StageCache | None:
    """Return the cache that a stage's files go through, or None if they go through none."""
    config = run.config
    if stage.name not in SHARED or not config.paths.stage_cache:
        return None
    if stage.name == "correspondence" and not config.correspondence.cache:
        return None
    return StageCache(cache_folder.cache_dir("stages"))


def stage_key(stage: Stage, run: Run, chained: str) -> str:
    """Return 64 hexadecimal digits that stand for what a stage makes.

    Args:
        stage: one of ``SHARED``; the stages before it are done.
        run: the run.
        chained: the runner's hash of the settings of this stage and all before it.
    """
    from latentman.assignment.certified import is_compiled

    earlier = [other for other in STAGES if other.name in SHARED[: SHARED.index(stage.name)]]
    facts = {
        "format": _FORMAT,
        "stage": stage.name,
        "settings": chained,
        # A run folder may hold files that older code made, or that somebody changed: they are nobody else's.
        "inputs": {name: file_digest(run.folder / name) for other in earlier for name in other.outputs(run)},
        "code": cache_folder.code_digest(CODE),
        "bodies": cache_folder.code_digest(("assets/bodies",), (".npz",)),
        "packages": {name: cache_folder.package_version(name) for name in _PACKAGES},
        "compiled": is_compiled(),  # the solver "auto" chooses by it
        "machine": _machine(run.config.device),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def pack(stage: Stage, run: Run, cost: Reading, warnings: list[tuple[str, str]]) -> Entry:
    """Return what a stage has left in the run folder as an entry.

    Raises:
        OSError: if a file cannot be read.
    """
    files = {name: (run.folder / name).read_bytes() for name in stage.outputs(run)}
    return Entry(files, cost.seconds, cost.peak_memory_bytes, tuple(warnings))


@contextmanager
def heard_warnings() -> Iterator[list[tuple[str, str]]]:
    """Collect the warnings of a stage, as (logger, message), but for those about a cache: they belong to no result."""
    handler = _Listener(logging.WARNING)
    _log.addHandler(handler)
    try:
        yield handler.heard
    finally:
        _log.removeHandler(handler)


class _Listener(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.heard: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        item = (record.name, record.getMessage())
        if record.name != cache_folder.log.name and item not in self.heard:
            self.heard.append(item)


def _believed(path: Path, key: str, names: Sequence[str]) -> Entry:
    """Return the content of an entry.

    Raises:
        RecordError: if it is not what was stored under ``key``.
        OSError: if it cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        about = json.loads(archive.read(_ABOUT))
        digest = about.pop("digest")
        if hashlib.sha256(json.dumps(about).encode()).hexdigest() != digest:
            raise RecordError("its checksum is wrong")
        if about["key"] != key or set(about["files"]) != set(names):
            raise RecordError("it was stored for something else")
        files = {name: archive.read(name) for name in names}
    for name, data in files.items():
        if hashlib.sha256(data).hexdigest() != about["files"][name]:
            raise RecordError(f"the checksum of {name} is wrong")
    warnings = tuple((str(name), str(message)) for name, message in about["warnings"])
    return Entry(files, float(about["seconds"]), int(about["peak_memory_bytes"]), warnings)


@functools.cache
def _processor() -> str:
    """Return the name of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _machine(device: str) -> dict[str, Any]:
    """Return what the last bits of a sum may depend on."""
    import torch

    from latentman.system.device import pick_device

    found = pick_device(device)
    name = torch.cuda.get_device_name(found) if found.type == "cuda" else found.type
    return {"processor": _processor(), "threads": torch.get_num_threads(), "device": name}
