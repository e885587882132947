"""Searches with our sweeper whose runs are a formula, so that a trial takes no time."""

from __future__ import annotations

import json
from pathlib import Path

from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext, RunMode

from latentman.engine.compose import check_command
from latentman.engine.loader import composer
from latentman.engine.optuna_sweeper import OptunaSweeper
from latentman.engine.sweep import in_folder, launched, prepare
from latentman.record.sweep_plan import read_plan

DELTA = "pwg.delta=tag(log, interval(0.001, 0.1))"


class Formula:
    """Instead of a run: scores from ``pwg.delta`` and the window, written as a run writes them."""

    def __init__(self, *, broken=(), interrupted=(), nothing=()) -> None:
        self.broken, self.interrupted, self.nothing = broken, interrupted, nothing
        self.ran: list[str] = []
        """The folder of each run."""
        self.planned: list[bool] = []
        """Whether each run was in the plan when it began."""

    def __call__(self, cfg) -> None:
        plan = read_plan(Path(cfg.sweep_dir))
        job = plan.find(list(HydraConfig.get().overrides.task))
        self.planned.append(job is not None)
        turn = len(self.ran)
        self.ran.append(job.folder)
        if turn in self.interrupted:
            raise KeyboardInterrupt
        if turn in self.broken:
            raise ValueError("a run that fails")
        folder = Path(cfg.sweep_dir) / job.folder
        folder.mkdir(exist_ok=True)
        scores = {
            "human_mse": None if turn in self.nothing else (cfg.pwg.delta - 0.02) ** 2 * 1e4,
            "figure_contrast": 30 - 100 * cfg.pwg.delta,
            "seconds_denoise": 1.0 + cfg.pwg.window[1],
        }
        (folder / "status.json").write_text(json.dumps({"kind": "run", "state": "done", "stages": {}}))
        (folder / "metrics.json").write_text(json.dumps(scores))


def carry_out(formula, *settings, space=(DELTA,), folder="out"):
    """Carry out a search as the command line does, and return its results and its plan."""
    overrides = ["hydra/sweeper=optuna", "hydra.mode=MULTIRUN", f"sweep_dir={folder}", *space, *settings]
    command = check_command(overrides)
    sweep = prepare(command, overrides)
    with launched(sweep), composer() as loader:
        sweeper = OptunaSweeper(command.search, sweep)
        config = loader.load_configuration("config", in_folder(overrides, sweep.folder), run_mode=RunMode.MULTIRUN)
        context = HydraContext(config_loader=loader, callbacks=Callbacks())
        sweeper.setup(hydra_context=context, task_function=formula, config=config)
        results = list(sweeper.sweep([]))
    return results, read_plan(sweep.folder)


def deltas(plan):
    """Return what a search tried, in the order of its jobs."""
    return [text.partition("=")[2] for job in plan.jobs for text in job.overrides if text.startswith("pwg.delta=")]
