"""Where a network comes from, and loading it: from a folder on this machine, or from the hub at a revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from latentman.errors import WeightsError
from latentman.files.opening import reason
from latentman.networks.checkpoint import local_folder, variant_of


@dataclass(frozen=True)
class Source:
    """A file or folder, or a hub id with its revision; ``key`` names its setting, ``subfolder`` a part of it."""

    location: Path | str
    key: str = "setup.model"
    revision: str | None = None
    subfolder: str | None = None

    def part(self, name: str) -> Source:
        """Return one component of a model."""
        return replace(self, subfolder=name)

    @property
    def path(self) -> Path | None:
        """The file or folder on this machine, or None where the hub has it."""
        if not isinstance(self.location, Path):
            return None
        return self.location / self.subfolder if self.subfolder else self.location

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of a ``from_pretrained``."""
        options: dict[str, Any] = {"subfolder": self.subfolder} if self.subfolder else {}
        return options if isinstance(self.location, Path) else {**options, "revision": self.revision or "main"}


def find_source(key: str, reference: str, revision: str | None) -> Source:
    """Return where a value of ``key`` leads.

    Raises:
        WeightsError: if it is a path at which there is no folder.
    """
    return Source(local_folder(reference, key) or reference, key, revision)


def attempt(what: str, load: Callable[..., Any], source: Source, **options: Any) -> Any:
    """Call a ``from_pretrained`` and turn what it raises into one clear message.

    Raises:
        WeightsError: naming what could not be loaded, from where, and the setting.
    """
    try:
        return load(str(source.location), **source.options, **options)
    except Exception as error:  # tokenizers and the hub raise kinds of their own, and plain Exceptions
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
            raise
        first = reason(error)
        advice = f"give {source.key} a folder on this machine, or a hub id that this machine can reach"
        if source.path is None and source.revision not in (None, "main"):
            advice += f"; it was asked for at revision {source.revision}, which belongs to the setup's own model: for "
            advice += "another one set the revision next to it to main"
        raise WeightsError(f"cannot load the {what} from {source.location}: {first}\n{advice}") from error


def load_network(
    what: str, cls: Any, source: Source, component: str, dtype: torch.dtype, *, pickled: bool = False
) -> Any:
    """Load weights and refuse a checkpoint in which some of the network's tensors are missing.

    Args:
        what: its name in messages.
        cls: its class, of diffusers or transformers.
        source: where it is.
        component: which of ``checkpoint.WEIGHT_FILES`` it is.
        dtype: of its parameters. Without it, transformers keeps the precision that the checkpoint was saved in.
        pickled: whether a ``.bin`` will do where there is nothing else; torch reads it without running code.

    Raises:
        WeightsError: if it cannot be fetched or read, or is incomplete.
    """
    options: dict[str, Any] = {"torch_dtype": dtype} | ({} if pickled else {"use_safetensors": True})
    if source.path is not None and (variant := variant_of(source.path, component)):
        options["variant"] = variant
    network, info = attempt(what, cls.from_pretrained, source, output_loading_info=True, **options)
    missing = sorted(info["missing_keys"])
    if missing:
        raise WeightsError(
            f"the {what} in {source.location} lacks {len(missing)} tensors, first {missing[0]}; fetch it again"
        )
    return network
