"""The tables of a study: the same in all forms, from one server or several, and whatever the answers hold."""

import csv
import json
import math
import sqlite3
from contextlib import closing

import pytest

from latentman.errors import ConfigError, DataError
from latentman.study.analyse import analyse_study
from latentman.study.answer import COLUMNS
from latentman.study.answers import ANSWERS_FILE, read_answers
from latentman.study.design import read_design, write_design
from latentman.study.exchange import import_answers
from tests.factories.study import People, make_design


def test_the_tables_say_the_same_in_all_forms(people, tmp_path):
    for number in range(6):
        people.answer(ours=set(range(1 + number % 4)))
    text = analyse_study(tmp_path)
    folder = tmp_path / "analysis"
    assert (folder / "preference.md").read_text() in text
    data = json.loads((folder / "preference.json").read_text())
    row = next(csv.DictReader((folder / "preference.csv").read_text().splitlines()))
    own = data["studies"][0]["preference"]
    assert row["baseline"] == data["studies"][0]["baseline"] == "plain | <b>"
    assert float(row["preference"]) == own["share"]
    assert f"| plain \\| \\<b\\> | 6 | 24 | {100 * own['share']:.1f} % |" in text
    assert "failed no attention check; the rule was set before the study" in text
    prompts = list(csv.DictReader((folder / "prompts.csv").read_text().splitlines()))
    assert len(prompts) == 8
    assert sum(int(prompt["ours"]) for prompt in prompts) == own["count"]
    assert math.isclose(float(row["low"]), own["low"])
    assert "no participant counts yet" in text


def test_a_study_without_answers_is_no_error(tmp_path):
    write_design(tmp_path, make_design())
    assert "no participant counts yet: there is no result" in analyse_study(tmp_path)


def test_answers_of_several_servers_come_together(people, tmp_path):
    there = People(tmp_path / "there", people.design)
    people.answer(ours={0, 1, 2, 3})
    there.answer(ours=set())
    there.store.close()
    analyse_study(tmp_path / "there")
    exported = tmp_path / "there" / "analysis" / "answers.csv"
    text = analyse_study(tmp_path, [exported, exported])
    assert "| 2 | 8 | 50.0 % |" in text
    assert "2 began, 2 finished" in text
    # What was brought together can be exported and brought in once more.
    assert "| 2 | 8 | 50.0 % |" in analyse_study(tmp_path, [tmp_path / "analysis" / "answers.csv"])


def test_a_participant_is_taken_out_by_the_code_of_their_page(people, tmp_path):
    people.answer(ours={0, 1, 2, 3})
    gone = people.answer(ours=set())
    assert "| 1 | 4 | 100.0 % |" in analyse_study(tmp_path, without=[gone[:10].upper()])
    assert gone not in (tmp_path / "analysis" / "answers.csv").read_text()
    for code in ("0123456789", "", "%"):
        with pytest.raises(ConfigError, match="no participant with answers"):
            analyse_study(tmp_path, without=[code])


def test_contradicting_answers_are_refused(people, tmp_path):
    people.answer(ours={0})
    analyse_study(tmp_path)
    path = tmp_path / "analysis" / "answers.csv"
    old = tmp_path / "old.csv"
    lines = path.read_text().splitlines()
    flipped = lines[1].replace("left", "LEFT").replace("right", "left").replace("LEFT", "right")
    old.write_text("\n".join([lines[0], flipped, *lines[2:]]))
    with pytest.raises(DataError, match=r"old.csv have different answers of participant"):
        analyse_study(tmp_path, [old])


BAD_VALUES = [
    "text", "", float("inf"), float("-inf"), -1, 2**60, 1.5, b"\xff\xfe\x00", b"", b"\xed\xa0\x80",
    "x" * 100_000, "left\0", "| <b>",
]  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS)
def test_a_damaged_row_is_named_counted_and_left_out(people, tmp_path, column):
    """Whatever is in a column: SQLite stores values of any type in any column, and any bytes as text."""
    people.answer(ours={0, 1, 2, 3})
    intact = people.answer(ours=set())
    people.store.close()
    with closing(sqlite3.connect(tmp_path / ANSWERS_FILE)) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        rows = [number for (number,) in database.execute("SELECT rowid FROM answers WHERE participant != ?", (intact,))]
        for spoiled, value in enumerate(BAD_VALUES):
            target = rows[spoiled % len(rows)]
            before = database.execute(f"SELECT {column} FROM answers WHERE rowid = ?", (target,)).fetchone()
            as_text = isinstance(value, bytes) and value
            set_to = "CAST(? AS TEXT)" if as_text else "?"
            database.execute(f"UPDATE answers SET {column} = {set_to} WHERE rowid = ?", (value, target))
            database.commit()
            allowed = (column, value) in [("seconds", 1.5), ("participant", 2**60)]  # digits are a code too
            text = analyse_study(tmp_path)
            data = json.loads((tmp_path / "analysis" / "preference.json").read_text())
            assert len(data["damaged"]) == (0 if allowed else 1)
            if not allowed:
                assert f"answers.sqlite, row {target}: " in data["damaged"][0]
                assert "**Left out:** 1 damaged answers" in text
                assert "| 1 | 4 | 0.0 % |" in text
                assert len((tmp_path / "analysis" / "answers.csv").read_text().splitlines()) == 1 + 11
            database.execute(f"UPDATE answers SET {column} = ? WHERE rowid = ?", (*before, target))
            database.commit()
    assert "Left out" not in analyse_study(tmp_path)


def test_many_damaged_rows_are_counted_and_the_first_twenty_named(people, tmp_path):
    people.answer(ours={0})
    analyse_study(tmp_path)
    exported = tmp_path / "analysis" / "answers.csv"
    lines = exported.read_text().splitlines()
    (tmp_path / "bad.csv").write_text("\n".join([lines[0], *(f"line {number}" for number in range(30))]))
    text = analyse_study(tmp_path, [tmp_path / "bad.csv"])
    assert "**Left out:** 30 damaged answers" in text
    assert text.count("it does not have 11 columns") == 20
    assert "- and 10 more, in preference.json" in text
    assert len(json.loads((tmp_path / "analysis" / "preference.json").read_text())["damaged"]) == 30


@pytest.mark.slow
def test_the_answers_of_a_study_of_the_first_version_are_analysed(old_study):
    assert "1 began, 0 finished" in analyse_study(old_study)
    design = read_design(old_study)
    exported, damaged = import_answers(old_study / "analysis" / "answers.csv", design)
    assert (exported, damaged) == (read_answers(old_study, design).answers, [])
    assert len(exported) == 1
