"""Answers as CSV: read as they were written, and checked line by line."""

import re

import pytest

from latentman.errors import DataError, RecordError
from latentman.study.answers import read_answers
from latentman.study.exchange import HEADINGS, export_answers, import_answers, merge


def test_answers_survive_their_file(people, tmp_path):
    people.answer(ours={0})
    answers = read_answers(tmp_path, people.design).answers
    export_answers(tmp_path / "a.csv", people.design, answers)
    assert import_answers(tmp_path / "a.csv", people.design) == (answers, [])
    assert merge([("a", answers), ("b", answers)]) == answers


def exported(people, folder):
    """Write one participant's answers, and return the path and the rows as lists of cells."""
    people.answer(ours={0})
    path = folder / "a.csv"
    export_answers(path, people.design, read_answers(folder, people.design).answers)
    return path, [line.split(",") for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("design", b"Ada", "design 'Ada' is not a code"),
        ("study", b"f" * 16, "not in this design"),
        ("study", b"\xff\xfe", "study .* is not a code"),
        ("pair", b"f" * 16, "not in this design"),
        ("left_video", b"f" * 16, "are not the videos of pair"),
        ("right_video", b"", "right_video '' is not a code"),
        ("choice", b"both", "choice 'both' is neither left nor right"),
        ("choice", b"left\x00", "neither left nor right"),
        ("participant", b"Ada", "participant 'Ada' is not a code"),
        ("seconds", b"nan", "seconds 'nan' is not a number from 0 to 86400"),
        ("seconds", b"inf", "seconds 'inf' is not a number"),
        ("seconds", b"-inf", "seconds '-inf' is not a number"),
        ("seconds", b"1e308", "seconds '1e308' is not a number"),
        ("seconds", b"soon", "seconds 'soon' is not a number"),
        ("seconds", "٣".encode(), None),
        ("plays", b"1.5", "plays '1.5' is not a whole number"),
        ("plays", b"9" * 5000, r"plays '9+\.\.\. is not a whole number"),
        ("plays", "²".encode(), "is not a whole number"),
        ("changes", b"-1", "changes '-1' is not a whole number"),
        ("position", b"6", "position '6' is not a whole number from 0 to 5"),
        ("position", b"1,2", "it does not have 11 columns"),
        ("position", b'"', "it does not have 11 columns"),
        ("position", b"x" * 300_000, "it does not have 11 columns"),
    ],
)
def test_a_line_that_does_not_fit_is_named_and_left_out(people, tmp_path, column, value, message):
    path, rows = exported(people, tmp_path)
    whole, _ = import_answers(path, people.design)
    cells = [[cell.encode() for cell in row] for row in rows]
    cells[2][HEADINGS.index(column)] = value
    path.write_bytes(b"\n".join(b",".join(row) for row in cells))
    answers, damaged = import_answers(path, people.design)
    if message is None:  # digits of another script are a number all the same
        assert (len(answers), damaged) == (len(whole), [])
        return
    assert answers == [whole[0], *whole[2:]]
    (line,) = damaged
    assert re.search(rf"--answers .*a\.csv, line 3: .*{message}", line)
    assert line.isascii()
    assert len(line) < 400


def test_a_line_of_another_study_refuses_the_file(people, tmp_path):
    path, rows = exported(people, tmp_path)
    rows[2][0] = "f" * 16
    path.write_text("\n".join(",".join(row) for row in rows))
    with pytest.raises(DataError, match=r"a\.csv, line 3 belongs to another study"):
        import_answers(path, people.design)


def test_columns_of_the_first_version_and_of_a_spreadsheet_are_read(people, tmp_path):
    path, rows = exported(people, tmp_path)
    whole = import_answers(path, people.design)
    rows[0] = [name.replace("_video", "_clip") for name in rows[0]]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(",".join(f'"{c}"' for c in row) for row in [*rows, []]).encode())
    assert import_answers(path, people.design) == whole == (whole[0], [])


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xfe\x00", b"design\n" + b"x" * 300_000])
def test_a_file_that_holds_no_answers_is_refused(people, tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match="--answers"):
        import_answers(tmp_path / "a.csv", people.design)
    with pytest.raises(RecordError, match="--answers"):
        import_answers(tmp_path / "missing.csv", people.design)
