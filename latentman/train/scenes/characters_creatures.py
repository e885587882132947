"""Characters that are not quite human."""

from __future__ import annotations

import numpy as np

from latentman.train.scenes.look import CLOTHES, EVERYWHERE, Look, Tailor
from latentman.types import Array

_LIMBS = ("upper_arm", "forearm", "thigh", "shin")
_BLACK = np.array([0.05, 0.05, 0.06])


def zombie(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return green skin through the holes of a shirt in the main colour, dark trousers, blood, pale eyes."""
    green = np.array([0.36, 0.52, 0.28]) * tailor.rng.uniform(0.85, 1.15)
    tailor.cover(green, "face", "neck", "hand", "forearm", "foot")
    tailor.cover(0.25 * tailor.hair, "scalp")
    tailor.cover(main, "chest", "belly", "upper_arm")
    tailor.cover(np.array([0.20, 0.19, 0.22]), "pelvis", "thigh", "shin")
    tailor.pattern("blotches", (9, 12), 0.8 * green, ("chest", "belly", "upper_arm", "thigh", "shin"), 0.66)
    tailor.pattern(
        "blotches", (10, 14), np.array([0.36, 0.03, 0.03]), ("face", "scalp", "neck", "hand", "forearm"), 0.70
    )
    tailor.face(eyes=np.array([0.75, 0.70, 0.35]), brows=0.4 * green, mouth=np.array([0.18, 0.03, 0.03]),
                mouth_width=0.032)  # fmt: skip
    return tailor.finish()


def skeleton(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return bones painted on black: ribs, long bones, a skull."""
    bone = np.array([0.90, 0.88, 0.80])
    tailor.cover(_BLACK, *EVERYWHERE)
    tailor.cover(bone, "face", "scalp")
    tailor.cover(bone, "hand", "foot")
    tailor.pattern("rings", (16, 20), bone, ("chest",), 0.5)
    tailor.pattern("bones", (0.92, 1.04), bone, ("neck", "belly", "pelvis", *_LIMBS), 0.024)
    tailor.face(eyes=_BLACK, eye_radius=0.021, whites=False, brows=None, mouth=_BLACK, mouth_width=0.036, nose="cat")
    return tailor.finish()


def mummy(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return bandages all over, their edges darker, with dark eyes between them."""
    cloth = np.array([0.84, 0.77, 0.62]) * tailor.rng.uniform(0.92, 1.06)
    tailor.cover(cloth, *EVERYWHERE)
    tailor.pattern("flames", (11, 15), 0.58 * cloth, EVERYWHERE, 0.22)
    tailor.pattern("blotches", (7, 10), 0.75 * cloth, EVERYWHERE, 0.66)
    tailor.face(eyes=_BLACK, eye_radius=0.014, whites=False, brows=None, mouth=None, nose="none")
    return tailor.finish()


def alien(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return smooth skin in the main colour with spots in the second, and large dark eyes."""
    tailor.cover(main, *EVERYWHERE)
    tailor.pattern("blotches", (8, 12), second, EVERYWHERE, 0.66)
    tailor.face(eyes=_BLACK, eye_radius=0.028, whites=False, brows=None, mouth=0.4 * main, mouth_width=0.012,
                nose="none")  # fmt: skip
    return tailor.finish(gloss=0.35, sharpness=16.0)


def tiger_man(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return orange fur with black stripes, a pale belly, green eyes and a cat's nose."""
    fur = np.array([0.90, 0.48, 0.11]) * tailor.rng.uniform(0.9, 1.06)
    tailor.cover(fur, *EVERYWHERE)
    tailor.cover(np.array([0.93, 0.86, 0.73]), "belly")
    striped = ("face", "scalp", "chest", "pelvis", "upper_arm", "forearm", "thigh", "shin", "neck")
    tailor.pattern("flames", (8, 11), _BLACK, striped, 0.34)
    tailor.face(eyes=np.array([0.15, 0.55, 0.12]), brows=_BLACK, mouth=_BLACK, nose="cat")
    return tailor.finish()


def stone_golem(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return grey stone with cracks that glow in the main colour."""
    stone = np.full(3, 0.42) * tailor.rng.uniform(0.88, 1.1)
    tailor.cover(stone, *EVERYWHERE)
    tailor.pattern("blotches", (6, 9), 0.68 * stone, EVERYWHERE, 0.5)
    tailor.pattern("cracks", (4.5, 6), main, EVERYWHERE, 0.055)
    tailor.face(eyes=main, eye_radius=0.018, whites=False, brows=0.3 * stone, mouth=0.3 * stone, nose="none")
    return tailor.finish(glow=0.4)


def ghost(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a pale veil with bluish folds, round dark eyes and an open mouth."""
    veil = np.array([0.88, 0.91, 0.97])
    tailor.cover(veil, *EVERYWHERE)
    tailor.pattern("blotches", (4, 7), 0.80 * veil, EVERYWHERE, 0.55)
    tailor.face(eyes=_BLACK, eye_radius=0.020, whites=False, brows=None, mouth=_BLACK, mouth_width=0.012, nose="none")
    return tailor.finish(glow=0.0, gloss=0.15)


def vampire(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return pale skin, slick black hair, black evening dress with a vest in the main colour."""
    pale = np.array([0.88, 0.84, 0.84])
    tailor.cover(pale, "face", "neck", "hand")
    tailor.cover(_BLACK, "scalp", *CLOTHES, "foot")
    tailor.cover(main, "chest", "belly")
    tailor.face(eyes=np.array([0.70, 0.05, 0.05]), brows=_BLACK, mouth=np.array([0.65, 0.05, 0.08]))
    return tailor.finish(emblems=(("collar", np.full(3, 0.94)),), gloss=0.2)


def cat_man(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return fur in the main colour with darker rings, a scarf in the second, and a cat's nose."""
    tailor.cover(main, *EVERYWHERE)
    furry = ("scalp", "chest", "pelvis", "upper_arm", "forearm", "thigh", "shin", "belly")
    tailor.pattern("rings", (9, 13), 0.6 * main, furry, 0.25)
    tailor.cover(second, "neck")
    tailor.face(eyes=np.array([0.20, 0.55, 0.20]), brows=None, mouth=_BLACK, nose="cat")
    return tailor.finish(emblems=(("collar", second),))
