"""The group of companions: the other characters in the scene, what each does, and where each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from omegaconf import MISSING

from latentman.config.character import BodyConfig
from latentman.errors import ConfigError, check_choice
from latentman.types import MAX_CHARACTERS

MAX_OFFSET_M = 100.0
"""Largest offset of a companion along each axis, in metres."""


@dataclass
class CompanionConfig:
    """One more character, from the motion source and the body model of the first."""

    text: str = MISSING
    """What the motion source reads, such as "a person dances"."""
    offset: list[float] = field(default_factory=lambda: [1.0, 0.0])
    """[x, z] metres from the first character's start to this one's: +x is to its left, +z in front of it."""
    facing: float = 0.0
    """Degrees by which its motion is turned to its left: 0 leaves it as it is, 180 turns it around."""
    seed: int | None = None
    """Seed of its motion; null takes the run's seed plus its number, 1 for the first companion."""
    shape: str | None = None
    """As body.shape; null takes body.shape."""


@dataclass(frozen=True, slots=True)
class Character:
    """One character of the scene: what its motion and its body are made from, and where it is placed."""

    text: str
    seed: int
    body: BodyConfig
    offset: tuple[float, float] = (0.0, 0.0)
    facing: float = 0.0


def list_characters(text: str, seed: int, body: BodyConfig, companions: Sequence[CompanionConfig]) -> list[Character]:
    """Return all characters of the scene, the first character first.

    Args:
        text: what the first character's motion source reads.
        seed: the run's.
        body: the first character's.
        companions: the others, checked.
    """
    found = [Character(text, seed, body)]
    for number, companion in enumerate(companions, start=1):
        found.append(
            Character(
                text=companion.text,
                seed=companion.seed if companion.seed is not None else (seed + number) % 2**32,
                body=body if companion.shape is None else replace(body, shape=companion.shape),
                offset=(companion.offset[0], companion.offset[1]),
                facing=companion.facing,
            )
        )
    return found


def check_companions(companions: Sequence[CompanionConfig]) -> None:
    """Check every companion, naming the key that is wrong.

    Raises:
        ConfigError: if there are too many, or one has no text, or an offset, facing, seed or shape that is not allowed.
    """
    if len(companions) >= MAX_CHARACTERS:
        raise ConfigError(
            f"companions has {len(companions)} entries, at most {MAX_CHARACTERS - 1} are allowed: an IUV map has "
            f"numbers for the body parts of {MAX_CHARACTERS} characters"
        )
    for number, companion in enumerate(companions):
        key = f"companions[{number}]"
        if not companion.text.strip():
            raise ConfigError(f'{key}.text is empty: describe what this character does, such as "a person dances"')
        if len(companion.offset) != 2 or not all(abs(x) <= MAX_OFFSET_M for x in companion.offset):
            raise ConfigError(
                f"{key}.offset={companion.offset} must be [x, z], two numbers of at most {MAX_OFFSET_M:g} metres"
            )
        if not abs(companion.facing) <= 360:
            raise ConfigError(f"{key}.facing={companion.facing} must be between -360 and 360 degrees")
        if companion.seed is not None and not 0 <= companion.seed < 2**32:
            raise ConfigError(f"{key}.seed={companion.seed} must be 0 or more and below 2**32")
        if companion.shape is not None:
            check_choice(f"{key}.shape", companion.shape, ("neutral", "male", "female"))
