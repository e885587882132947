"""Answers are kept: replaced while a participant is under way, final at the end, and never mixed up."""

import contextlib
import shutil
import sqlite3
import threading

import pytest

from latentman.errors import RecordError
from latentman.study import answers
from latentman.study.answers import ANSWERS_FILE, AnswerStore, FinishedError, FullError, UnknownCodeError, read_answers
from latentman.study.design import read_design
from tests.factories.study import answer_all, make_design


@pytest.fixture
def design():
    return make_design(3, 1, baselines=("a", "b"))


@pytest.fixture
def store(tmp_path, design):
    store = AnswerStore(tmp_path, design)
    yield store
    store.close()


def test_an_answer_is_on_disk_when_the_call_returns(store, design, tmp_path):
    begun = store.begin(design.studies[0])
    showing = begun.plan[2]
    after = store.answer(begun.participant, showing.pair, "right", seconds=1.5, plays=3)
    assert after.chosen == {showing.pair: "right"}
    kept = read_answers(tmp_path, design)
    (answer,) = kept.answers
    assert (answer.position, answer.left_video, answer.right_video) == (2, showing.left, showing.right)
    assert (answer.choice, answer.chosen, answer.seconds, answer.plays) == ("right", showing.right, 1.5, 3)
    assert kept.began == {design.studies[0].code: 1}
    with contextlib.closing(sqlite3.connect(tmp_path / ANSWERS_FILE)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_copy_of_a_killed_server_has_every_answer(store, design, tmp_path):
    answer_all(store, design.studies[0], lambda pair: True)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in tmp_path.glob(f"{ANSWERS_FILE}*"):
        shutil.copy(path, copy)
    assert len(read_answers(copy, design).answers) == 4


def test_the_same_answer_again_changes_nothing(store, design, tmp_path):
    begun = store.begin(design.studies[0])
    for _ in range(3):
        store.answer(begun.participant, begun.plan[0].pair, "left", seconds=1, plays=1)
    (answer,) = read_answers(tmp_path, design).answers
    assert answer.changes == 0


def test_another_answer_takes_the_place_of_the_first_and_is_counted(store, design, tmp_path):
    begun = store.begin(design.studies[0])
    for choice in ("left", "right", "left"):
        store.answer(begun.participant, begun.plan[0].pair, choice, seconds=len(choice), plays=1)
    (answer,) = read_answers(tmp_path, design).answers
    assert (answer.choice, answer.changes) == ("left", 2)


def test_after_the_last_answer_none_is_changed(store, design):
    done = answer_all(store, design.studies[0], lambda pair: True)
    pair, choice = next(iter(done.chosen.items()))
    assert store.answer(done.participant, pair, choice, seconds=9, plays=9) == done
    with pytest.raises(FinishedError):
        store.answer(done.participant, pair, "left" if choice == "right" else "right", seconds=9, plays=9)
    assert store.resume(done.participant) == done


def test_unknown_codes_are_refused_and_leave_nothing(store, design, tmp_path):
    begun = store.begin(design.studies[0])
    elsewhere = design.studies[1].pairs[0].code
    for participant, pair in (("f" * 32, begun.plan[0].pair), (begun.participant, elsewhere)):
        with pytest.raises(UnknownCodeError):
            store.answer(participant, pair, "left", seconds=1, plays=1)
    with pytest.raises(UnknownCodeError):
        store.resume("f" * 32)
    assert read_answers(tmp_path, design).answers == []
    # The store still works after refusals.
    store.answer(begun.participant, begun.plan[0].pair, "left", seconds=1, plays=1)


def test_participants_are_spread_over_the_studies(store, design):
    codes = [store.begin(None).study for _ in range(10)]
    assert codes.count(design.studies[0].code) == 5
    assert {store.begin(None, [design.studies[0].code]).study for _ in range(3)} == {design.studies[1].code}
    assert store.begin(None, [study.code for study in design.studies]).study in codes


def test_a_reopened_store_continues(store, design, tmp_path):
    begun = store.begin(design.studies[0])
    store.answer(begun.participant, begun.plan[0].pair, "left", seconds=1, plays=1)
    store.close()
    store.close()
    assert not (tmp_path / f"{ANSWERS_FILE}-wal").exists()
    again = AnswerStore(tmp_path, design)
    try:
        resumed = again.resume(begun.participant)
        assert (resumed.plan, resumed.chosen) == (begun.plan, {begun.plan[0].pair: "left"})
    finally:
        again.close()


def test_threads_and_two_stores_lose_no_answer(store, design, tmp_path):
    other = AnswerStore(tmp_path, design)
    failures = []

    def take_part(own):
        try:
            answer_all(own, design.studies[0], lambda pair: True)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=take_part, args=(own,)) for own in (store, other) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failures == []
    assert store.counts() == (8, 32)


def test_no_more_participants_than_the_table_takes(store, monkeypatch):
    monkeypatch.setattr(answers, "MAX_PARTICIPANTS", 2)
    store.begin(None)
    store.begin(None)
    with pytest.raises(FullError):
        store.begin(None)


def test_answers_of_another_study_are_refused(store, tmp_path):
    other = make_design(9, 0)
    for use in (AnswerStore, read_answers):
        with pytest.raises(RecordError, match="answers of another study"):
            use(tmp_path, other)


def test_a_damaged_file_is_refused_and_kept(tmp_path, design):
    (tmp_path / ANSWERS_FILE).write_bytes(b"this is not a database, but long enough to be looked at" * 10)
    before = (tmp_path / ANSWERS_FILE).read_bytes()
    for use in (AnswerStore, read_answers):
        with pytest.raises(RecordError, match=r"cannot (read|open) .*answers\.sqlite"):
            use(tmp_path, design)
    assert (tmp_path / ANSWERS_FILE).read_bytes() == before


def test_a_study_that_was_never_served_has_no_answers(tmp_path, design):
    assert read_answers(tmp_path, design).answers == []
    assert not (tmp_path / ANSWERS_FILE).exists()


def test_nothing_about_the_person_is_kept(store, design, tmp_path):
    store.begin(None)
    database = sqlite3.connect(tmp_path / ANSWERS_FILE)
    columns = [row[1] for row in database.execute("PRAGMA table_info(participants)")]
    assert columns == ["participant", "study", "began", "plan"]
    (began,) = database.execute("SELECT began FROM participants").fetchone()
    assert len(began) == len("2026-11-24")
    database.close()


def test_a_study_of_the_first_version_continues_to_collect(old_study):
    design = read_design(old_study)
    (before,) = read_answers(old_study, design).answers
    store = AnswerStore(old_study, design)
    begun = answer_all(store, design.studies[0], lambda pair: True)
    store.close()
    after = read_answers(old_study, design).answers
    assert (after[0], len(after)) == (before, 1 + len(begun.plan))
    AnswerStore(old_study, design).close()
    assert read_answers(old_study, design).answers == after
