"""LatentMan: consistent animated-character videos from text, without video training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from latentman.engine.loader import hydra_config_dir as config_dir

__all__ = ["__version__", "config_dir"]

_EXPORTED = {"config_dir": ("latentman.engine.loader", "hydra_config_dir")}
"""Where each exported name is defined; a module is imported when its name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _EXPORTED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _EXPORTED[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
