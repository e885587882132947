"""Both routes of the benchmark on a device that is pretended on the CPU."""

import pytest

from latentman.bench.denoise.model import make_subject
from latentman.bench.denoise.parts import Batched, ours, released
from tests.factories.pretended_device import IS_SUPPORTED, pretended_device, pretending

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="this torch cannot have a device in Python")


@pytest.mark.slow
@pytest.mark.parametrize("route", [ours, released, Batched(2)], ids=["ours", "released", "batched"])
def test_every_part_of_a_route_stays_on_its_device(route):
    with pretending(training=True):  # random weights are drawn where they are put
        subject = make_subject("tiny", frames=3, device=pretended_device(), dtype="float32")
    with pretending() as copies, route(subject) as works:
        for part, work in works.items():
            copies.clear()
            work()
            if route is ours:
                assert len(copies) <= (2 * subject.frames if part == "decode" else 0), (part, copies)
