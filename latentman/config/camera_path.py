"""The path of the camera: where it is at some moments of the clip; between them it moves smoothly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from omegaconf import MISSING

from latentman.errors import ConfigError

MAX_YAW_DEG = 3600
NEAREST, FARTHEST = 0.1, 10.0
"""Least and largest factor of the camera's distance."""


@dataclass
class WaypointConfig:
    """Where the camera is at one moment."""

    at: float = MISSING
    """When: 0 is the first frame, 1 the last."""
    yaw: float | None = None
    """As camera.yaw_deg, at this moment; null takes camera.yaw_deg."""
    pitch: float | None = None
    """As camera.pitch_deg, at this moment; null takes camera.pitch_deg."""
    dolly: float = 1.0
    """Factor of the distance that camera.distance says, or that shows the whole clip: below 1 is nearer."""


def check_camera_path(path: Sequence[WaypointConfig], orbit: float) -> None:
    """Check the waypoints, naming the key that is wrong.

    Raises:
        ConfigError: if there is one waypoint alone, moments are not in order, a value is out of range, or the camera
            is to orbit too.
    """
    if not path:
        return
    if orbit:
        raise ConfigError(f"camera.orbit={orbit} and camera.path both turn the camera: leave one of them out")
    if len(path) == 1:
        raise ConfigError(
            "camera.path has one waypoint, at least two are needed: set camera.yaw_deg for a still camera"
        )
    moments = [point.at for point in path]
    if any(b <= a for a, b in pairwise(moments)) or not (moments[0] >= 0 and moments[-1] <= 1):
        raise ConfigError(f"camera.path has its waypoints at {moments}: they must be in order, from 0 to 1")
    for number, point in enumerate(path):
        key = f"camera.path[{number}]"
        if point.yaw is not None and not abs(point.yaw) <= MAX_YAW_DEG:
            raise ConfigError(f"{key}.yaw={point.yaw} must be between -{MAX_YAW_DEG} and {MAX_YAW_DEG} degrees")
        if point.pitch is not None and not -89 <= point.pitch <= 89:
            raise ConfigError(f"{key}.pitch={point.pitch} must be between -89 and 89 degrees")
        if not NEAREST <= point.dolly <= FARTHEST:
            raise ConfigError(f"{key}.dolly={point.dolly} must be between {NEAREST} and {FARTHEST}")
