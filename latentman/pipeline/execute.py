"""The work of a run, stage by stage: what is done is kept, what other runs made is taken over, the rest is made."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from latentman import __version__
from latentman.pipeline.run import Run
from latentman.pipeline.stage import Stage
from latentman.pipeline.stage_cache import StageCache, heard_warnings, pack, shared_cache, stage_key
from latentman.pipeline.stages import STAGES
from latentman.record.damage import damaged_outputs, inputs_digest, output_digests
from latentman.record.local import LocalRecord
from latentman.system.digest import digest
from latentman.system.machine_faults import told
from latentman.system.meter import Reading, measured
from latentman.system.progress import Progress

logger = logging.getLogger("latentman")

SHOWN = 5
"""Damaged files that a warning names."""


@dataclass(frozen=True)
class Planned:
    """A stage of a run, with what identifies its result."""

    stage: Stage
    hash: str
    """Of its settings, and of those of all stages that it reads directly or through others."""
    inputs: tuple[str, ...]
    """The files of earlier stages that it reads, relative to the run folder."""


def run_stages(run: Run, record: LocalRecord, progress: Progress) -> None:
    """Do the stages whose inputs are new or whose outputs are not as they were written; skip the others.

    Args:
        run: what the stages work on.
        record: of the run's folder.
        progress: where stages are shown.

    Raises:
        LatentManError: what a stage raises; the record then still says that this stage is running.
    """
    damage = damaged_outputs(run.folder, record.status)
    if damage:
        _warn_of_damage(damage)
    for planned in plan_stages(run):
        name = planned.stage.name
        if name not in damage and _is_done(planned, run, record):
            continue
        before = record.stage(name) or {}
        if before.get("hash") != planned.hash or _has_other_inputs(planned, record):
            _discard(planned.stage, run)
        if planned.stage.needs_networks:
            _load(run, record, progress)
        _share_or_make(planned, run, record, progress)


def is_finished(run: Run, record: LocalRecord) -> bool:
    """Return whether nothing is left to do for any stage."""
    if damaged_outputs(run.folder, record.status):
        return False
    return all(_is_done(planned, run, record) for planned in plan_stages(run))


def _warn_of_damage(damage: Mapping[str, Mapping[str, str]]) -> None:
    files = [f"{name} ({state})" for found in damage.values() for name, state in found.items()]
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    logger.warning("not as they were written, and made again: %s%s", ", ".join(files[:SHOWN]), more)


def plan_stages(run: Run) -> Iterator[Planned]:
    """Yield each stage in order. Files of the user's own are hashed when their stage is reached."""
    hashes: dict[str, str] = {}
    outputs: dict[str, list[str]] = {}
    for stage in STAGES:
        read = {name: hashes[name] for name in stage.reads}
        hashes[stage.name] = digest(__version__, stage.name, stage.settings(run), read)
        outputs[stage.name] = stage.outputs(run)
        yield Planned(stage, hashes[stage.name], tuple(file for name in stage.reads for file in outputs[name]))


def _share_or_make(planned: Planned, run: Run, record: LocalRecord, progress: Progress) -> None:
    """Take a stage's files from the cache, or make them and keep them there; not every stage is shared."""
    cache = shared_cache(planned.stage, run)
    if cache is None:
        _make(planned, run, record, progress)
        return
    key = stage_key(planned.stage, run, planned.hash, planned.inputs)
    if _take(cache, key, planned, run, record):
        return
    with cache.made_once(key):
        if _take(cache, key, planned, run, record):
            return
        with heard_warnings() as warnings:
            reading = _make(planned, run, record, progress)
        try:
            entry = pack(planned.stage, run, reading, warnings)
        except OSError:  # another program removed a file: the next stage reports it
            return
        cache.store(key, entry)


def _take(cache: StageCache, key: str, planned: Planned, run: Run, record: LocalRecord) -> bool:
    """Take a stage's files from the cache; False if they are not there. The recorded costs are those of its making."""
    name = planned.stage.name
    with measured() as reading:
        entry = cache.load(key, planned.stage.outputs(run))
        if entry is None:
            return False
        record.begin(name, planned.hash)
        entry.unpack(run.folder)
    record.status["stages"][name].update(shared=True, seconds_fetching=reading.seconds)
    _end(planned, run, record, Reading(entry.seconds, entry.peak_memory_bytes))
    logger.info("%s: shared, taken from %s", name, cache.folder)
    return True


def _make(planned: Planned, run: Run, record: LocalRecord, progress: Progress) -> Reading:
    """Do the work of a stage and return what it cost, including an earlier start on the same inputs."""
    stage = planned.stage
    record.begin(stage.name, planned.hash, inputs=inputs_digest(record.status, planned.inputs))
    spent = (record.stage(stage.name) or {}).get("seconds") or 0.0
    try:
        with progress.stage(stage.name, total=stage.length(run)) as advance, measured(_cuda_device(run)) as reading:
            stage.make(run, advance)
    except BaseException:
        record.status["stages"][stage.name]["seconds"] = spent + reading.seconds
        raise
    total = Reading(spent + reading.seconds, reading.peak_memory_bytes)
    _end(planned, run, record, total)
    return total


def _end(planned: Planned, run: Run, record: LocalRecord, cost: Reading) -> None:
    """Record the end of a stage with its cost, the digests of its files, and one of those that it read."""
    record.end(
        planned.stage.name,
        seconds=cost.seconds,
        peak_memory_bytes=cost.peak_memory_bytes,
        files=output_digests(run.folder, planned.stage.outputs(run)),
        inputs=inputs_digest(record.status, planned.inputs),
    )


def _load(run: Run, record: LocalRecord, progress: Progress) -> None:
    """Load the networks as a step of its own, so that no stage is charged for it."""
    if run.is_loaded():
        return
    record.begin("load", "")
    with progress.stage("load", total=1), measured() as reading:
        run.backbone()
    record.end("load", seconds=reading.seconds, peak_memory_bytes=reading.peak_memory_bytes)


def _cuda_device(run: Run) -> str | None:
    from latentman.system.device import pick_device

    device = pick_device(run.config.device)
    return str(device) if device.type == "cuda" else None


def _is_done(planned: Planned, run: Run, record: LocalRecord) -> bool:
    entry = record.stage(planned.stage.name)
    if entry is None or entry.get("state") != "done" or entry.get("hash") != planned.hash:
        return False
    if _has_other_inputs(planned, record):
        return False
    return all((run.folder / name).is_file() for name in planned.stage.outputs(run))


def _has_other_inputs(planned: Planned, record: LocalRecord) -> bool:
    """Return whether a file that the stage read was made again since, with other bytes, as on another machine."""
    recorded = (record.stage(planned.stage.name) or {}).get("inputs")
    return recorded is not None and recorded != inputs_digest(record.status, planned.inputs)


def _discard(stage: Stage, run: Run) -> None:
    """Remove what a stage left for other inputs, including unfinished work."""
    for name in (*stage.outputs(run), *stage.unfinished):
        path = run.folder / name
        with told(f"{path}, of other settings, cannot be removed", "check the permissions of the folder"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
