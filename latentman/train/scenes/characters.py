"""The characters of the world: their names, phrases and looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latentman.train.scenes import characters_armoured, characters_creatures, characters_people
from latentman.train.scenes.look import Look, Tailor
from latentman.train.scenes.palette import HAIR, SKIN, shade_of
from latentman.types import Array

Dress = Callable[[Tailor, Array, Array], Look]
"""Creates a look from a tailor and the two named colours, in this character's shades."""


@dataclass(frozen=True)
class Character:
    """A kind of character.

    ``phrases`` describe it, with {colour} and {second} if it has named ``colours`` (0 to 2).
    """

    name: str
    phrases: tuple[str, ...]
    colours: int
    dress: Dress

    def look(self, rng: np.random.Generator, colour: str | None, second: str | None) -> Look:
        """Return one of its looks; colours that captions do not name are also drawn at random."""
        skin, hair = np.array(SKIN[rng.integers(len(SKIN))]), np.array(HAIR[rng.integers(len(HAIR))])
        main, other = (shade_of(name or "gray", rng) for name in (colour, second))
        return self.dress(Tailor(rng, skin, hair), main, other)


_ALL = (
    Character("robot", ("a {colour} robot with {second} lights", "a {colour} android with {second} lights"), 2,
              characters_armoured.robot),
    Character("astronaut", ("an astronaut with {colour} gloves", "an astronaut in a white suit with {colour} boots",
                            "a spaceman with {colour} gloves"), 1, characters_armoured.astronaut),
    Character("superhero", ("a superhero in a {colour} and {second} suit",), 2, characters_people.superhero),
    Character("ninja", ("a {colour} ninja with a {second} belt",), 2, characters_people.ninja),
    Character("knight", ("a knight in silver armor with a {colour} and {second} tunic",), 2,
              characters_armoured.knight),
    Character("zombie", ("a zombie in a torn {colour} shirt", "an undead in a torn {colour} shirt"), 1,
              characters_creatures.zombie),
    Character("skeleton", ("a skeleton",), 0, characters_creatures.skeleton),
    Character("mummy", ("a mummy wrapped in bandages", "a mummy"), 0, characters_creatures.mummy),
    Character("clown", ("a clown in a {colour} costume with {second} dots",), 2, characters_people.clown),
    Character("soccer player", ("a soccer player in a {colour} jersey and {second} shorts",
                                "a footballer in a {colour} jersey and {second} shorts"), 2,
              characters_people.soccer_player),
    Character("businessman", ("a businessman in a {colour} suit with a {second} tie",
                              "a man in a {colour} suit with a {second} tie"), 2, characters_people.businessman),
    Character("chef", ("a chef in white with {colour} pants", "a cook in white with {colour} pants"), 1,
              characters_people.chef),
    Character("firefighter", ("a firefighter with a {colour} helmet", "a fireman with a {colour} helmet"), 1,
              characters_people.firefighter),
    Character("soldier", ("a soldier in camouflage", "a soldier"), 0, characters_people.soldier),
    Character("alien", ("a {colour} alien with {second} spots",), 2, characters_creatures.alien),
    Character("skier", ("a skier in a {colour} jacket and {second} pants",), 2, characters_people.skier),
    Character("tiger man", ("a tiger man with black stripes", "a tiger man"), 0, characters_creatures.tiger_man),
    Character("stone golem", ("a stone golem with glowing {colour} cracks",), 1, characters_creatures.stone_golem),
    Character("dancer", ("a dancer in a {colour} and {second} outfit",
                         "a ballerina in a {colour} and {second} outfit"), 2, characters_people.dancer),
    Character("ghost", ("a white ghost", "a ghost"), 0, characters_creatures.ghost),
    Character("pirate", ("a pirate in a {colour} coat with {second} pants",), 2, characters_people.pirate),
    Character("wizard", ("a wizard in a {colour} robe with {second} stars",), 2, characters_people.wizard),
    Character("cowboy", ("a cowboy in a {colour} shirt and blue jeans",), 1, characters_people.cowboy),
    Character("vampire", ("a vampire in black with a {colour} vest",), 1, characters_creatures.vampire),
    Character("king", ("a king in a {colour} robe with {second} trim",), 2, characters_people.king),
    Character("stormtrooper", ("a stormtrooper", "a stormtrooper in white armor"), 0,
              characters_armoured.stormtrooper),
    Character("basketball player", ("a basketball player in a {colour} jersey and {second} shorts",), 2,
              characters_people.basketball_player),
    Character("cat", ("a {colour} cat man with a {second} scarf",), 2, characters_creatures.cat_man),
)  # fmt: skip

CHARACTERS: dict[str, Character] = {character.name: character for character in _ALL}
"""Every character by its name; the order defines the labels."""
