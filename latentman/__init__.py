"""LatentMan: consistent animated-character videos from text, without video training.

    >>> import latentman
    >>> run = latentman.generate(["prompt=a red robot walks in a street"])  # doctest: +SKIP
    >>> pipe = latentman.LatentManPipeline.from_pretrained("mini")  # doctest: +SKIP

What is listed in ``__all__`` is imported when it is first used, so that ``import latentman`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentman.api import Run, compose, generate, open_run
    from latentman.config import Config
    from latentman.engine.latentman_pipeline import LatentManOutput, LatentManPipeline
    from latentman.engine.loader import hydra_config_dir as config_dir
    from latentman.errors import LatentManError

__version__ = "0.1.0"

__all__ = [
    "Config",
    "LatentManError",
    "LatentManOutput",
    "LatentManPipeline",
    "Run",
    "compose",
    "config_dir",
    "generate",
    "open_run",
]

_PLACES = {
    "Config": ("latentman.config", "Config"),
    "LatentManError": ("latentman.errors", "LatentManError"),
    "LatentManOutput": ("latentman.engine.latentman_pipeline", "LatentManOutput"),
    "LatentManPipeline": ("latentman.engine.latentman_pipeline", "LatentManPipeline"),
    "Run": ("latentman.api", "Run"),
    "compose": ("latentman.api", "compose"),
    "config_dir": ("latentman.engine.loader", "hydra_config_dir"),
    "generate": ("latentman.api", "generate"),
    "open_run": ("latentman.api", "open_run"),
}
"""The module and the name in it of every exported name."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'latentman' has no attribute '{name}'")
    module, attribute = _PLACES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
