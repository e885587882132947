"""Files written by torch: tensors and plain values only; nothing in a file is executed."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from latentman.errors import LatentManError, WeightsError
from latentman.files.opening import FlawError, open_file, reading, reason

MAX_BYTES = 64 * 2**30
"""The most bytes of a file that is loaded, unless its reader says otherwise."""
MAX_MEMBERS = 100_000

_STATE_DICT = "use the released file, or save its state dict again with torch.save"
_NAMED = re.compile(r"GLOBAL (\S+)")


def read_torch(
    path: Path,
    *,
    error: type[LatentManError] = WeightsError,
    advice: str = "fetch it again",
    allowing: Callable[[list[str]], AbstractContextManager[None]] | None = None,
    max_bytes: int = MAX_BYTES,
) -> Any:
    """Return the content of a file, tensors on the CPU.

    Args:
        path: the file.
        error: raised for anything that is wrong with it.
        advice: what to do then.
        allowing: called with the names of the other classes in a zip file; registers with torch what replaces them, or
            raises.
        max_bytes: the most that it may hold.

    Raises:
        FileNotFoundError: if there is no such file.
        LatentManError: as ``error``, if the file is damaged or could run code when it is loaded.
    """
    import torch

    with reading(path, error=error, advice=advice):
        with open_file(path, max_bytes) as file:
            is_zip = zipfile.is_zipfile(file)
            if is_zip:
                _check_zip(file)
        try:
            names = torch.serialization.get_unsafe_globals_in_checkpoint(path) if is_zip and allowing else []
            with allowing(sorted(names)) if names and allowing else nullcontext():
                return torch.load(path, map_location="cpu", weights_only=True)
        except LatentManError:
            raise
        except Exception as failure:
            named = _NAMED.search(str(failure))
            if named:
                remedy = _STATE_DICT if error is WeightsError else advice
                raise error(
                    f"{path} is refused: besides tensors it holds {named[1]}, which would run code when loaded; "
                    f"{remedy}"
                ) from failure
            if "weights_only" in str(failure) or "Weights only" in str(failure):  # it advises executing the file
                raise FlawError("it does not hold tensors written by torch") from failure
            raise FlawError(f"it is damaged ({reason(failure)})") from failure
    raise AssertionError  # reading() never swallows


def _check_zip(file: Any) -> None:
    """Refuse members that claim more than the file holds; torch stores them uncompressed."""
    size = file.seek(0, 2)
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FlawError(f"it has more than {MAX_MEMBERS} members")
    if sum(member.compress_size for member in members) > size or any(
        member.file_size != member.compress_size or member.flag_bits & 1 for member in members
    ):
        raise FlawError("it is damaged: its table does not fit its length, or its members are compressed or encrypted")
