"""Maps that were found before, on disk, by the content of what they were found from.

The key of an entry is a hash of the IUV maps on their grid, of every setting that the result depends on, and of the
code that found it; so an entry never goes stale, and jobs of a sweep that draw the same figure share it. An entry is
believed only after it was checked against its key, its own checksum and the maps; anything else is computed anew.
Several processes may use one folder: entries appear by renaming, whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentman.assignment.certified import is_compiled
from latentman.errors import RecordError
from latentman.system import cache_folder
from latentman.system.paths import read_npz, write_npz
from latentman.types import Correspondence

LIMIT_BYTES = 2_000_000_000
"""How large the folder may grow before the entries that were used least recently go: some thousand clips at 256."""

_FORMAT = 1
_ENTRY = re.compile(r"[0-9a-f]{64}\.npz")
_CODE = ("assignment", "correspondence/features.py", "correspondence/match.py", "correspondence/parts.py")

_WHAT = "correspondence: maps"


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of maps, one npz file each. No trouble with it stops a run: it is told once, and the run goes on."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    def load(self, key: str, maps: NDArray[np.uint8], reference: str) -> Correspondence | None:
        """Return what was stored under ``key``, or None where there is nothing that can be believed.

        Args:
            key: from :func:`clip_key`.
            maps: (T, size, size, 3) the IUV maps that the key was made from.
            reference: ``prev_new``, ``prev`` or ``first``.
        """
        path = self.folder / f"{key}.npz"
        try:
            found = _believed(read_npz(path), key, maps, reference)
        # A damaged file can make its readers raise nearly anything, from an overflow to a request of all the memory.
        except Exception as error:
            cause = error.__cause__
            if isinstance(cause, NotADirectoryError | PermissionError):
                cache_folder.warn_of_folder(self.folder, _WHAT, str(cause))
            elif not isinstance(cause, FileNotFoundError):
                cache_folder.log.warning(
                    "correspondence: the cache entry %s is not used, and computed anew: %s", path, error
                )
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the least recently used go first
        return found

    def store(self, key: str, found: Correspondence) -> None:
        """Keep ``found`` under ``key``, and remove the entries used least recently while the folder is too large."""
        data = found.arrays()
        try:
            write_npz(self.folder / f"{key}.npz", data | {"key": np.str_(key), "digest": np.str_(_digest(data))})
            cache_folder.prune(self.folder, _ENTRY, self.limit_bytes, f"{key}.npz")
        except (RecordError, OSError) as error:
            cache_folder.warn_of_folder(self.folder, _WHAT, str(error.__cause__ or error))


def cache_dir() -> Path:
    """Return where maps are kept: ``correspondence`` in ``$LATENTMAN_CACHE``, else in ``~/.cache/latentman``."""
    return cache_folder.cache_dir("correspondence")


def clip_key(maps: NDArray[np.uint8], *, features: str, e_weight: float, solver: str, reference: str) -> str:
    """Return 64 hexadecimal digits that stand for IUV maps (T, size, size, 3) and how they are matched."""
    settings = {
        "format": _FORMAT,
        "maps": [list(maps.shape), hashlib.sha256(np.ascontiguousarray(maps).data).hexdigest()],
        "features": features,
        "e_weight": float(e_weight),
        "solver": solver,
        # Equally cheap matchings may differ between solvers, and auto chooses among them by what is there.
        "compiled": is_compiled() if solver == "auto" else None,
        "packages": [cache_folder.package_version(name) for name in ("numpy", "scipy", "lapjv", "lapsolver")],
        "reference": reference,
        "code": cache_folder.code_digest(_CODE),
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _believed(data: Mapping[str, Any], key: str, maps: NDArray[np.uint8], reference: str) -> Correspondence:
    """Return the content of an entry.

    Raises:
        RecordError: if it is not what was stored under ``key``, or no map between these IUV maps.
    """
    payload = {name: array for name, array in data.items() if name not in ("key", "digest")}
    if str(data.get("key")) != key:
        raise RecordError("it was stored for something else")
    if str(data.get("digest")) != _digest(payload):
        raise RecordError("its checksum is wrong")
    found = Correspondence.from_arrays(payload)
    size = maps.shape[1]
    if (len(found.pairs), found.size, found.reference) != (len(maps), size, reference):
        raise RecordError("it is a map of another clip")
    proof = np.zeros(len(maps)) if found.certificate is None else found.certificate
    if proof.shape != found.cost.shape or not (np.isfinite(found.cost).all() and np.isfinite(proof).all()):
        raise RecordError("its costs are not finite")
    for i, (target, source) in enumerate(found.pairs):
        pixels = np.concatenate([target, source])
        if pixels.min(initial=0) < 0 or pixels.max(initial=0) >= size:
            raise RecordError(f"frame {i} has pixels outside the grid")
        here, there = (maps[k][tuple(p.T)][:, 0] for k, p in ((i, target), (found.source_frame(i), source)))
        if (here != there).any() or not here.all():
            raise RecordError(f"frame {i} is matched across body parts")
        if any(len(np.unique(p, axis=0)) < len(p) for p in (target, source)):
            raise RecordError(f"frame {i} has a pixel that is matched twice")
    return found


def _digest(data: Mapping[str, Any]) -> str:
    """Return a SHA-256 over names, types, shapes and bytes."""
    total = hashlib.sha256()
    for name in sorted(data):
        array = np.asarray(data[name])
        total.update(f"{name} {array.dtype.str} {array.shape};".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
