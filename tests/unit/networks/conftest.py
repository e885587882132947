"""Small models of random weights."""

from tests.factories.model_fixtures import (
    backbone,
    copied,
    disparity,
    family,
    folder,
    frames,
    loaded,
    plan,
    sd15_folder,
    sdxl_folder,
    second,
    tiny_folder,
)

__all__ = [
    "backbone",
    "copied",
    "disparity",
    "family",
    "folder",
    "frames",
    "loaded",
    "plan",
    "sd15_folder",
    "sdxl_folder",
    "second",
    "tiny_folder",
]
