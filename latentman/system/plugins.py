"""Options from other packages: solvers, attention rules, metrics, motion sources and trackers found by entry points.

A package that declares an entry point in one of ``GROUPS`` adds an option under the entry point's name, next to the
built-in ones; a YAML file in the user's ``--config-dir`` chooses it by ``name:``. Installing a package is what makes
its code trusted: a configuration names options, never code.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Generic, TypeVar

from latentman.errors import ConfigError, check_choice

GROUPS = {
    "latentman.solvers": "solver",
    "latentman.anchors": "sampler.anchor",
    "latentman.metrics": "metrics.names",
    "latentman.motions": "motion",
    "latentman.trackers": "logger",
}
"""Every entry point group, and the configuration key whose options it extends."""

logger = logging.getLogger("latentman.plugins")

Option = TypeVar("Option")


@dataclass(frozen=True)
class Plugin:
    """One entry point: ``value`` is what it loaded, or ``problem`` says why it cannot be used."""

    name: str
    origin: str
    """The distribution and its version, and the object it names, such as ``fast-lap 1.0 (fast_lap:solve)``."""
    value: Any = None
    problem: str | None = None
    digest: str = ""
    """Hash of the plugin's files, so that results are computed again when its code changes."""


class Options(Mapping[str, Option], Generic[Option]):
    """The options of one configuration key: the built-in ones, and those of installed plugins.

    Iterating and ``in`` cover usable names and broken ones, so that choosing a broken plugin reports its problem
    instead of an unknown name. Built-in options are never replaced.

    Args:
        group: one of ``GROUPS``.
        built_in: the project's own options by name.
        adapt: turns what an entry point loads into an option; it raises TypeError for anything else.
    """

    def __init__(self, group: str, built_in: Mapping[str, Option], adapt: Callable[[str, Any], Option]) -> None:
        self.group, self.key = group, GROUPS[group]
        self.built_in = built_in
        self._adapt = adapt
        self._adapted: dict[str, Option] = {}

    def __getitem__(self, name: str) -> Option:
        """Return one option.

        Raises:
            KeyError: if there is no such option.
            ConfigError: if it belongs to a plugin that cannot be used, with the reason.
        """
        if name in self.built_in:
            return self.built_in[name]
        if name not in self._adapted:
            plugin = self.plugins()[name]
            if plugin.problem is not None:
                raise ConfigError(f"{self.key}={name} belongs to the plugin {plugin.origin}, {plugin.problem}")
            try:
                self._adapted[name] = self._adapt(name, plugin.value)
            except TypeError as error:
                raise ConfigError(
                    f"{self.key}={name} belongs to the plugin {plugin.origin}, which does not fit the entry point "
                    f"group {self.group}: {error}"
                ) from error
        return self._adapted[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.built_in
        yield from (name for name in self.plugins() if name not in self.built_in)

    def __len__(self) -> int:
        return len(self.built_in) + sum(name not in self.built_in for name in self.plugins())

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in self.plugins()

    def plugins(self) -> Mapping[str, Plugin]:
        """Return the plugins of this group by name; those that cannot be used have been warned about once."""
        return _plugins(self.group, frozenset(self.built_in))

    def check(self, name: str, key: str | None = None) -> None:
        """Refuse a name that no option has, and a plugin that cannot be used.

        Raises:
            ConfigError: naming the key, the options and the nearest one, or the plugin and its problem.
        """
        check_choice(key or self.key, name, self)
        self[name]

    def identity(self, name: str) -> list[str] | None:
        """Return what a result depends on when it uses a plugin: its origin and its files' hash; None for our own."""
        if name in self.built_in or name not in self.plugins():
            return None
        plugin = self.plugins()[name]
        return [plugin.origin, plugin.digest]


def check_option(group: str, name: str, built_in: Iterable[str], key: str | None = None) -> None:
    """Refuse a name that is neither built in nor a plugin's; for the schema, which does not import what the names mean.

    Raises:
        ConfigError: naming the key, the options and the nearest one.
    """
    own = frozenset(built_in)
    check_choice(key or GROUPS[group], name, sorted({*own, *_plugins(group, own)}))


@functools.cache
def _plugins(group: str, built_in: frozenset[str]) -> Mapping[str, Plugin]:
    """Load the entry points of a group, with one warning for each that cannot be used."""
    found: dict[str, list[Plugin]] = {}
    for point in sorted(metadata.entry_points(group=group), key=lambda p: (p.name, p.value)):
        found.setdefault(point.name, []).append(_load(point))
    plugins = {}
    for name, candidates in found.items():
        plugin = candidates[0]
        if len(candidates) > 1:
            origins = " and ".join(candidate.origin for candidate in candidates)
            plugin = Plugin(name, origins, problem="which use the same name: uninstall one of them")
        if name in built_in:
            plugin = Plugin(name, plugin.origin, problem="but latentman has an option of that name, which is used")
        if plugin.problem is not None:
            logger.warning("the plugin %s is skipped as %s=%s: %s", plugin.origin, GROUPS[group], name, plugin.problem)
        plugins[name] = plugin
    return plugins


def _load(point: metadata.EntryPoint) -> Plugin:
    """Import what an entry point names; a plugin may fail in any way without stopping a run that does not use it."""
    distribution = point.dist
    origin = f"{distribution.name} {distribution.version}" if distribution else "an unknown distribution"
    origin = f"{origin} ({point.value})"
    try:
        value = point.load()
    except (Exception, SystemExit) as error:
        return Plugin(point.name, origin, problem=f"which cannot be imported ({type(error).__name__}: {error})")
    return Plugin(point.name, origin, value, digest=_digest(point))


def _digest(point: metadata.EntryPoint) -> str:
    """Return a hash of the plugin's files: those its distribution lists, and those of the package it is imported from.

    A package installed in editable mode lists no files of its own, so the imported package is hashed as well.
    """
    files: set[Path] = set()
    if point.dist is not None:
        files |= {Path(str(point.dist.locate_file(file))) for file in point.dist.files or ()}
    spec = importlib.util.find_spec(point.module.partition(".")[0])
    if spec is not None:
        for place in spec.submodule_search_locations or ():
            files |= set(Path(place).rglob("*"))
        if spec.origin is not None:
            files.add(Path(spec.origin))
    contents = sorted(
        f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in files
        if path.suffix != ".pyc" and "dist-info" not in path.parent.name and path.is_file()
    )
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()[:16]
