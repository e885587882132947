"""The design survives its file, and a damaged or foreign one is refused."""

import json

import pytest

from latentman.errors import RecordError
from latentman.study.design import DESIGN_FILE, read_design, write_design
from tests.factories.study import make_design


def test_a_design_is_read_as_it_was_written(tmp_path):
    design = make_design(3, 2, baselines=("a", "b|ü"))
    write_design(tmp_path, design)
    assert read_design(tmp_path) == design


def test_a_folder_without_design_is_refused(tmp_path):
    with pytest.raises(RecordError, match="give the folder that latentman study build wrote"):
        read_design(tmp_path)


def change(**fields):
    return lambda data: data.update(fields)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change(version=2), "version 2, this latentman reads version 1"),
        (change(studies=[]), "damaged"),
        (change(code="../x"), "damaged"),
        (change(may_fail="1"), "damaged"),
        (lambda data: data.pop("ours"), "damaged"),
        (lambda data: data["studies"][0].update(pairs=[]), "damaged"),
        (lambda data: data["studies"][0]["pairs"][0].update(expected="../../etc/passwd"), "damaged"),
        (lambda data: data["studies"][0]["pairs"][0].update(other=data["studies"][0]["pairs"][1]["other"]), "damaged"),
        (lambda data: data["studies"][0]["pairs"][0].pop("prompt"), "damaged"),
    ],
)
def test_a_spoilt_design_is_refused(tmp_path, spoil, message):
    write_design(tmp_path, make_design())
    data = json.loads((tmp_path / DESIGN_FILE).read_text())
    spoil(data)
    (tmp_path / DESIGN_FILE).write_text(json.dumps(data))
    with pytest.raises(RecordError, match=message):
        read_design(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1}'])
def test_a_file_that_is_no_design_is_refused(tmp_path, text):
    (tmp_path / DESIGN_FILE).write_text(text)
    with pytest.raises(RecordError, match=DESIGN_FILE):
        read_design(tmp_path)
