"""Statuses of runs and plans of sweeps without anything else in their folders."""

import json

from latentman.record.sweep_plan import PlannedJob, SweepPlan, write_plan

JOBS = ["00_sla-none", "01_sla-full", "02_sla-half"]


def write_sweep(root, names=JOBS):
    """Write the plan of a sweep with these jobs."""
    jobs = tuple(PlannedJob(number, name, ()) for number, name in enumerate(names))
    write_plan(root, SweepPlan("n", "c", None, "", jobs))
    return root


def write_status(folder, **fields):
    """Write ``status.json`` of a run that has these fields."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.json").write_text(json.dumps({"stages": {}, "kind": "run", **fields}))


def finished_stages(**seconds):
    """Return stages that are done, by name with their seconds."""
    return {name: {"state": "done", "hash": "", "seconds": cost} for name, cost in seconds.items()}
