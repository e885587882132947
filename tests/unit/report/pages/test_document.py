"""A page is one file: values are escaped, and a value that a template lacks is an error."""

import re

import numpy as np
import pytest
from jinja2 import UndefinedError

from latentman.errors import RecordError
from latentman.report.pages.document import TEMPLATES, Clips, data_uri, render, write_page
from tests.factories.pages import Page

SCRIPT = "<script>alert(1)</script>"


def test_every_value_of_a_template_is_escaped(tmp_path):
    write_page(
        tmp_path / "page.html", "gallery.html", Clips(), title=SCRIPT, facts=[(SCRIPT, SCRIPT)], note=SCRIPT, cards=[],
        headings=[SCRIPT], rows=[[SCRIPT]],
    )  # fmt: skip
    page = Page(tmp_path / "page.html")
    assert len(page.all("script")) == 2
    assert page.text.count(SCRIPT) == 7


def test_a_missing_value_is_an_error():
    with pytest.raises(UndefinedError, match="bars"):
        render("bars.svg")


def test_no_template_switches_escaping_off():
    for path in TEMPLATES.rglob("*.html"):
        assert not re.search(r"\|\s*safe\b|autoescape", path.read_text(encoding="utf-8")), path


def test_the_data_of_a_script_cannot_end_it(tmp_path):
    clips = Clips(panels=[["</script><script>"]])
    write_page(
        tmp_path / "page.html", "gallery.html", clips, title="t", facts=[], note="", cards=[], headings=[], rows=[]
    )
    page = Page(tmp_path / "page.html")
    assert page.clips()["panels"] == [["</script><script>"]]
    assert len(page.all("script")) == 2


def test_the_last_frame_is_that_of_the_longest_panel():
    assert Clips().last == 0
    assert Clips(panels=[["a"], ["a", "b", "c"]]).last == 2


def test_wide_pictures_are_reduced_and_small_ones_are_lossless():
    frame = np.random.default_rng(0).integers(0, 256, (64, 512, 3), np.uint8)
    assert len(data_uri(frame, 64)) < len(data_uri(frame, 128)) < len(data_uri(frame))
    assert data_uri(frame).startswith("data:image/webp;base64,")


def test_a_folder_that_cannot_be_written_is_a_record_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="file"):
        write_page(
            tmp_path / "file" / "page.html", "gallery.html", Clips(), title="t", facts=[], note="", cards=[],
            headings=[], rows=[],
        )  # fmt: skip
