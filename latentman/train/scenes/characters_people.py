"""People, distinguished by their clothes."""

from __future__ import annotations

import numpy as np

from latentman.train.scenes.look import CLOTHES, EVERYWHERE, LEGS, TOP, Look, Tailor
from latentman.types import Array

_BLACK, _WHITE = np.array([0.06, 0.06, 0.07]), np.full(3, 0.93)
_LEATHER = np.array([0.32, 0.18, 0.09])


def superhero(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a suit in the main colour with gloves, boots, trunks, mask and emblem in the second."""
    tailor.cover(main, *CLOTHES)
    tailor.cover(second, "hand", "forearm", "foot", "shin", "pelvis")
    tailor.face(cover="mask", cover_colour=second, brows=None)
    emblem = ("disc", "diamond", "square")[tailor.rng.integers(3)]
    return tailor.finish(emblems=((emblem, second),), belt=np.array([0.9, 0.78, 0.15]), gloss=0.25)


def ninja(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return dark cloth everywhere except for a strip at the eyes, and a belt in the second colour."""
    tailor.cover(main, *EVERYWHERE)
    tailor.cover(tailor.skin, "hand")
    tailor.pattern("rings", (16, 22), 0.5 * main, ("forearm", "shin"), 0.3)
    tailor.face(cover="hood", cover_colour=tailor.skin, mouth=None, nose="none")
    return tailor.finish(belt=second, emblems=(("collar", 0.5 * main),), gloss=0.03)


def clown(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a costume with dots, white make-up, a red nose, and hair of any colour."""
    wild = np.array(((0.85, 0.10, 0.08), (0.95, 0.50, 0.05), (0.15, 0.65, 0.20), (0.15, 0.30, 0.85)))
    tailor.cover(main, *CLOTHES)
    tailor.cover(_WHITE, "face", "neck", "hand")
    tailor.cover(wild[tailor.rng.integers(4)], "scalp")
    tailor.cover(np.array([0.80, 0.08, 0.08]), "foot")
    tailor.pattern("dots", (7, 10), second, CLOTHES, 0.27)
    tailor.face(nose="clown", mouth=np.array([0.85, 0.05, 0.05]), mouth_width=0.036, brows=np.array([0.1, 0.1, 0.6]))
    return tailor.finish()


def soccer_player(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a jersey and socks in the main colour, shorts in the second, and a white number."""
    tailor.cover(main, "chest", "belly", "upper_arm", "shin")
    tailor.cover(second, "pelvis", "thigh")
    tailor.cover(_BLACK, "foot")
    if tailor.rng.random() < 0.5:
        tailor.pattern("pinstripes", (7, 10), 0.72 * main, ("chest", "belly", "upper_arm"), 0.3)
    return tailor.finish(emblems=(("square", _WHITE),))


def basketball_player(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a sleeveless jersey with a white number, shorts in the second colour, bare arms and legs."""
    tailor.cover(main, "chest", "belly")
    tailor.cover(second, "pelvis", "thigh")
    tailor.cover(_WHITE, "foot")
    return tailor.finish(emblems=(("disc", _WHITE),))


def businessman(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a suit in the main colour with a white collar and a tie in the second."""
    tailor.cover(main, *CLOTHES)
    tailor.cover(_BLACK, "foot")
    tailor.pattern("pinstripes", (20, 26), 0.8 * main + 0.04, CLOTHES, 0.2)
    return tailor.finish(emblems=(("collar", _WHITE), ("tie", second)), belt=_LEATHER)


def chef(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a white jacket and cap with dark buttons, and trousers in the main colour."""
    tailor.cover(_WHITE, *TOP, "scalp")
    tailor.cover(main, *LEGS)
    tailor.cover(_BLACK, "foot")
    tailor.pattern("checks", (14, 18), 0.75 * main, LEGS, 0.5)
    return tailor.finish(emblems=(("buttons", np.full(3, 0.15)),), cap=True)


def firefighter(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a sand-coloured suit with bright bands, black gloves, and a helmet in the main colour."""
    suit = np.array([0.62, 0.52, 0.16]) * tailor.rng.uniform(0.9, 1.08)
    tailor.cover(suit, *CLOTHES)
    tailor.cover(main, "scalp")
    tailor.cover(_BLACK, "hand", "foot")
    tailor.pattern("rings", (4.5, 6), np.array([0.90, 0.97, 0.55]), CLOTHES, 0.22)
    return tailor.finish(belt=_BLACK, cap=True)


def soldier(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return camouflage in three greens and browns, a matching helmet, and boots."""
    green = np.array([0.31, 0.36, 0.18]) * tailor.rng.uniform(0.9, 1.1)
    tailor.cover(green, *CLOTHES, "scalp")
    tailor.cover(0.3 * green, "foot")
    tailor.pattern("blotches", (6, 8), 0.5 * green, (*CLOTHES, "scalp"), 0.54)
    tailor.pattern("blotches", (7, 9), np.array([0.55, 0.48, 0.29]), (*CLOTHES, "scalp"), 0.60)
    return tailor.finish(belt=0.4 * green, cap=True)


def skier(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a jacket in the main colour, trousers and cap in the second, goggles and dark gloves."""
    tailor.cover(main, *TOP)
    tailor.cover(second, *LEGS, "scalp")
    tailor.cover(_BLACK, "hand", "foot")
    tailor.pattern("rings", (4, 6), 0.72 * main, TOP, 0.3)
    tailor.face(cover="goggles", cover_colour=np.array([0.12, 0.12, 0.30]))
    return tailor.finish(cap=True)


def dancer(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a top in the main colour, a skirt and shoes in the second, a golden belt, bare arms and legs."""
    tailor.cover(main, "chest", "belly", "upper_arm")
    tailor.cover(second, "pelvis", "thigh", "foot")
    tailor.pattern("flames", (7, 11), 0.72 * second, ("pelvis", "thigh"), 0.3)
    tailor.face(mouth=np.array([0.75, 0.10, 0.18]))
    return tailor.finish(belt=np.array([0.87, 0.68, 0.22]), gloss=0.2)


def pirate(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return an open coat in the main colour over a white shirt, trousers in the second, a headscarf and a beard."""
    tailor.cover(main, *TOP)
    tailor.cover(second, *LEGS)
    tailor.cover(0.8 * main, "scalp")
    tailor.cover(_LEATHER, "foot")
    tailor.face(beard=0.5 * tailor.hair)
    return tailor.finish(
        emblems=(("collar", _WHITE), ("buttons", np.array([0.85, 0.65, 0.2]))), belt=_LEATHER, cap=True
    )


def wizard(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a robe and cap with stars, and a white beard."""
    tailor.cover(main, *CLOTHES, "scalp")
    tailor.cover(_LEATHER, "foot")
    tailor.pattern("dots", (8, 11), second, (*CLOTHES, "scalp"), 0.2)
    tailor.face(beard=np.full(3, 0.9), brows=np.full(3, 0.85))
    return tailor.finish(belt=second, cap=True)


def cowboy(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a checked shirt in the main colour, blue jeans, a brown hat and boots, a moustache."""
    tailor.cover(main, *TOP)
    tailor.cover(np.array([0.16, 0.26, 0.50]) * tailor.rng.uniform(0.85, 1.15), *LEGS)
    tailor.cover(_LEATHER, "foot", "scalp")
    tailor.pattern("checks", (10, 14), 0.75 * main, TOP, 0.5)
    tailor.face(beard=0.5 * tailor.hair)
    return tailor.finish(emblems=(("buttons", _WHITE),), belt=_LEATHER, cap=True)


def king(tailor: Tailor, main: Array, second: Array) -> Look:
    """Return a robe in the main colour with broad bands in the second, a golden crown, white fur at the neck."""
    gold = np.array([0.88, 0.68, 0.20])
    tailor.cover(main, *CLOTHES)
    tailor.cover(gold, "scalp")
    tailor.cover(_WHITE, "neck")
    tailor.cover(_LEATHER, "foot")
    tailor.pattern("rings", (3.5, 4.5), second, CLOTHES, 0.28)
    tailor.face(beard=np.full(3, 0.6) * tailor.rng.uniform(0.4, 1.3))
    return tailor.finish(emblems=(("collar", _WHITE),), belt=gold, cap=True)
