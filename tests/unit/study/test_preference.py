"""From answers to results: who counts, what is counted, and the notes on weak results."""

import pytest

from tests.factories.study import People, make_design


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
    assert "no participant counts yet: there is no result" in people.results()[0].notes
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
