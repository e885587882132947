"""The design survives its file, and a damaged or foreign one is refused."""

import json
from dataclasses import replace

import pytest

from latentman.errors import RecordError
from latentman.study.design import DESIGN_FILE, read_design, write_design
from tests.factories.study import make_design


def test_a_design_is_read_as_it_was_written(tmp_path):
    design = make_design(3, 2, baselines=("a", "b|ü"))
    write_design(tmp_path, design)
    assert read_design(tmp_path) == design


def test_a_folder_without_a_design_is_refused(tmp_path):
    with pytest.raises(RecordError, match="give the folder that latentman study build wrote"):
        read_design(tmp_path)


def change(**fields):
    return lambda data: data.update(fields)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change(version=3), "version 3, this latentman reads versions 1, 2"),
        (change(version=[1]), r"version \[1\]"),
        (change(version=True), "version True"),
        (change(studies=[]), r"cannot read .*design\.json: .*build the study again"),
        (change(code="../x"), r"cannot read .*design\.json: .*build the study again"),
        (change(may_fail="1"), r"cannot read .*design\.json: .*build the study again"),
        (lambda data: data.pop("ours"), r"cannot read .*design\.json: .*build the study again"),
        (lambda data: data["studies"][0].update(pairs=[]), r"cannot read .*design\.json: .*build the study again"),
        (
            lambda data: data["studies"][0]["pairs"][0].update(expected="../../etc/passwd"),
            r"cannot read .*design\.json: .*build the study again",
        ),
        (
            lambda data: data["studies"][0]["pairs"][0].update(other=data["studies"][0]["pairs"][1]["other"]),
            r"cannot read .*design\.json: .*build the study again",
        ),
        (
            lambda data: data["studies"][0]["pairs"][0].pop("prompt"),
            r"cannot read .*design\.json: .*build the study again",
        ),
    ],
)
def test_a_spoiled_design_is_refused(tmp_path, spoil, message):
    write_design(tmp_path, make_design())
    data = json.loads((tmp_path / DESIGN_FILE).read_text())
    spoil(data)
    (tmp_path / DESIGN_FILE).write_text(json.dumps(data))
    with pytest.raises(RecordError, match=message):
        read_design(tmp_path)


def test_a_design_of_version_1_is_read_and_its_videos_are_in_clips(tmp_path):
    design = make_design()
    write_design(tmp_path, design)
    data = json.loads((tmp_path / DESIGN_FILE).read_text())
    (tmp_path / DESIGN_FILE).write_text(json.dumps({**data, "version": 1}))
    assert read_design(tmp_path) == replace(design, version=1)
    assert (design.videos_folder, read_design(tmp_path).videos_folder) == ("videos", "clips")


@pytest.mark.parametrize("text", ["[" * 100_000, "", "{", "[]", "null", '{"version": 1}'], ids=lambda text: text[:15])
def test_a_file_that_is_not_a_design_is_refused(tmp_path, text):
    (tmp_path / DESIGN_FILE).write_text(text)
    with pytest.raises(RecordError, match=DESIGN_FILE):
        read_design(tmp_path)
