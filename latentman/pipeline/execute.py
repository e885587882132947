"""The work of a run, stage by stage: what is done is left, what others made is taken over, the rest is made."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator

from latentman import __version__
from latentman.networks.loaded import are_loaded
from latentman.pipeline.run import Run, Stage
from latentman.pipeline.scores import score_run
from latentman.pipeline.stage_cache import StageCache, heard_warnings, pack, shared_cache, stage_key
from latentman.pipeline.stages import STAGES
from latentman.record.local import LocalRecord
from latentman.system.digest import digest
from latentman.system.meter import Reading, measured
from latentman.system.progress import Progress

logger = logging.getLogger("latentman")


def run_stages(run: Run, record: LocalRecord, progress: Progress) -> None:
    """Do the stages whose inputs are new or whose outputs are not all there; skip the others."""
    for stage, chained in _chained(run):
        if _is_done(stage, run, record, chained):
            continue
        before = record.stage(stage.name)
        if before is not None and before.get("hash") != chained:
            _discard(stage, run)
        if stage.name in ("denoise", "video"):
            _load(run, record, progress)
        _share_or_make(stage, run, record, chained, progress)


def is_finished(run: Run, record: LocalRecord) -> bool:
    """Return whether there is nothing left to do for any stage."""
    return all(_is_done(stage, run, record, chained) for stage, chained in _chained(run))


def _chained(run: Run) -> Iterator[tuple[Stage, str]]:
    """Yield each stage with a hash of what it and all before it depend on."""
    chained = digest(__version__)
    for stage in (*STAGES, score_run):
        chained = digest(chained, stage.name, stage.depends(run))
        yield stage, chained


def _share_or_make(stage: Stage, run: Run, record: LocalRecord, chained: str, progress: Progress) -> None:
    """Take what a stage makes from the cache, or make it and keep it there; not every stage has one."""
    cache = shared_cache(stage, run)
    if cache is None:
        _make(stage, run, record, chained, progress)
        return
    key = stage_key(stage, run, chained)
    if _take(cache, key, stage, run, record, chained):
        return
    with cache.made_once(key):
        if _take(cache, key, stage, run, record, chained):
            return
        with heard_warnings() as warnings:
            reading = _make(stage, run, record, chained, progress)
        try:
            entry = pack(stage, run, reading, warnings)
        except OSError:  # somebody took a file away: the next stage will say so
            return
        cache.store(key, entry)


def _take(cache: StageCache, key: str, stage: Stage, run: Run, record: LocalRecord, chained: str) -> bool:
    """Take a stage's files from the cache; False if they are not there. The stage's costs are those of its making."""
    with measured() as reading:
        entry = cache.load(key, stage.outputs(run))
        if entry is None:
            return False
        record.begin(stage.name, chained)
        entry.unpack(run.folder)
    record.status["stages"][stage.name].update(shared=True, seconds_fetching=reading.seconds)
    record.end(stage.name, seconds=entry.seconds, peak_memory_bytes=entry.peak_memory_bytes)
    logger.info("%s: shared, taken from %s", stage.name, cache.folder)
    return True


def _make(stage: Stage, run: Run, record: LocalRecord, chained: str, progress: Progress) -> Reading:
    """Do the work of a stage and return what it cost, an earlier start on the same inputs included."""
    record.begin(stage.name, chained)
    spent = (record.stage(stage.name) or {}).get("seconds") or 0.0
    try:
        with progress.stage(stage.name, total=stage.length(run)) as advance, measured(_on_cuda(run)) as reading:
            stage.work(run, advance)
    except BaseException:
        record.status["stages"][stage.name]["seconds"] = spent + reading.seconds
        raise
    total = Reading(spent + reading.seconds, reading.peak_memory_bytes)
    record.end(stage.name, seconds=total.seconds, peak_memory_bytes=total.peak_memory_bytes)
    return total


def _load(run: Run, record: LocalRecord, progress: Progress) -> None:
    """Load the networks as a step of its own, so that its seconds are nobody else's."""
    if are_loaded(run.config):
        return
    record.begin("load", "")
    with progress.stage("load", total=1), measured() as reading:
        run.backbone()
    record.end("load", seconds=reading.seconds, peak_memory_bytes=reading.peak_memory_bytes)


def _on_cuda(run: Run) -> bool:
    from latentman.system.device import pick_device

    return pick_device(run.config.device).type == "cuda"


def _is_done(stage: Stage, run: Run, record: LocalRecord, chained: str) -> bool:
    entry = record.stage(stage.name)
    if entry is None or entry.get("state") != "done" or entry.get("hash") != chained:
        return False
    return all((run.folder / name).is_file() for name in stage.outputs(run))


def _discard(stage: Stage, run: Run) -> None:
    """Take away what a stage left for other inputs, unfinished work included."""
    for name in stage.outputs(run):
        (run.folder / name).unlink(missing_ok=True)
    if stage.name == "denoise":
        shutil.rmtree(run.folder / "latents", ignore_errors=True)
