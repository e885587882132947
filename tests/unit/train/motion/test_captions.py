"""Captions of procedural clips: each describes its clip."""

import numpy as np
import pytest

from latentman.motion.action import parse_action
from latentman.motion.vocabulary import VERBS
from latentman.train.motion.captions import Order, captions, orders, phrases


def test_every_verb_of_the_source_has_an_order() -> None:
    assert {order.verb for order in orders()} == set(VERBS)


@pytest.mark.parametrize("order", orders(), ids=lambda order: order.category)
def test_all_phrases_of_an_order_mean_the_same_action(order: Order) -> None:
    meanings = {parse_action(f"a person {phrase}") for phrase in phrases(order)}
    essence = {(m.verb, m.direction, m.tempo, m.style, m.limb) for m in meanings}
    assert len(essence) == 1
    verb, direction, tempo, *_ = essence.pop()
    assert verb == order.verb
    assert tempo == order.tempo
    if order.manner in ("forward", "backward"):
        assert direction == order.manner


def test_no_order_goes_left_or_right() -> None:
    assert not [o for o in orders() if parse_action(f"a person {phrases(o)[0]}").direction in ("left", "right")]


def test_captions_are_different_and_drawn_from_the_generator() -> None:
    order = Order("walk", "forward", "slowly")
    one, again, other = (captions(order, np.random.default_rng(seed), 5) for seed in (0, 0, 1))
    assert one == again
    assert one != other
    assert len(set(one)) == 5
