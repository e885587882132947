"""What is wrong with an override, and how to fix it."""

from __future__ import annotations

import contextlib
import errno
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from latentman.config import Config
from latentman.config.value_messages import in_our_words
from latentman.engine.launchers import missing_plugin
from latentman.errors import ConfigError, LatentManError, nearest
from latentman.files.opening import reason

ADDED_GROUPS = {"exp": "an experiment", "variant": "a variant"}
"""Groups that are not in the defaults list, and so are added with a plus; with what one of their choices is called."""


def check_names(override: Override, loader: ConfigLoader) -> None:
    """Refuse a group, choice or key that does not exist, naming the nearest one that does."""
    name = override.key_or_group
    if name == "hydra" or name.startswith(("hydra.", "hydra/")) or override.package is not None:
        return
    groups = sorted(set(loader.list_groups("")) - {"hydra", "local"})
    if override.is_delete():
        raise ConfigError(
            f"{override.input_line}: keys cannot be deleted; give it another value instead, such as none or null"
        )
    if name in groups:
        _check_choices(override, loader)
        return
    kind: Any = Config
    path = name.split(".")
    for depth, part in enumerate(path):
        kind = _dataclass_of(kind)
        if kind is None:
            return
        hints = typing.get_type_hints(kind)
        if part not in hints:
            raise ConfigError(_unknown_key(path, depth, [item.name for item in fields(kind)], groups, override))
        kind = hints[part]
    if override.is_add() and not override.is_force_add() and _dataclass_of(kind) is None:
        raise ConfigError(f"+{name}: the key already exists, so leave out the plus: {override.input_line.lstrip('+')}")


def _unknown_key(path: list[str], depth: int, keys: list[str], groups: list[str], override: Override) -> str:
    prefix = ".".join([*path[:depth], ""])
    known = {prefix + key: key for key in keys}
    if depth == 0:
        known |= {("+" * (group in ADDED_GROUPS) + group): group for group in groups}
    close = nearest(path[depth], known.values())
    match = re.search(r"'(.*)'", close)
    if match:
        shown = next(full for full, short in known.items() if short == match[1])
        close = f"; did you mean '{shown}'?"
    what = "key or group" if depth == 0 else "key"
    owner = "" if depth == 0 else f"\n{prefix[:-1]} has: {', '.join(sorted(keys))}"
    listing = "\nlatentman run --help lists them all" if depth == 0 else owner
    return f"{override.input_line}: unknown {what} '{'.'.join(path)}'{close}{listing}"


def _dataclass_of(kind: Any) -> Any:
    """Return the dataclass that a field's type names, also behind ``X | None``, or None if it is not a dataclass."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next((arg for arg in typing.get_args(kind) if is_dataclass(arg)), None)
    return kind if isinstance(kind, type) and is_dataclass(kind) else None


def _check_choices(override: Override, loader: ConfigLoader) -> None:
    group = override.key_or_group
    options = loader.get_group_options(group, ObjectType.CONFIG)
    text = override.input_line
    if group == "exp" and override.is_sweep_override():
        raise ConfigError(
            f"{text}: an experiment defines its own sweep, so one command cannot sweep several;\n"
            f"run them one after another: latentman run +exp=NAME, with NAME one of {', '.join(options)}"
        )
    if group in ADDED_GROUPS and not override.is_add():
        raise ConfigError(f"{text}: {ADDED_GROUPS[group]} is added with a plus: +{text.lstrip('+')}")
    if group not in ADDED_GROUPS and override.is_add():
        raise ConfigError(f"{text}: {group} already has a choice, so leave out the plus: {text.lstrip('+')}")
    for value in _values(override):
        if value not in options and not value.startswith("["):
            close = nearest(value, options)
            raise ConfigError(f"{group}={value}: unknown {group}{close}\nchoose one of {', '.join(options)}")


def _values(override: Override) -> list[str]:
    """Return every value that an override takes, as text; none for a sweep over an interval."""
    if not override.is_sweep_override():
        return [str(override.value())]
    if not override.is_discrete_sweep():
        return []
    return [value.strip("'\"") for value in override.sweep_string_iterator()]


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what Hydra and OmegaConf raise into a ConfigError of a few plain lines."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise missing_plugin(error) or ConfigError(explain(error)) from error
    except Exception as error:
        is_long = isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG
        if isinstance(error, LatentManError) or not (is_long or _is_of_a_library(error)):
            raise
        raise ConfigError(
            f"the command cannot be read as settings: {reason(error)}; check its values, and put lists and "
            "dictionaries in the shell's quotes"
        ) from error


def _is_of_a_library(error: BaseException) -> bool:
    """Return whether an error was raised by code of Hydra or of what it reads settings with: it checks little."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] in ("hydra", "omegaconf", "antlr4", "yaml")


def explain(error: BaseException) -> str:
    """Return at most three lines that say what Hydra or OmegaConf found wrong, the innermost cause first."""
    while error.__cause__ is not None and isinstance(error.__cause__, (HydraException, OmegaConfBaseException)):
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines()]
    hints = ("See https", "reference_type", "object_type", "Config search path", "provider=", "Set the environment")
    kept = [line for line in lines if line and not line.startswith(hints)]
    key = getattr(error, "full_key", None)
    ours = in_our_words(kept[0], str(key or "")) if kept else None
    if ours is not None:
        return ours
    if key:
        kept = [line for line in kept if not line.startswith("full_key")]
        kept[0] = f"{key}: {kept[0]}"
    return "\n".join(kept[:3]) or type(error).__name__
