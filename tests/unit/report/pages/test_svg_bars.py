"""The plots are well-formed SVG whose lengths are the numbers."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.report.pages.document import render
from latentman.report.pages.svg_bars import nice_ceiling, pair_bars


@given(st.floats(1e-6, 1e9))
def test_the_ceiling_is_at_or_above_the_value_and_near_it(value):
    assert value * (1 - 1e-9) <= nice_ceiling(value) <= 2.5 * value


def test_bars_of_pairs_are_as_tall_as_their_values():
    root = ElementTree.fromstring(render("bars.svg", bars=pair_bars([10.0, None, 40.0, 20.0])))
    heights = [float(bar.get("height")) for bar in root.iter("rect")]
    assert heights == pytest.approx([23.6, 94.4, 47.2])
    assert [bar.get("data-pair") for bar in root.iter("rect")] == ["1", "3", "4"]
