"""Commands with options of their own: argparse, whose complaints are ours to print."""

from __future__ import annotations

import argparse
from typing import NoReturn

from latentman.errors import ConfigError


class Arguments(argparse.ArgumentParser):
    """A parser that raises ConfigError instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{self.prog}: {message}; --help tells what it takes")
