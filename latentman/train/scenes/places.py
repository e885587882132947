"""The places of the world: their phrases and painters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from latentman.train.scenes import places_indoors, places_outdoors
from latentman.train.scenes.noise import Noise
from latentman.train.scenes.place_parts import Backdrop
from latentman.train.scenes.view import View

Paint = Callable[[Backdrop], None]


@dataclass(frozen=True)
class Place:
    """A place.

    ``phrases`` name it in a caption, the most common first; ``light`` (RGB) is its tint on a figure; without ``floor``
    there is no shadow.
    """

    name: str
    phrases: tuple[str, ...]
    paint: Paint
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    floor: bool = True

    def backdrop(self, view: View, noise: Noise, rng: np.random.Generator) -> Tensor:
        """Return a picture (H, W, 3), 0 to 1, of the place."""
        canvas = Backdrop(view, noise, rng)
        self.paint(canvas)
        return canvas.picture.clamp(0, 1)


_ALL = (
    Place("moon", ("on the moon", "on the moon surface"), places_outdoors.moon),
    Place("forest", ("in a forest", "in the woods"), places_outdoors.forest, (0.93, 0.98, 0.92)),
    Place("beach", ("on a beach", "on a sandy beach", "at the sea"), places_outdoors.beach),
    Place("desert", ("in the desert", "in a desert"), places_outdoors.desert),
    Place("snowy road", ("on a snowy road", "in the snow"), places_outdoors.snowy_road),
    Place(
        "city at night",
        ("in a city at night", "in the city at night"),
        places_outdoors.city_at_night,
        (0.84, 0.86, 1.0),
    ),
    Place("stage", ("on a stage", "in a theater"), places_indoors.stage, (1.06, 1.0, 0.92)),
    Place("white studio", ("in a white studio", "in a studio"), places_indoors.white_studio),
    Place("green field", ("in a green field", "on a grass pitch", "in a meadow"), places_outdoors.green_field),
    Place("space", ("in space", "in outer space"), places_outdoors.space, floor=False),
    Place("street", ("in a street", "in a city street"), places_outdoors.street),
    Place("mars", ("on mars", "on the planet mars"), places_outdoors.mars, (1.03, 0.93, 0.86)),
    Place("castle", ("in a castle", "in a stone hall"), places_indoors.castle, (1.02, 0.92, 0.80)),
    Place("lake", ("by a lake", "at a mountain lake"), places_outdoors.lake),
    Place("gym", ("in a gym", "in a sports hall"), places_indoors.gym),
    Place("library", ("in a library",), places_indoors.library),
)

PLACES: dict[str, Place] = {place.name: place for place in _ALL}
"""Every place by its name; the order defines the labels."""
