"""Reading the checkpoint of a learned motion model: weights and ``args.json``. Nothing in a file is executed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentman.errors import WeightsError
from latentman.files.json_file import read_json_object
from latentman.files.opening import missing_as
from latentman.files.safetensors_file import read_tensors as read_safetensors
from latentman.files.torch_file import read_torch
from latentman.motion.learned.checkpoint_file import NO_SMPL

log = logging.getLogger("latentman.motion")

MOST = 100_000
"""The most that a whole number of ``args.json`` may be; tables of that length are made."""

_HARMLESS = (
    "omegaconf.", "pytorch_lightning.", "lightning.", "lightning_fabric.", "mld.", "typing.", "pathlib.", "numpy.",
    "collections.defaultdict", "_codecs.encode", "builtins.dict", "builtins.list", "builtins.set", "builtins.int",
    "builtins.float", "builtins.str", "builtins.bool", "builtins.tuple",
)  # fmt: skip
"""Names in a Lightning file besides its tensors; each is replaced by :class:`Placeholder`, never imported."""


class Placeholder:
    """Replaces every object of a Lightning file that is not a tensor; it accepts any state and drops it."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        """Drop the value."""

    def extend(self, values: object) -> None:
        """Drop the values."""


def read_args(checkpoint: Path, defaults: Mapping[str, Any], ignored: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the values of ``args.json`` next to a checkpoint; ``defaults`` lists the keys that are read.

    Keys in ``ignored`` are skipped silently, other keys with a warning.

    Raises:
        WeightsError: if the file is missing or not a JSON object, a value has a different type from its default, or a
            number is out of range.
    """
    file = checkpoint.parent / "args.json"
    try:
        given = read_json_object(file, error=WeightsError, advice="unpack it again", strict=False)
    except FileNotFoundError as error:
        raise WeightsError(
            f"there is no args.json in {checkpoint.parent}: it describes {checkpoint.name} and is in the same "
            f"archive; copy it there; {NO_SMPL}"
        ) from error
    unknown = sorted(set(given) - set(defaults) - ignored)
    if unknown:
        log.warning("%s: unknown keys were ignored: %s", file, ", ".join(unknown))
    values = {**defaults, **{key: value for key, value in given.items() if key in defaults and value is not None}}
    for key, default in defaults.items():
        kinds = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(values[key], kinds):
            raise WeightsError(f"{file}: {key}={values[key]!r} must be of type {type(default).__name__}")
        if type(default) is int and not min(default, 1) <= values[key] <= MOST:
            raise WeightsError(f"{file}: {key}={values[key]} must be from {min(default, 1)} to {MOST}")
    return values


def read_tensors(checkpoint: Path, *, containers: bool = False) -> dict[str, Any]:
    """Return the content of a weights file, tensors on the CPU.

    Args:
        checkpoint: a .safetensors file, or a file written by torch.
        containers: replace a Lightning file's configuration objects by placeholders instead of refusing them.

    Raises:
        WeightsError: if the file is damaged, or could run code when it is loaded.
    """
    advice = "the file is damaged; download it again"
    with missing_as(checkpoint, error=WeightsError, advice=advice):
        if checkpoint.suffix == ".safetensors":
            return read_safetensors(checkpoint, advice=advice)
        allowing = partial(_placeholders, checkpoint) if containers else None
        content = read_torch(checkpoint, advice=advice, allowing=allowing)
    if not isinstance(content, dict):
        raise WeightsError(f"{checkpoint} holds a {type(content).__name__}, not the tensors of a model")
    return content


@contextlib.contextmanager
def _placeholders(checkpoint: Path, names: list[str]) -> Iterator[None]:
    """Register placeholders with torch for the harmless names of a file.

    Raises:
        WeightsError: naming the first name that is not harmless.
    """
    for name in names:
        if not name.startswith(_HARMLESS):
            raise _refusal(checkpoint, name)
    with torch.serialization.safe_globals([(Placeholder, name) for name in names]):
        yield


def _refusal(checkpoint: Path, name: str) -> WeightsError:
    return WeightsError(
        f"{checkpoint} is refused: besides tensors it holds {name}, which would run code when loaded; use the "
        "released file, or save its state dict again with torch.save"
    )


def select_state(content: Mapping[str, Any], *, averaged: bool) -> dict[str, Tensor]:
    """Return the flat state dict: the content itself, or its ``state_dict``, ``model_avg`` or ``model``.

    ``averaged`` prefers the averaged weights; if the file has only one set, that one is used.
    """
    for key in ("state_dict", *(("model_avg", "model") if averaged else ("model", "model_avg"))):
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def drop(
    state: Mapping[str, Tensor], *, prefixes: tuple[str, ...] = (), suffixes: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """Return a state dict without the tensors whose names have these prefixes or suffixes."""
    return {key: value for key, value in state.items() if not key.startswith(prefixes) and not key.endswith(suffixes)}


def load_into(network: nn.Module, state: Mapping[str, Tensor], *, what: str, checkpoint: Path) -> None:
    """Copy a state dict into a network and switch it to evaluation.

    Raises:
        WeightsError: naming the first five tensors that are missing, unknown or of a different shape.
    """
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    faults = [f"{key} is missing" for key in expected if key not in state]
    faults += [f"{key} is unknown" for key in state if key not in expected]
    faults += [
        f"{key} is {tuple(state[key].shape)} instead of {shape}"
        for key, shape in expected.items()
        if key in state and tuple(state[key].shape) != shape
    ]
    if faults:
        shown = "; ".join(faults[:5]) + ("; ..." if len(faults) > 5 else "")
        raise WeightsError(
            f"{checkpoint} looks like {what}, but {len(faults)} of its tensors do not fit: {shown}; use the unchanged "
            "released file with its own args.json"
        )
    network.load_state_dict(dict(state))
    network.eval().requires_grad_(False)
