"""The plots are well-formed SVG whose lengths are the numbers."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.report.collect import collect
from latentman.report.plots import nice_ceiling, pair_bars, variant_bars
from latentman.report.table import summarise
from tests.unit.report.factory import make_run, make_sweep


@given(st.floats(1e-6, 1e9))
def test_the_ceiling_is_at_or_above_the_value_and_near_it(value):
    assert value * (1 - 1e-9) <= nice_ceiling(value) <= 2.5 * value


def test_bars_of_pairs_are_as_tall_as_their_values():
    root = ElementTree.fromstring(pair_bars([10.0, None, 40.0, 20.0]))
    heights = [float(bar.get("height")) for bar in root.iter("rect")]
    assert heights == pytest.approx([23.6, 94.4, 47.2])
    assert [bar.get("data-pair") for bar in root.iter("rect")] == ["1", "3", "4"]


def test_bars_of_variants_are_as_long_as_their_means_and_escape_their_names(tmp_path):
    make_sweep(tmp_path, {("none", "none"): {"a": 10.0, "b": 20.0}, ("full", "<i>&"): {"a": 5.0, "b": 10.0}})
    root = ElementTree.fromstring(variant_bars(summarise(collect(tmp_path))))
    space = "{http://www.w3.org/2000/svg}"
    lengths = [float(bar.get("width")) for bar in list(root.iter(f"{space}rect"))[1:]]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=0.2)
    assert "sla=full pwg=<i>&" in [text.text for text in root.iter(f"{space}text")]
    assert len(list(root.iter(f"{space}path"))) == 2


def test_another_metric_can_be_drawn_under_its_own_name(tmp_path):
    make_run(tmp_path / "0", metrics={"warp_error": 80.0})
    drawing = variant_bars(summarise(collect(tmp_path)), "warp_error", "warp <error>")
    texts = [text.text for text in ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]
    assert "80.0" in texts
    assert "warp <error>, lower is better; error bars: standard deviation" in texts


def test_a_variant_without_a_result_says_so(tmp_path):
    make_run(tmp_path / "0", state="failed")
    assert "no finished run" in variant_bars(summarise(collect(tmp_path)))
