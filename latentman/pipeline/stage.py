"""What a stage of a run is: one value that says what it reads, what it writes, how it is made and who may share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latentman.pipeline.run import Advance, Run

COMMON_CODE = ("config", "files", "system", "pipeline/run.py", "pipeline/stage.py", "errors.py", "types.py", "video.py")
"""Code of this package that every shared stage runs, as :attr:`Sharing.code`."""


@dataclass(frozen=True)
class Sharing:
    """What decides the bytes of a stage's files besides its settings and the files that it reads.

    Runs share the files of a stage through :mod:`latentman.pipeline.stage_cache`; all of this is part of the key.
    """

    code: tuple[str, ...]
    """Files and folders of this package that the stage runs, relative to it, in addition to ``COMMON_CODE``."""
    packages: tuple[str, ...] = ("numpy", "scipy")
    """Installed packages whose version counts."""
    assets: tuple[str, ...] = ()
    """Folders of shipped ``.npz`` files that the stage reads, relative to the package."""
    facts: Callable[[Run], Any] = lambda run: None
    """Anything else on this machine that counts, as plain data."""
    is_wanted: Callable[[Run], bool] = lambda run: True
    """Whether this run's settings allow sharing."""


@dataclass(frozen=True)
class Stage:
    """One step of a run. Nothing outside its own module knows anything of a single stage."""

    name: str
    reads: tuple[str, ...]
    """Names of the earlier stages whose files it reads."""
    settings: Callable[[Run], Any]
    """What its result depends on besides those files, as plain data: settings and digests of the user's own files."""
    outputs: Callable[[Run], list[str]]
    """The files that it writes, relative to the run folder."""
    make: Callable[[Run, Advance], None]
    """Write the outputs, calling the second argument with (done, total)."""
    length: Callable[[Run], int] = lambda run: 1
    """The total that ``make`` reports progress of."""
    sharing: Sharing | None = None
    """How its files are shared between runs; None keeps them in the run."""
    unfinished: tuple[str, ...] = ()
    """Files and folders of the run folder in which it keeps unfinished work."""
    needs_networks: bool = False
    """Whether it uses the setup's networks, which are loaded before it begins."""
