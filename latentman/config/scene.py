"""The groups for the view of the scene: the camera, and how depth becomes a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from latentman.config.groups import positive
from latentman.errors import ConfigError, check_choice

MAX_ORBIT_DEG = 3600
"""Largest angle of camera.orbit in either direction."""

MAX_SHIFT_PX = 1000
"""Largest camera.shift in either direction."""


@dataclass
class CameraConfig:
    """The camera, still or moving. It is placed so that all frames fit into the picture with this margin."""

    yfov_deg: float = 40.0
    """Vertical field of view in degrees."""
    yaw_deg: float = 0.0
    """Direction from which the camera sees the first frame, in degrees around the vertical axis."""
    pitch_deg: float = 5.0
    """Height of the camera above the horizon, in degrees."""
    margin: float = 0.08
    """Free border around the figure, as a share of the picture."""
    distance: float | None = None
    """Metres from the first frame's pelvis; null makes all frames fit. Otherwise a character may leave the picture."""
    orbit: float = 0.0
    """Degrees by which the camera orbits the character over all frames, starting at yaw_deg, in its direction."""
    follow: float = 0.0
    """Share, 0 to 1, of the character's smoothed path over the floor that the camera follows."""
    shift: float = 0.0
    """Pixels by which the whole picture moves to the right from frame to frame: a shifted lens."""

    def __post_init__(self) -> None:
        if not 1 <= self.yfov_deg <= 150:
            raise ConfigError(f"camera.yfov_deg={self.yfov_deg} must be between 1 and 150")
        if not 0 <= self.margin < 0.5:
            raise ConfigError(f"camera.margin={self.margin} must be 0 or more and below 0.5")
        if not -89 <= self.pitch_deg <= 89:
            raise ConfigError(f"camera.pitch_deg={self.pitch_deg} must be between -89 and 89")
        if self.distance is not None:
            positive("camera.distance", self.distance)
        if not -MAX_ORBIT_DEG <= self.orbit <= MAX_ORBIT_DEG:
            raise ConfigError(
                f"camera.orbit={self.orbit} must be between -{MAX_ORBIT_DEG} and {MAX_ORBIT_DEG} degrees, ten turns: "
                "it is the angle over all frames"
            )
        if not 0 <= self.follow <= 1:
            raise ConfigError(
                f"camera.follow={self.follow} must be between 0 (the camera stays) and 1 (it keeps up with the "
                "character)"
            )
        if not -MAX_SHIFT_PX <= self.shift <= MAX_SHIFT_PX:
            raise ConfigError(
                f"camera.shift={self.shift} must be between -{MAX_SHIFT_PX} and {MAX_SHIFT_PX} pixels a frame"
            )

    @property
    def moves(self) -> bool:
        """Whether the settings move the camera."""
        return self.orbit != 0 or self.follow != 0 or self.shift != 0

    def result(self) -> dict[str, object]:
        """Return the settings that the pictures depend on; a shift of 0 is left out, as in older versions."""
        settings = asdict(self)
        if self.shift == 0:
            del settings["shift"]
        return settings


@dataclass
class DepthConfig:
    """How metric depth becomes the ControlNet's picture (near is bright, background 0)."""

    encoding: str = "inverse"
    """inverse: linear in 1/z; linear: in z; official: z / 5 m, as in the released code."""
    range: str = "clip"
    """Limits of the scale: clip (nearest and farthest point of all frames), body (around the pelvis), fixed."""
    fixed: list[float] | None = None
    """[near, far] in metres, for ``range: fixed``."""
    low: float = 0.3
    """Brightness of the farthest point of the figure, 0 to 1."""
    high: float = 1.0
    """Brightness of the nearest point, 0 to 1."""

    def __post_init__(self) -> None:
        check_choice("depth.encoding", self.encoding, ("inverse", "linear", "official"))
        check_choice("depth.range", self.range, ("clip", "body", "fixed"))
        if not 0 <= self.low < self.high <= 1:
            raise ConfigError(f"depth.low={self.low}, depth.high={self.high}: they need 0 <= low < high <= 1")
        if (self.fixed is not None) != (self.range == "fixed"):
            raise ConfigError(
                f"depth.range={self.range}, depth.fixed={self.fixed}: [near,far] is for depth.range=fixed only"
            )
        if self.fixed is not None and (len(self.fixed) != 2 or not 0 < self.fixed[0] < self.fixed[1]):
            raise ConfigError(f"depth.fixed={self.fixed} must be [near, far] in metres with 0 < near < far")
