"""The flags with which Hydra prints something and runs nothing, such as ``--cfg job``."""

from __future__ import annotations

from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig

from latentman.engine.completion import complete
from latentman.engine.loader import Tree, composer
from latentman.engine.overrides import Arguments


def show(arguments: Arguments, tree: Tree) -> int:
    """Print what a command's flag asks for and return the exit status.

    Args:
        arguments: with exactly one of the flags of ``SHOW_ONLY``.
        tree: where the configuration is read from.
    """
    flags, overrides = arguments.flags, list(arguments.overrides)
    state = HydraConfig.instance()
    before = state.cfg
    try:
        with composer(tree) as loader:
            hydra = Hydra(task_name="latentman", config_loader=loader)
            if "--hydra-help" in flags:
                parser = get_args_parser()
                hydra.hydra_help(tree.config_name, args_parser=parser, args=parser.parse_args(overrides))
            elif "--shell-completion" in flags:
                complete(overrides, loader, tree.config_name)
            elif "--info" in flags:
                hydra.show_info(str(flags["--info"]), tree.config_name, overrides)
            else:
                kind, package = str(flags["--cfg"]), flags.get("--package")
                hydra.show_cfg(tree.config_name, overrides, kind, package, resolve="--resolve" in flags)
    except SystemExit as end:  # Hydra has printed that there is no such package
        return int(end.code or 0)
    finally:
        state.cfg = before
    return 0
