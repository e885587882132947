"""Commands of the documentation and the recorded sweeps, checked as ``latentman run`` checks them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from latentman.engine.compose import check_command
from latentman.engine.help import groups

EXPERIMENTS = tuple(groups(Path(__file__).resolve().parents[2] / "conf")["exp"])


def check(overrides: Sequence[str]) -> None:
    """Compose every job of a command.

    An experiment as it is written is left to ``tests/contract/test_configs_compose.py``, which composes each once.

    Raises:
        ConfigError: if one of its jobs cannot run.
    """
    plain = [text for text in overrides if not text.startswith(("sweep_dir=", "hydra.mode=", "seed="))]
    if not any(plain == [f"+exp={name}"] for name in EXPERIMENTS):
        check_command(list(overrides))
