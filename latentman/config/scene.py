"""The groups for the view of the scene: the camera, what is behind the figures, and how depth becomes a picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from latentman.config.camera_path import WaypointConfig
from latentman.config.groups import positive, settings_without
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
    path: list[WaypointConfig] = field(default_factory=list)
    """Where the camera is at some moments, such as [{at: 0, yaw: 0}, {at: 1, yaw: 60, dolly: 0.6}]; smooth between."""

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
        return self.orbit != 0 or self.follow != 0 or self.shift != 0 or bool(self.path)

    def result(self) -> dict[str, object]:
        """Return the settings that the pictures depend on; without shift or path, as in versions that had none."""
        unused = {"shift": self.shift == 0, "path": not self.path}
        return settings_without(self, *(key for key, is_unused in unused.items() if is_unused))


SCENES = ("none", "floor", "room")

MAX_DRIFT = 360.0
"""Fastest drift: metres a second, or degrees a second for the sky."""


@dataclass
class DriftConfig:
    """How what the surfaces of the scene show glides along them, in the clip's own time."""

    floor: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """[x, z] metres a second along the floor: +x is the first character's left, +z is in front of it. For water."""
    walls: float = 0.0
    """Metres a second along the walls of a room, to the right as seen from inside. For a crowd."""
    sky: float = 0.0
    """Degrees a second by which the sky above a floor turns to the right. For clouds."""

    def __post_init__(self) -> None:
        if len(self.floor) != 2:
            raise ConfigError(f"scene.drift.floor={self.floor} must be two numbers, [x, z] in metres a second")
        for key, value in (("floor", self.floor[0]), ("floor", self.floor[1]), *list(vars(self).items())[1:]):
            if not abs(value) <= MAX_DRIFT:
                unit = "degrees" if key == "sky" else "metres"
                raise ConfigError(
                    f"scene.drift.{key} holds {value}: it must be a finite number of {unit} a second, "
                    f"{-MAX_DRIFT:.0f} to {MAX_DRIFT:.0f}"
                )

    @property
    def moves(self) -> bool:
        """Whether anything drifts."""
        return any(self.floor) or self.walls != 0 or self.sky != 0


@dataclass
class SceneConfig:
    """What is behind the figures, so that the background has a map between frames: a floor, or a room."""

    name: str = "none"
    """none, floor (up to the horizon, below a sky) or room (a floor and four walls without an upper end)."""
    size: float | None = None
    """Metres along each side of the room; null makes it half as wide again as cameras and characters need."""
    yaw_deg: float = 0.0
    """Degrees by which the room is turned around the vertical axis, in the direction of camera.yaw_deg."""
    drift: DriftConfig = field(default_factory=DriftConfig)

    def __post_init__(self) -> None:
        check_choice("scene", self.name, SCENES)
        if self.size is not None:
            positive("scene.size", self.size)
        if self.name == "none" and self.drift.moves:
            raise ConfigError(
                "scene.drift moves the surfaces of a scene, but there is none: add scene=floor or scene=room"
            )
        if self.name != "room" and (self.size is not None or self.yaw_deg != 0):
            raise ConfigError(
                f"scene.size={self.size}, scene.yaw_deg={self.yaw_deg}: they have no effect with scene={self.name}, "
                "use scene=room"
            )

    @property
    def is_known(self) -> bool:
        """Whether there is a scene."""
        return self.name != "none"


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
    scene: bool = False
    """Whether the picture shows the scene, as a ControlNet expects that was trained on photographs. Set by setup."""

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

    def result(self, *, scene: bool) -> dict[str, object]:
        """Return the settings that the pictures depend on; ``scene`` is left out where there is none."""
        return settings_without(self, *(() if scene else ("scene",)))
