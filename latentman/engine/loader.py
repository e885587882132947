"""Hydra's loader for our configuration tree. Within a process it composes each set of group choices once.

A sweep composes one tree many times: to check its jobs, to see which are finished, and to run them. Reading the files
and building the defaults list takes nearly all of that time and depends only on the choices of groups, so that part is
kept. Values are set on a copy, with Hydra's own code.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra.version
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.config_store import ConfigNode, ConfigStore
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobRuntime, setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig
from packaging.version import Version

from latentman.config import register
from latentman.engine.trusted import CheckedFiles, check_trusted
from latentman.errors import ConfigError
from latentman.system.paths import config_dir

MAX_KEPT = 64
"""Compositions that a loader keeps, each of about 2 MB; the ones used longest ago are dropped."""

VERSION_BASE = "1.3"
"""The Hydra version whose defaults we rely on."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Where the configuration of a command is read from."""

    extra_dir: str | None = None
    """A folder that is searched before the tree itself (``--config-dir``)."""
    config_path: str | None = None
    """A tree in place of ours: a folder, or ``pkg://`` and a package (``--config-path``)."""
    config_name: str = "config"
    """The file at the root of the tree to begin with (``--config-name``)."""

    def search_path(self) -> ConfigSearchPath:
        """Return the places that Hydra searches.

        Raises:
            ConfigError: if one of them is not a folder.
        """
        root = config_dir() if self.config_path is None else self.config_path
        if "://" not in root:
            root = _folder("--config-path", root)
        path = create_config_search_path(root)
        if self.extra_dir is not None:
            anchor = SearchPathQuery(provider="schema")
            extra = _folder("--config-dir", self.extra_dir)
            path.prepend(provider="command-line", path=f"file://{extra}", anchor=anchor)
        return path


OWN_TREE = Tree()


@contextlib.contextmanager
def composer(tree: Tree = OWN_TREE) -> Iterator[KeptLoader]:
    """Yield the loader for a configuration tree, with our schema registered.

    Hydra's global state is not used, so a caller may have an ``initialize_config_dir`` of its own around this.

    Raises:
        ConfigError: if a folder of the tree is not a folder.
    """
    version = hydra.version.VersionBase.instance()
    before = version.getbase()
    hydra.version.setbase(VERSION_BASE)
    setup_globals()
    JobRuntime.instance().set("name", "latentman")
    if "base_config.yaml" not in ConfigStore.instance().repo:
        register()
    try:
        yield _loader(tree)
    finally:
        if isinstance(before, Version):
            version.setbase(before)


class KeptLoader(ConfigLoaderImpl):
    """Hydra's loader, with what it composes from the same choices of groups kept."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        sources, own = self.repository.sources, str(Path(config_dir()).resolve())
        for index, source in enumerate(sources):
            # By its scheme: Hydra loads its plugins' modules a second time, so that their classes are others.
            if source.scheme() == "file" and str(Path(source.path).resolve()) != own:
                sources[index] = CheckedFiles(source.provider, source.path)
        self._kept: OrderedDict[tuple[Any, ...], DictConfig] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the kept compositions when a launcher sends the loader to another process."""
        return {**self.__dict__, "_kept": OrderedDict()}

    def _load_configuration_impl(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        parsed = OverridesParser.create().parse_overrides(overrides)
        if any(override.key_or_group == "hydra.searchpath" for override in parsed):
            raise ConfigError("hydra.searchpath reads files from elsewhere: name your folder with --config-dir")
        if validate_sweep_overrides:
            self.validate_sweep_overrides_legal(parsed, run_mode, from_shell)
        single = [override for override in parsed if not override.is_sweep_override()]  # Hydra skips the others too
        choices = [override for override in single if self._is_choice(override)]
        composed = copy.deepcopy(self._choose(config_name, choices, run_mode))
        self._apply_overrides_to_config([override for override in single if override not in choices], composed)
        node = composed.hydra
        node.runtime.cwd = os.getcwd()  # noqa: PTH109 - as Hydra writes it
        node.overrides.hydra = [override.input_line for override in parsed if override.is_hydra_override()]
        task = [override for override in parsed if not override.is_hydra_override()]
        node.overrides.task = [override.input_line for override in task]
        rules = node.job.config.override_dirname
        node.job.override_dirname = get_overrides_dirname(
            overrides=task, kv_sep=rules.kv_sep, item_sep=rules.item_sep, exclude_keys=rules.exclude_keys
        )
        if config_name is not None:  # without one Hydra composes its own defaults, for --hydra-help
            check_trusted(composed, [override.key_or_group for override in parsed])
        for key in node.job.env_copy:
            if key not in os.environ:
                raise ConfigError(f"hydra.job.env_copy names {key}, and the environment has no such variable")
            node.job.env_set[key] = os.environ[key]
        return composed

    def _choose(self, config_name: str | None, choices: list[Override], run_mode: RunMode) -> DictConfig:
        """Return the composition of some choices before any value is set."""
        lines = [str(override.input_line) for override in choices]
        key = (config_name, run_mode, *lines)
        if key not in self._kept:
            self._kept[key] = super()._load_configuration_impl(config_name, lines, run_mode, True, False)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _is_choice(self, override: Override) -> bool:
        """Return whether Hydra uses an override to build the defaults list, by Hydra's own rule."""
        return self.repository.group_exists(override.key_or_group) and not isinstance(override.value(), dict)

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        """Return the options of a group; without overrides no search path can differ from ours."""
        if config_name is None and not overrides:
            return self.repository.get_group_options(group_name, results_filter)
        return super().get_group_options(group_name, results_filter, config_name, overrides)


_own: tuple[object, KeptLoader] | None = None
"""The loader of our own tree, and the state of the files and of Hydra's store that it read."""


def _loader(tree: Tree) -> KeptLoader:
    """Return a loader for a tree. The one for our own tree is used again until one of its files changes."""
    global _own
    if tree.extra_dir is not None or tree.config_path is not None:  # perhaps a large folder: not watched
        return KeptLoader(tree.search_path())
    state = (_files(config_dir()), _stored(ConfigStore.instance().repo))
    if _own is None or _own[0] != state:
        _own = (state, KeptLoader(tree.search_path()))
    return _own[1]


def _files(folder: str) -> tuple[tuple[str, int, int], ...]:
    """Return the path, time and size of every file below a folder."""
    found: list[tuple[str, int, int]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                found += _files(entry.path)
                continue
            with contextlib.suppress(FileNotFoundError):  # a link to nowhere, such as an editor's lock
                status = entry.stat()
                found.append((entry.path, status.st_mtime_ns, status.st_size))
    return tuple(sorted(found))


def _stored(nodes: dict[str, Any]) -> frozenset[int]:
    """Return the identities of the configurations that are registered in Python."""
    flat: set[int] = set()
    for node in nodes.values():
        flat |= {id(node)} if isinstance(node, ConfigNode) else _stored(node)
    return frozenset(flat)


def _folder(flag: str, name: str) -> str:
    path = Path(name)
    if not path.is_dir():
        raise ConfigError(f"{flag} {name} is not a folder")
    return str(path.resolve())


def hydra_config_dir() -> str:
    """Return the folder of our configuration tree, for use with plain Hydra.

    It also registers the schema that ``config.yaml`` begins with::

        with hydra.initialize_config_dir(version_base="1.3", config_dir=latentman.config_dir()):
            cfg = hydra.compose("config", overrides=["seed=3"])

    Raises:
        ConfigError: if the tree is missing.
    """
    register()
    return config_dir()
