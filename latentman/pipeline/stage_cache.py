"""Files that a stage of one run made, kept on disk by content for all runs that need the same.

The jobs of a sweep share what comes before their difference. An entry's key is a hash of the stage's inputs (the hash
of its settings and the bytes of the files that it reads), of the code and the packages that make it, and of the
machine, since floating-point sums differ between machines. An entry therefore never goes stale, and a run has the same
bytes with it and without. An entry is used only after its checksums were checked. If several processes need one entry
at once, one makes it and the others wait. Which stages are shared, and what their keys hold, the stages declare.
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
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentman.errors import RecordError
from latentman.pipeline.run import Run
from latentman.pipeline.stage import COMMON_CODE, Stage
from latentman.system import cache_folder
from latentman.system.locks import waited_for
from latentman.system.meter import Reading
from latentman.system.paths import file_digest, write_atomic

LIMIT_BYTES = 4_000_000_000
"""Size of the folder above which the entries used least recently are removed: some hundred runs at 512 pixels."""

PATIENCE_S = 1800.0
"""How long to wait for another process that makes the same entry, before making it in this one."""

_FORMAT = 2
_ABOUT = "entry.json"
_ENTRY = re.compile(r"[0-9a-f]{64}\.zip")
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
    """A folder of entries, one uncompressed zip file each. No fault of the folder or of an entry stops a run."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    def load(self, key: str, names: Sequence[str]) -> Entry | None:
        """Return the entry under ``key``, or None if there is none, or none that passes its checks.

        Args:
            key: from :func:`stage_key`.
            names: the files that the stage makes, relative to the run folder; an entry with other files is not used.
        """
        path = self.folder / f"{key}.zip"
        try:
            entry = _checked(path, key, names)
        except FileNotFoundError:
            return None
        except (NotADirectoryError, PermissionError) as error:
            cache_folder.warn_of_folder(self.folder, _WHAT, str(error))
            return None
        # A damaged file can make its readers raise nearly anything, from an overflow to a request of all the memory.
        except Exception as error:
            cache_folder.log.warning("the cache entry %s is not used, and is computed again: %s", path, error)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the entries used least recently are removed first
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
                with tempfile.TemporaryFile(dir=self.folder):  # a folder without room for a lock would look locked
                    pass
                if not stack.enter_context(waited_for(lock, 0)):
                    _log.info("another process is making the same files; waiting for it")
                    if not stack.enter_context(waited_for(lock, PATIENCE_S)):
                        cache_folder.log.warning("%s has been held for %.0f s; continuing without it", lock, PATIENCE_S)
            except OSError as error:
                cache_folder.warn_of_folder(self.folder, _WHAT, str(error))
            yield


def shared_cache(stage: Stage, run: Run) -> StageCache | None:
    """Return the cache that a stage's files go through, or None if this run does not share them."""
    if stage.sharing is None or not run.config.paths.stage_cache or not stage.sharing.is_wanted(run):
        return None
    return StageCache(cache_folder.cache_dir("stages"))


def stage_key(stage: Stage, run: Run, chained: str, inputs: Sequence[str]) -> str:
    """Return 64 hexadecimal digits that stand for what a stage makes.

    Args:
        stage: one that is shared; the stages that it reads are done.
        run: the run.
        chained: hash of the settings of this stage and of those that it reads.
        inputs: the files that it reads, relative to the run folder.
    """
    sharing = stage.sharing
    assert sharing is not None
    facts = {
        "format": _FORMAT,
        "stage": stage.name,
        "settings": chained,
        # Older code may have made these files, or a user changed them: other runs must not get what follows from them.
        "inputs": {name: file_digest(run.folder / name) for name in inputs},
        "code": cache_folder.code_digest((*COMMON_CODE, *sharing.code)),
        "assets": cache_folder.code_digest(sharing.assets, (".npz",)),
        "packages": {name: cache_folder.package_version(name) for name in sharing.packages},
        "facts": sharing.facts(run),
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
    """Collect the warnings of a stage as (logger, message), except those about a cache, which concern no result."""
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


def _checked(path: Path, key: str, names: Sequence[str]) -> Entry:
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
    """Return what the last bits of a floating-point sum may depend on."""
    import torch

    from latentman.system.device import pick_device

    found = pick_device(device)
    name = torch.cuda.get_device_name(found) if found.type == "cuda" else found.type
    return {"processor": _processor(), "threads": torch.get_num_threads(), "device": name}
