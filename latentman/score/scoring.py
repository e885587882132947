"""From videos, and what is known about them, to scores."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentman.errors import ConfigError, LatentManError, WeightsError
from latentman.metrics.compute import METRICS, check_names, compute, needs_of
from latentman.metrics.evidence import Evidence, Networks
from latentman.score.followed_run import FollowedRun, conditions_at, grid_reason, map_at, read_run
from latentman.score.videos import expect_mask, read_mask, read_video
from latentman.system.paths import user_path, weights_dir
from latentman.types import Score

NO_MASK = "it is not known where the figure is: give --mask, or --run for a video that follows one of our runs"
NO_RUN = "it needs the mesh that the video follows: give --run for a video that follows one of our runs"
NO_MAP = "it needs the map M of one of our runs that the video follows: give --run"
NO_PROMPT = "there is no prompt to compare with: give --prompt"

NAMES = [name for name, metric in METRICS.built_in.items() if not metric.of_the_map]
"""The scores without --metrics: all that judge the frames, and none that judge the map of a run."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is known about the videos, and which scores are requested."""

    names: list[str]
    networks: Networks
    prompt: str | None = None
    mask: NDArray[np.bool_] | None = None
    run: FollowedRun | None = None

    @classmethod
    def from_arguments(cls, arguments: Namespace) -> Request:
        """Return the request of a command line.

        Raises:
            ConfigError: if the name of a score is unknown.
            LatentManError: if the mask, the run or a named folder of weights cannot be used.
        """
        names = NAMES if arguments.metrics is None else [name.strip() for name in arguments.metrics.split(",")]
        check_names(names)
        judges = [name for name in names if METRICS[name].of_the_map]
        if judges:
            raise ConfigError(
                f"--metrics {','.join(judges)} judges a run's map, not a video: see metrics.json of the run"
            )
        weights = weights_dir(arguments.weights)
        networks = Networks(
            arguments.clip or weights / "clip", arguments.lpips or weights / "lpips", _device(arguments)
        )
        for need in sorted(needs_of(names) & {"clip", "lpips"}):
            reason = networks.why_missing(need)
            if getattr(arguments, need) is not None and reason is not None:
                raise WeightsError(f"--{need} {getattr(arguments, need)}: {reason}")
        mask = None if arguments.mask is None else read_mask(arguments.mask)
        run = None if arguments.run is None else read_run(arguments.run)
        prompt = arguments.prompt or (None if run is None else run.prompt)
        return cls(names, networks, prompt, mask, run)


@dataclass(frozen=True, slots=True)
class Scored:
    """A video with its facts and scores, or with the error for which it could not be scored."""

    video: str
    facts: dict[str, Any]
    scores: list[Score]
    error: str | None = None


def score_videos(videos: Iterable[str], request: Request) -> list[Scored]:
    """Score videos one after the other. An unusable video is reported, and the others are scored.

    Raises:
        WeightsError: if weights are damaged, which concerns all videos.
    """
    scored = []
    for video in videos:
        try:
            scored.append(_score(video, request))
        except WeightsError:
            raise
        except LatentManError as error:
            scored.append(Scored(video, {}, [], str(error)))
    return scored


def _score(video: str, request: Request) -> Scored:
    loaded = read_video(user_path(video))
    count, height, width = loaded.frames.shape[:3]
    facts = {"num_frames": count, "height": height, "width": width, "fps": loaded.fps}
    absent = {"mask": NO_MASK, "mesh": NO_RUN, "map": NO_MAP, "prompt": NO_PROMPT}
    known: dict[str, Any] = {"prompt": request.prompt, "mask": request.mask}
    if request.mask is not None:
        expect_mask(request.mask, loaded.frames)
    if request.run is not None:
        known |= _follow(request.run, count, height, width, absent)
    evidence = Evidence(loaded.frames, request.networks, **known, absent=absent)
    return Scored(video, facts, compute(request.names, evidence))


def _follow(run: FollowedRun, count: int, height: int, width: int, absent: dict[str, str]) -> dict[str, Any]:
    """Return the evidence from a run in the size of a video; reasons for missing evidence go into ``absent``."""
    conditions = conditions_at(run, count, height, width)
    known: dict[str, Any] = {"mask": conditions.mask, "camera_moves": conditions.camera_moves}
    reason = grid_reason(height)
    if reason is not None:
        absent.update(mesh=reason, map=reason)
        return known
    found = map_at(run, height)
    if found is None:
        absent["map"] = (
            f"the run's map M is on a grid of {run.correspondence.size}, which does not divide frames of {height}: "
            f"give a video of at least {run.correspondence.size}x{run.correspondence.size}"
        )
    return known | {"conditions": conditions, "body": run.body, "correspondence": found}


def _device(arguments: Namespace) -> str:
    if arguments.device == "cpu":
        return "cpu"
    from latentman.system.device import pick_device

    return str(pick_device(arguments.device))
