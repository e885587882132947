"""From answers to results: who counts, what is counted, and what is said of too little."""

import csv
import json
import math
import subprocess
import sys

import pytest

from latentman.errors import ConfigError, DataError, RecordError
from latentman.study.analyse import analyse_study
from latentman.study.answers import AnswerStore, read_answers
from latentman.study.design import write_design
from latentman.study.exchange import HEADINGS, export_answers, import_answers, merge
from latentman.study.preference import preferences
from tests.factories.study import answer_all, make_design


class People:
    """Participants of one study whose answers are told beforehand."""

    def __init__(self, folder, design):
        self.folder, self.design = folder, design
        write_design(folder, design)
        self.store = AnswerStore(folder, design)

    def answer(self, study=0, *, ours, checks=True):
        """Choose ours in the comparisons of which ``ours`` holds the numbers; pass the checks or fail them all."""
        chosen = self.design.studies[study]
        numbers = {pair.code: number for number, pair in enumerate(chosen.comparisons())}
        wants = lambda pair: checks if pair.is_check else numbers[pair.code] in ours  # noqa: E731
        return answer_all(self.store, chosen, wants).participant

    def results(self):
        kept = read_answers(self.folder, self.design)
        return preferences(self.design, kept.answers, kept.began)


@pytest.fixture
def people(tmp_path):
    own = People(tmp_path, make_design(4, 2, baselines=("plain | <b>", "other")))
    yield own
    own.store.close()


def test_ours_is_counted_whatever_side_it_was_on(people):
    for ours in ({0, 1, 2}, {0, 1}, {0}):
        people.answer(ours=ours)
    first, second = people.results()
    assert (first.counted, first.preference.count, first.preference.total) == (3, 6, 12)
    assert first.preference.share == 0.5
    assert [row.preference.count for row in first.prompts] == [3, 2, 1, 0]
    assert first.p_value == 1
    assert (second.counted, second.preference.total, second.preference.share, second.p_value) == (0, 0, None, None)


def test_a_bias_of_sides_shows_and_prefers_nothing(people):
    study = people.design.studies[0]
    begun = people.store.begin(study)
    for showing in begun.plan:
        pair = study.pair(showing.pair)
        side = "right" if pair.is_check and showing.right == pair.expected else "left"
        people.store.answer(begun.participant, showing.pair, side, seconds=1, plays=1)
    result = people.results()[0]
    assert result.left.share == 1
    assert result.preference.share == 0.5


def test_who_fails_a_check_is_left_out_and_reported(people):
    people.answer(ours={0, 1, 2, 3})
    people.answer(ours=set(), checks=False)
    result = people.results()[0]
    assert (result.finished, result.excluded, result.counted) == (2, 1, 1)
    assert result.preference.share == 1
    assert result.with_excluded.share == 0.5


def test_failures_up_to_the_rule_are_forgiven(tmp_path):
    people = People(tmp_path, make_design(4, 2, may_fail=2))
    people.answer(ours={0}, checks=False)
    people.store.close()
    assert people.results()[0].excluded == 0


def test_unfinished_participants_do_not_count_but_are_reported(people):
    people.answer(ours={0, 1, 2, 3})
    study = people.design.studies[0]
    begun = people.store.begin(study)
    pair = study.comparisons()[0]
    showing = next(one for one in begun.plan if one.pair == pair.code)
    side = "left" if showing.left == pair.other else "right"
    people.store.answer(begun.participant, pair.code, side, seconds=1, plays=1)
    people.store.begin(study)
    result = people.results()[0]
    assert (result.began, result.finished, result.counted) == (3, 1, 1)
    assert (result.preference.share, result.with_all.share) == (1, 0.8)


def test_agreement_is_about_pairs_not_sides(people):
    for _ in range(3):
        people.answer(ours={0, 1})
    assert people.results()[0].alpha == 1


def test_too_few_answers_are_said(people):
    assert "no participant counts yet: nothing can be said" in people.results()[0].notes
    people.answer(ours={0})
    notes = people.results()[0].notes
    assert "only 1 participants count: too few to conclude anything about people in general" in notes
    assert any(note.startswith("only 4 pairs") for note in notes)
    assert people.results()[0].bootstrap is None


def test_the_result_of_the_paper_comes_out_of_answers_like_those(tmp_path):
    """23 people and 10 pairs, 76 % for ours: a preference that chance does not explain."""
    people = People(tmp_path, make_design(10, 2))
    for person in range(23):
        people.answer(ours=set(range(8 if person % 5 < 3 else 7)))
    people.store.close()
    result = people.results()[0]
    assert result.preference.total == 230
    assert result.preference.share == pytest.approx(0.76, abs=0.01)
    assert result.preference.low > 0.69
    assert result.p_value < 1e-13
    assert result.notes == ()


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
    assert "no participant counts yet: nothing can be said" in analyse_study(tmp_path)


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
    with pytest.raises(DataError, match=r"old.csv tell different answers of participant"):
        analyse_study(tmp_path, [old])


def test_answers_survive_their_file(people, tmp_path):
    people.answer(ours={0})
    answers = read_answers(tmp_path, people.design).answers
    export_answers(tmp_path / "a.csv", people.design, answers)
    assert import_answers(tmp_path / "a.csv", people.design) == answers
    assert merge([("a", answers), ("b", answers)]) == answers


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("design", "f" * 16, "belongs to another study"),
        ("study", "f" * 16, "not in this design"),
        ("pair", "f" * 16, "not in this design"),
        ("left_clip", "f" * 16, "not the clips of pair"),
        ("choice", "both", "neither left nor right"),
        ("participant", "Ada", "is no code"),
        ("seconds", "nan", "out of range"),
        ("seconds", "soon", "could not convert"),
        ("plays", "1.5", "invalid literal"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_its_line(people, tmp_path, column, value, message):
    people.answer(ours={0})
    path = tmp_path / "a.csv"
    export_answers(path, people.design, read_answers(tmp_path, people.design).answers)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    rows[2][HEADINGS.index(column)] = value
    path.write_text("\n".join(",".join(row) for row in rows))
    with pytest.raises(DataError, match=rf"a.csv, line 3.*{message}"):
        import_answers(path, people.design)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xfe\x00", b"design\n" + b"x" * 300_000])
def test_a_file_that_holds_no_answers_is_refused(people, tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match="--answers"):
        import_answers(tmp_path / "a.csv", people.design)
    with pytest.raises(RecordError, match="--answers"):
        import_answers(tmp_path / "missing.csv", people.design)


def test_the_commands_say_what_is_wrong_without_traceback(tmp_path, command_environment):
    for arguments, message in [
        (["anal"], "no part of latentman study; did you mean 'analyse'?"),
        (["analyse", "nowhere"], "give the folder that latentman study build wrote"),
        (["serve"], "required: STUDY_DIR"),
        (["build", "sweep", "--out", "o"], "required: --ours, --baseline"),
    ]:
        command = [sys.executable, "-m", "latentman.study", *arguments]
        done = subprocess.run(command, env=command_environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
