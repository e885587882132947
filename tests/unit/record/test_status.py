"""A status is read whatever its condition: damaged files become a state, foreign ones are recognised."""

import json
import re

import pytest

from latentman.errors import RecordError
from latentman.record.local import FORMAT, LaterFormatError
from latentman.record.status import error_line, is_foreign, mapping, read_status, run_folders
from tests.factories.record import write_status


def test_run_folders_are_found_at_any_depth_and_sorted(tmp_path):
    for name in ("b/01", "a", "b", "."):
        write_status(tmp_path / name)
    assert run_folders(tmp_path) == [tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "b" / "01"]


def test_a_file_is_not_a_folder_of_runs(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(RecordError, match="is not a folder"):
        run_folders(tmp_path / "x")


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"format": "x"}'])
def test_a_damaged_status_is_a_state_with_its_reason(tmp_path, text):
    (tmp_path / "status.json").write_text(text)
    status = read_status(tmp_path)
    assert status["state"] == "damaged"
    assert re.match(rf"RecordError: (cannot read )?{re.escape(str(tmp_path))}/status\.json: ", error_line(status))


def test_a_status_of_a_later_version_is_refused(tmp_path):
    (tmp_path / "status.json").write_text(json.dumps({"format": FORMAT + 1}))
    with pytest.raises(LaterFormatError, match=f"format {FORMAT + 1}"):
        read_status(tmp_path)


@pytest.mark.parametrize("field", ["kind", "state", "stages", "identity"])
def test_one_field_of_ours_is_enough_to_recognise_a_status(field):
    assert not is_foreign({field: "x", "other": 1})
    assert is_foreign({"other": 1})


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (None, None),
        ("", None),
        ("boom\nmore", "boom"),
        ({"class": "DataError", "message": "a hand is missing\nmore"}, "DataError: a hand is missing"),
        ({"class": "DataError", "message": ""}, "DataError"),
        ({}, "error"),
    ],
)
def test_the_error_line_is_the_first_line_with_the_class(error, line):
    assert error_line({"error": error}) == line


@pytest.mark.parametrize("value", [None, 1, "x", [1]])
def test_what_is_not_an_object_reads_as_an_empty_one(value):
    assert mapping({"a": value}, "a") == {}
    assert mapping({}, "a") == {}
    assert mapping({"a": {"b": 1}}, "a") == {"b": 1}
