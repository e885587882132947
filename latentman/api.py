"""latentman as a library: compose a configuration, generate a run, open one, or call its stages one by one.

The functions here are a thin face over what the command line uses: the same settings and the same seed give the same
frames, byte for byte on a CPU. Mistakes and faults of the machine, such as a folder that cannot be entered, raise
:class:`~latentman.errors.LatentManError`; nothing exits the process.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentman.config import Config
from latentman.engine.as_overrides import overrides_of
from latentman.engine.compose import check_command
from latentman.engine.compose import compose as compose_overrides
from latentman.engine.latentman_pipeline import LatentManOutput, LatentManPipeline
from latentman.engine.loader import Tree
from latentman.engine.overrides import quote, quote_free_text
from latentman.errors import ConfigError, RecordError
from latentman.pipeline.in_memory import make_body, make_correspondence, make_motion, make_render
from latentman.record.local import METRICS_FILE, STATUS_FILE, check_format, read_object
from latentman.system.machine_faults import machine_faults_told
from latentman.system.paths import user_path
from latentman.system.templates import environment
from latentman.video import read_png_frames

__all__ = [
    "LatentManOutput",
    "LatentManPipeline",
    "Run",
    "compose",
    "generate",
    "make_body",
    "make_correspondence",
    "make_motion",
    "make_render",
    "open_run",
]


@machine_faults_told("latentman.compose stopped")
def compose(overrides: Sequence[str] = (), config_dir: str | Path | None = None) -> Config:
    """Return the checked configuration of one run, as ``latentman run`` composes it.

    Args:
        overrides: settings as on the command line, such as ``"method=t2v_zero"``; prompts are written as they are.
        config_dir: a folder of your own YAML files, as ``--config-dir``.

    Raises:
        ConfigError: for an unknown key, group or option, or a value that the schema refuses.
    """
    return compose_overrides(_texts(overrides), _extra(config_dir))


@machine_faults_told("latentman.generate stopped")
def generate(
    settings: Sequence[str] | Config = (),
    folder: str | Path | None = None,
    *,
    config_dir: str | Path | None = None,
) -> Run:
    """Make the video of one configuration, with its record, and return it.

    A folder that holds an unfinished run of the same configuration is continued; a finished one is returned at once.

    Args:
        settings: overrides as on the command line, or a configuration from :func:`compose`, perhaps changed since.
        folder: the run folder (``run_dir``); None makes a new one under ``paths.runs``, as the command line does.
        config_dir: a folder of your own YAML files, as ``--config-dir``.

    Raises:
        ConfigError: if the configuration cannot work, or asks for a sweep.
        RecordError: if the folder belongs to another configuration or process, or cannot be written.
        LatentManError: whatever else stops a run; the folder's status then says the same.
    """
    from latentman.engine.dispatch import run_one
    from latentman.engine.job import run_folder

    overrides = overrides_of(settings) if isinstance(settings, Config) else _texts(settings)
    tree = Tree(_extra(config_dir))
    if check_command(overrides, tree).is_sweep:
        raise ConfigError("generate makes one run, and these settings are a sweep: sweeps belong to latentman run -m")
    config = compose_overrides(overrides, _extra(config_dir))
    if isinstance(settings, Config):
        _check_same(config, settings)
    if folder is not None and config.run_dir is not None and Path(folder) != Path(config.run_dir):
        raise ConfigError(f"run_dir={config.run_dir} and folder={folder} both name the run folder: give one of them")
    place = run_folder(config) if folder is None else user_path(folder).absolute()
    run_one([*overrides, f"run_dir={quote(str(place))}"], tree)
    return Run(place)


def open_run(folder: str | Path) -> Run:
    """Return the run, or the set of prompts, that a folder holds.

    Raises:
        RecordError: if the folder does not hold a run, or its record is damaged or of a later version.
    """
    return Run(user_path(folder))


class Run:
    """A run on disk: what it was asked for, its frames and its scores.

    A run of a set of prompts (``prompts=NAME``) has no frames of its own: ``runs`` holds one run for each prompt.
    """

    @machine_faults_told("reading the run stopped")
    def __init__(self, folder: Path) -> None:
        """Read the record of a run folder; raises RecordError as :func:`open_run`."""
        self.folder = folder.absolute()
        if not (self.folder / STATUS_FILE).is_file():
            raise RecordError(
                f"{folder} is not the folder of a run: it has no {STATUS_FILE}; the folder of a sweep holds one folder "
                "for each job, and latentman report makes its table"
            )
        self.status: dict[str, Any] = read_object(self.folder / STATUS_FILE)
        check_format(self.folder / STATUS_FILE, self.status)

    def __repr__(self) -> str:
        return f"<latentman run: {self.prompt or 'a set of prompts'!r}, {self.state}, {self.folder}>"

    @property
    def state(self) -> str:
        """``done``, ``running``, ``failed`` or ``interrupted``."""
        return str(self.status.get("state", "unknown"))

    @property
    def prompt(self) -> str | None:
        """The prompt as it was typed; None for a set of prompts."""
        prompt = self.status.get("prompt")
        return None if prompt is None else str(prompt)

    @property
    @machine_faults_told("reading the run stopped")
    def runs(self) -> list[Run]:
        """The runs of a set of prompts, in order; the run itself where there is one prompt."""
        if self.status.get("kind") != "job":
            return [self]
        return [Run(path.parent) for path in sorted(self.folder.glob(f"*/{STATUS_FILE}"))]

    @property
    @machine_faults_told("reading the run stopped")
    def metrics(self) -> dict[str, Any]:
        """Scores and costs, as ``metrics.json`` holds them.

        Raises:
            RecordError: if the run is not finished, or the file is damaged.
        """
        if not (self.folder / METRICS_FILE).is_file():
            raise RecordError(f"{self.folder} has no {METRICS_FILE}: its state is {self.state}")
        return read_object(self.folder / METRICS_FILE)

    @cached_property
    @machine_faults_told("reading the run stopped")
    def frames(self) -> NDArray[np.uint8]:
        """The frames, (T, H, W, 3) uint8 RGB.

        Raises:
            RecordError: if there are none, or a file is damaged.
        """
        if self.status.get("kind") == "job":
            raise RecordError(
                f"{self.folder} holds a set of prompts: take the frames of one of its runs, .runs[0].frames"
            )
        return read_png_frames(self.folder / "frames")

    @property
    @machine_faults_told("reading the run stopped")
    def video(self) -> Path:
        """The finished video, an mp4 file.

        Raises:
            RecordError: if it has not been made yet.
        """
        path = self.folder / "video.mp4"
        if not path.is_file():
            raise RecordError(f"{self.folder} has no video: its state is {self.state}")
        return path

    @machine_faults_told("reading the run stopped")
    def _repr_html_(self) -> str:
        """Return the video with its prompt and H_MSE, for a notebook; it plays without any file next to it."""
        page = environment(Path(__file__).parent / "report" / "templates").get_template("notebook_run.html")
        shown = []
        for run in self.runs:
            path = run.folder / "video.mp4"
            data = base64.b64encode(path.read_bytes()).decode() if path.is_file() else None
            score = run.metrics.get("human_mse") if (run.folder / METRICS_FILE).is_file() else None
            shown.append(
                {"prompt": run.prompt, "state": run.state, "folder": run.folder, "video": data, "score": score}
            )
        return page.render(runs=shown)


def _texts(overrides: Sequence[str]) -> list[str]:
    """Return overrides with free text quoted, as the command line does."""
    if isinstance(overrides, str):
        raise ConfigError(f"overrides is the text {overrides!r}, but must be a list of settings: [{overrides!r}]")
    return [quote_free_text(str(text)) for text in overrides]


def _extra(config_dir: str | Path | None) -> str | None:
    return None if config_dir is None else str(config_dir)


def _check_same(composed: Config, given: Config) -> None:
    """Refuse a configuration object that no overrides express: its record could not say how to make it again."""
    for item in fields(Config):
        if item.name != "sweep_dir" and getattr(composed, item.name) != getattr(given, item.name):
            raise ConfigError(
                f"{item.name} of this configuration cannot be written as settings: compose it with "
                "latentman.compose([...]) from settings or YAML files instead of changing the object"
            )
