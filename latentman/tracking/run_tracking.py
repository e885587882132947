"""The events of a run in progress: always written to ``metrics.jsonl``, and sent to the mirrors that were chosen."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from latentman.config.logger import LoggerConfig
from latentman.errors import LatentManError
from latentman.record.local import LocalRecord
from latentman.record.metrics_log import MetricsLog
from latentman.tracking.multi import MultiLogger, find_opener, patience_of
from latentman.tracking.protocol import TrackedRun, Tracker

logger = logging.getLogger("latentman.tracking")

VIDEOS = ("video.mp4", "correspondence.mp4", "conditions/depth.mp4", "conditions/iuv.mp4")
"""Videos of a run in the order in which ``logger.max_videos`` counts them."""


COSTS = {"seconds": "seconds", "peak_memory_bytes": "peak_memory"}
"""What ``metrics.json`` measures of every stage, and the groups in which trackers show it; memory is in bytes."""


def mirror_id(*parts: object) -> str:
    """Return an id that stays the same when a run is continued and differs between runs."""
    return hashlib.sha256("\n".join(str(part) for part in parts).encode()).hexdigest()[:16]


def mirror_name(backend: str) -> str:
    """Return the name of a mirror in the status: W&B with and without a server is the same mirror."""
    return backend.removesuffix("_offline")


@dataclass
class RunTracking:
    """Sends the events of one run to the log and to the mirrors.

    Mirrors are opened by ``open`` or by the first event. A mirror that is new to this run first receives the events
    that the log already holds.
    """

    cfg: LoggerConfig
    run: TrackedRun
    config: Mapping[str, Any]
    record: LocalRecord
    log: MetricsLog
    mirrors: MultiLogger | None = None
    _hashes: dict[str, str] = field(default_factory=dict)

    def open(self) -> MultiLogger:
        """Open the mirrors unless they are open already."""
        if self.mirrors is None:
            self.mirrors = MultiLogger.open(
                {name: partial(self._opened, name) for name in self.cfg.mirrors}, patience_of(self.cfg)
            )
            self._write_states()
        return self.mirrors

    def is_mirrored(self) -> bool:
        """Return whether every mirror already has the whole run."""
        known = self.record.status.get("mirrors", {})
        return all(known.get(mirror_name(name), {}).get("state") == "done" for name in self.cfg.mirrors)

    def begin(self, stage: str, hash: str) -> None:
        """Record that a stage starts on inputs with this hash."""
        self._hashes[stage] = hash
        self.log.begin(stage, hash)
        self.open()

    def step(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Record a step of a stage, counted from 1; a step that is already recorded is not sent again."""
        if self.log.add("step", values, stage=stage, hash=self._hashes.get(stage, ""), step=step):
            self.open().log_metrics(_step_numbers(stage, values), step)

    def end(self, stage: str, seconds: float, peak_memory_bytes: int) -> None:
        """Record the costs of a stage."""
        values = {"seconds": seconds, "peak_memory_bytes": peak_memory_bytes}
        self.log.add("stage", values, stage=stage, hash=self._hashes.get(stage, ""))
        self.open().log_metrics(_stage_numbers(stage, values))

    def scores(self, metrics: Mapping[str, Any], caption: str) -> None:
        """Record the result: the numbers of ``metrics.json``, its series as a table, and the videos."""
        numbers = _numbers(metrics)
        self.log.add("scores", numbers)
        if self.mirrors is None and self.is_mirrored():
            return
        mirrors = self.open()
        mirrors.log_metrics(grouped(numbers))
        rows = [
            [name, index, value]
            for name, series in metrics.get("per_pair", {}).items()
            for index, value in enumerate(series)
        ]
        if rows:
            mirrors.log_table("per_pair", ["metric", "index", "value"], rows)
        for name in VIDEOS[: self.cfg.max_videos]:
            path = self.run.folder / name
            if path.is_file():
                mirrors.log_video(path.stem, path, caption)

    def finish(self, status: str) -> None:
        """Finish the mirrors, if there are any, and write their states to the record."""
        if self.mirrors is not None:
            self.mirrors.finish(status)
            self._write_states()

    def closing_lines(self) -> list[str]:
        """Return the place of each mirror, for the end of a run's output."""
        places = self.mirrors.places if self.mirrors is not None else {}
        return [f"{mirror_name(name):<6} {place}" for name, place in places.items()]

    def _opened(self, name: str) -> Tracker:
        tracker = find_opener(name)(self.cfg, self.run)
        tracker.log_config(self.config)
        if mirror_name(name) not in self.record.status.get("mirrors", {}):
            _replay(self.log, tracker)
        return tracker

    def _write_states(self) -> None:
        mirrors = self.mirrors
        if mirrors is None or not mirrors.states:
            return
        entries = dict(self.record.status.get("mirrors", {}))
        for name, state in mirrors.states.items():
            place = mirrors.places.get(name) or entries.get(mirror_name(name), {}).get("place")
            entries[mirror_name(name)] = {"state": state, "place": place}
        try:
            self.record.update(mirrors=entries)
        except LatentManError as error:
            # Mirrors come last: what the run itself could not write has been said already.
            logger.warning("the state of the mirrors could not be noted: %s", error)


@contextmanager
def tracked(
    cfg: LoggerConfig, run: TrackedRun, record: LocalRecord, config: Mapping[str, Any]
) -> Iterator[RunTracking]:
    """Tell of a run for as long as the block lasts, and end with how the block ended: done, failed or interrupted.

    A run that is finished and mirrored already opens no mirror again unless one of its stages is computed again.

    Args:
        cfg: the choice of mirrors.
        run: the folder and the names.
        record: the run's record as it was before this block.
        config: the part of the configuration that may leave the machine.
    """
    tracking = RunTracking(cfg, run, config, record, MetricsLog.open(run.folder))
    if record.status.get("state") != "done" or not tracking.is_mirrored():
        tracking.open()
    try:
        yield tracking
    except BaseException as error:
        tracking.finish("interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed")
        raise
    tracking.finish("done")


def _replay(log: MetricsLog, tracker: Tracker) -> None:
    """Send earlier events to a new mirror; the scores are sent at the end of the run in any case."""
    about = ("time", "event", "stage", "hash", "step")
    for event in log.events:
        values = _numbers({key: value for key, value in event.items() if key not in about})
        if event.get("event") == "step":
            tracker.log_metrics(_step_numbers(event["stage"], values), event["step"])
        elif event.get("event") == "stage":
            tracker.log_metrics(_stage_numbers(event["stage"], values))


def _step_numbers(stage: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{stage}/{key}": value for key, value in _numbers(values).items()}


def _stage_numbers(stage: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{COSTS[key]}/{stage}": value for key, value in _numbers(values).items() if key in COSTS}


def grouped(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers of ``metrics.json`` under the names that trackers show in groups, such as ``seconds/motion``.

    ``seconds_total`` and ``peak_memory_bytes`` become ``seconds/total`` and ``peak_memory/total``, and a score such as
    ``human_mse`` becomes ``scores/human_mse``.
    """
    named = {}
    for key, value in numbers.items():
        cost = next((cost for cost in COSTS if key == cost or key.startswith(f"{cost}_")), None)
        stage = "" if cost is None else key.removeprefix(cost).removeprefix("_") or "total"
        named[f"scores/{key}" if cost is None else f"{COSTS[cost]}/{stage}"] = value
    return named


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that are finite numbers."""
    return {
        key: value
        for key, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
