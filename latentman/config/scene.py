"""The groups that decide how the scene is seen: the camera, and how depth becomes a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from latentman.config.groups import positive
from latentman.errors import ConfigError, check_choice

MAX_ORBIT_DEG = 3600
"""Largest angle of camera.orbit either way."""

MAX_SHIFT_PX = 1000
"""Largest camera.shift either way."""


@dataclass
class CameraConfig:
    """The camera: it stands, or moves, where the whole clip fits into the picture with this margin."""

    yfov_deg: float = 40.0
    yaw_deg: float = 0.0
    pitch_deg: float = 5.0
    margin: float = 0.08
    distance: float | None = None
    """Metres from the first frame's pelvis; null fits the clip. A character may then leave the picture."""
    orbit: float = 0.0
    """Degrees that the camera goes round the character from the first frame to the last, from yaw_deg, in its sense."""
    follow: float = 0.0
    """Share, 0 to 1, of the character's smoothed way over the floor that the camera goes along with."""
    shift: float = 0.0
    """Pixels by which the whole picture moves to the right from each frame to the next: a lens that is shifted."""

    def __post_init__(self) -> None:
        if not 1 <= self.yfov_deg <= 150:
            raise ConfigError(f"camera.yfov_deg={self.yfov_deg} must lie between 1 and 150")
        if not 0 <= self.margin < 0.5:
            raise ConfigError(f"camera.margin={self.margin} must be 0 or more and below 0.5")
        if not -89 <= self.pitch_deg <= 89:
            raise ConfigError(f"camera.pitch_deg={self.pitch_deg} must lie between -89 and 89")
        if self.distance is not None:
            positive("camera.distance", self.distance)
        if not -MAX_ORBIT_DEG <= self.orbit <= MAX_ORBIT_DEG:
            raise ConfigError(
                f"camera.orbit={self.orbit} must lie between -{MAX_ORBIT_DEG} and {MAX_ORBIT_DEG} degrees, ten rounds: "
                "it is the angle of the whole clip"
            )
        if not 0 <= self.follow <= 1:
            raise ConfigError(
                f"camera.follow={self.follow} must lie between 0 (the camera stays) and 1 (it keeps up with the "
                "character)"
            )
        if not -MAX_SHIFT_PX <= self.shift <= MAX_SHIFT_PX:
            raise ConfigError(
                f"camera.shift={self.shift} must lie between -{MAX_SHIFT_PX} and {MAX_SHIFT_PX} pixels a frame"
            )

    @property
    def moves(self) -> bool:
        """Whether the camera is asked to move at all."""
        return self.orbit != 0 or self.follow != 0 or self.shift != 0

    def result(self) -> dict[str, object]:
        """Return the settings that what is drawn depends on; a shift of nothing is none, as before there was one."""
        settings = asdict(self)
        if self.shift == 0:
            del settings["shift"]
        return settings


@dataclass
class DepthConfig:
    """How metric depth becomes the ControlNet's picture (near is bright, background 0)."""

    encoding: str = "inverse"
    range: str = "clip"
    fixed: list[float] | None = None
    """[near, far] in metres, for ``range: fixed``."""
    low: float = 0.3
    high: float = 1.0

    def __post_init__(self) -> None:
        check_choice("depth.encoding", self.encoding, ("inverse", "linear", "official"))
        check_choice("depth.range", self.range, ("clip", "body", "fixed"))
        if not 0 <= self.low < self.high <= 1:
            raise ConfigError(f"depth.low={self.low}, depth.high={self.high}: they need 0 <= low < high <= 1")
        if (self.fixed is not None) != (self.range == "fixed"):
            raise ConfigError(
                f"depth.range={self.range}, depth.fixed={self.fixed}: depth.fixed=[near,far] goes with range=fixed only"
            )
        if self.fixed is not None and (len(self.fixed) != 2 or not 0 < self.fixed[0] < self.fixed[1]):
            raise ConfigError(f"depth.fixed={self.fixed} must be [near, far] in metres with 0 < near < far")
