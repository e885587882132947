"""The group ``background``: whether what is behind the figures is kept from frame to frame, and along which map."""

from __future__ import annotations

from dataclasses import dataclass

from latentman.config.groups import settings_without
from latentman.config.sampling import StepGate
from latentman.config.scene import CameraConfig, SceneConfig
from latentman.errors import ConfigError, check_choice

MAPS = ("still", "scene")


@dataclass
class BackgroundConfig(StepGate):
    """Whether the background's latents are kept from earlier frames, outside the figures of both frames."""

    map: str = "still"
    """Where they are kept from: still (the same place in frame 0), or scene (along the map of the group scene)."""
    noise: bool = False
    """For ``map: scene``: carry the background's initial noise along the map too."""
    guide: bool = False
    """For ``map: scene``: let Pixel-Wise Guidance compare the background too."""

    def __post_init__(self) -> None:
        self.check("background")
        check_choice("background.map", self.map, MAPS)
        if self.map == "still" and (self.noise or self.guide):
            raise ConfigError(
                f"background.noise={self.noise}, background.guide={self.guide}: they have no effect without "
                "background.map=scene, use background=mapped"
            )

    @property
    def is_mapped(self) -> bool:
        """Whether the background follows the scene's map."""
        return self.enabled and self.map == "scene"

    def result(self) -> dict[str, object]:
        """Return the settings that the frames depend on; those of the scene's map are left out where it is not used."""
        return settings_without(self, *(("map", "noise", "guide") if self.map == "still" else ()))


def check_background(background: BackgroundConfig, scene: SceneConfig, camera: CameraConfig) -> None:
    """Refuse a background that is kept along a map which the camera or the scene does not have.

    Raises:
        ConfigError: naming the keys.
    """
    moves = f"camera.orbit={camera.orbit}, camera.follow={camera.follow}, camera.shift={camera.shift}"
    moves += ", camera.path" if camera.path else ""
    if background.is_mapped and camera.moves and not scene.is_known:
        raise ConfigError(
            f"background.map=scene needs to know what the moving camera sees ({moves}), but scene=none: add "
            "scene=floor or scene=room"
        )
    if not background.enabled or background.is_mapped:
        return
    if camera.moves:
        raise ConfigError(
            f"background=steady keeps the background in place, but the camera moves: {moves}; use background=free, or "
            "background=mapped with scene=floor or scene=room"
        )
    if scene.drift.moves:
        raise ConfigError(
            "background=steady keeps the background in place, but scene.drift moves it; use background=moving"
        )
