"""The group ``iuv``: where the body part and the chart coordinates of each pixel come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omegaconf import MISSING

from latentman.config.character import BodyConfig
from latentman.errors import ConfigError, check_choice

IUV_NAMES = ("images", "rendered", "smpl_densepose")

CHANNEL_ORDERS = ("iuv", "vui")


@dataclass
class IuvConfig:
    """Where I, U and V come from: drawn with our charts or with DensePose's, or read from a detector's pictures."""

    name: str = MISSING
    folder: str | None = None
    """For ``iuv=images``: a folder of PNG or npy files, one per frame, a pattern with * or ?, or one npy file."""
    channels: str = "iuv"
    """For ``iuv=images``: the order of the channels in a file: iuv, or vui as OpenCV's imwrite stores it."""
    file: str | None = None
    """For ``iuv=smpl_densepose``: DensePose's ``UV_Processed.mat``."""

    def __post_init__(self) -> None:
        check_choice("iuv", self.name, IUV_NAMES)
        check_choice("iuv.channels", self.channels, CHANNEL_ORDERS)
        if self.name != "images" and self.folder is not None:
            raise ConfigError(f"iuv.folder={self.folder} has no effect with iuv={self.name}: add iuv=images")
        if self.name != "smpl_densepose" and self.file is not None:
            raise ConfigError(f"iuv.file={self.file} has no effect with iuv={self.name}: add iuv=smpl_densepose")

    def result(self) -> dict[str, object]:
        """Return the settings that change the maps. Files count by their content, not by their paths."""
        return {"name": self.name, **({"channels": self.channels} if self.name == "images" else {})}


def check_surface(iuv: IuvConfig, body: BodyConfig, companions: Sequence[object]) -> None:
    """Refuse a source of I, U and V without its file, or one that does not describe the characters of the scene.

    Raises:
        ConfigError: naming the keys.
    """
    if iuv.name == "images" and not iuv.folder:
        raise ConfigError(
            "iuv=images needs iuv.folder: the folder with one picture (PNG or npy) of I, U and V per frame"
        )
    if iuv.name == "smpl_densepose" and not iuv.file:
        raise ConfigError("iuv=smpl_densepose needs iuv.file: the path of DensePose's UV_Processed.mat")
    if iuv.name == "smpl_densepose" and body.name != "smpl":
        raise ConfigError(
            f"iuv=smpl_densepose describes the surface of SMPL, but body.name={body.name}: use body=smpl, or "
            "iuv=rendered"
        )
    if iuv.name == "images" and companions:
        raise ConfigError(
            f"iuv=images numbers the parts of one character, but there are {len(companions)} companions: use "
            "iuv=rendered, or leave companions out"
        )
