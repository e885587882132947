"""Shell completion: ``eval "$(latentman run -sc install=bash)"`` makes the Tab key complete commands and settings.

Hydra's own script completes programs whose every argument is an override. Here the first word is the command, so the
script is ours; what a word can be completed to is asked of Hydra.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from hydra._internal.core_plugins.bash_completion import BashCompletion
from hydra.core.config_loader import ConfigLoader

from latentman.cli import COMMANDS
from latentman.errors import ConfigError, nearest

SHELLS = ("bash", "zsh")

_INSTALL = """\
_latentman_completion()
{
    local word="${COMP_WORDS[COMP_CWORD]}" choices
    if (( COMP_CWORD == 1 )); then
        choices="@COMMANDS@"
    elif [ "${COMP_WORDS[1]}" = run ]; then
        choices=$(COMP_POINT=$COMP_POINT COMP_LINE="$COMP_LINE" "${COMP_WORDS[0]}" run -sc query=bash 2> /dev/null)
    fi
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
    if (( ${#COMPREPLY[@]} == 1 )) && [[ "${COMPREPLY[0]}" != *[=./] ]]; then
        compopt +o nospace 2> /dev/null
    fi
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _latentman_completion latentman
"""
_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
_COMMAND = re.compile(r"\s*\S*latentman\s+run\s?|\s*\S*python[\d.]*\s+-m\s+latentman(?:\.run|\s+run)\s?")


def complete(arguments: Sequence[str], loader: ConfigLoader, config_name: str) -> None:
    """Print the script of a shell, or what the words of ``COMP_LINE`` can be completed to.

    Args:
        arguments: exactly one of ``install=SHELL``, ``uninstall=SHELL`` and ``query=SHELL``.
        loader: knows the groups and the keys.
        config_name: the file that the configuration begins with.

    Raises:
        ConfigError: for any other argument.
    """
    action, _, shell = arguments[0].partition("=") if len(arguments) == 1 else ("", "", "")
    if action not in ("install", "uninstall", "query"):
        raise ConfigError(
            f"--shell-completion takes install=bash, uninstall=bash or query=bash, got '{' '.join(arguments)}'; "
            'to install: eval "$(latentman run -sc install=bash)"'
        )
    if shell not in SHELLS:
        raise ConfigError(f"{action}={shell}: choose one of {', '.join(SHELLS)}{nearest(shell, SHELLS)}")
    if action == "install":
        script = _INSTALL.replace("@COMMANDS@", " ".join([*COMMANDS, "--help", "--version"]))
        sys.stdout.write((_ZSH if shell == "zsh" else "") + script)
    elif action == "uninstall":
        sys.stdout.write("complete -r latentman\nunset -f _latentman_completion\n")
    else:
        line = os.environ.get("COMP_LINE", "")[: _point()]
        found = BashCompletion(loader)._query(config_name, _COMMAND.sub("", line, count=1))
        sys.stdout.write(" ".join(found) + "\n")


def _point() -> int | None:
    """Return the place of the cursor in ``COMP_LINE``; None for its end."""
    text = os.environ.get("COMP_POINT", "")
    return int(text) if text.isdecimal() else None
