"""What a participant sees: every pair once, sides in balance, checks spread, and nothing by chance of the moment."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from latentman.study.plan import plan_for
from tests.factories.study import make_design

sizes = st.tuples(st.integers(1, 12), st.integers(0, 8))
people = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(sizes, people)
def test_every_pair_is_shown_once_with_both_its_videos(size, participant):
    study = make_design(*size).studies[0]
    plan = plan_for(study, 7, participant)
    assert Counter(showing.pair for showing in plan) == Counter(pair.code for pair in study.pairs)
    for showing in plan:
        assert {showing.left, showing.right} == set(study.pair(showing.pair).videos())


@given(sizes, people)
def test_ours_is_on_the_left_in_half_of_the_comparisons(size, participant):
    study = make_design(*size).studies[0]
    lefts = [
        showing.left == pair.expected
        for showing in plan_for(study, 7, participant)
        if not (pair := study.pair(showing.pair)).is_check
    ]
    assert abs(2 * sum(lefts) - len(lefts)) <= 1


@given(sizes, people)
def test_checks_never_come_first_and_are_spread(size, participant):
    study = make_design(*size).studies[0]
    checks = [study.pair(showing.pair).is_check for showing in plan_for(study, 7, participant)]
    assert not checks[0]
    if size[0] >= 2 * size[1] > 2:  # room enough: not all of them in one half
        places = [place for place, check in enumerate(checks) if check]
        assert places[0] <= len(checks) / 2 < places[-1] + 1


def test_the_plan_follows_from_seed_and_participant_alone():
    study = make_design(8, 2).studies[0]
    assert plan_for(study, 7, "a" * 32) == plan_for(study, 7, "a" * 32)
    assert plan_for(study, 7, "a" * 32) != plan_for(study, 8, "a" * 32)
    assert plan_for(study, 7, "a" * 32) != plan_for(study, 7, "b" * 32)


def test_sides_and_orders_are_even_over_many_participants():
    study = make_design(5, 1).studies[0]
    lefts, first = Counter(), Counter()
    for number in range(600):
        plan = plan_for(study, 7, f"{number:032x}")
        lefts.update(showing.pair for showing in plan if showing.left == study.pair(showing.pair).expected)
        first[plan[0].pair] += 1
    for pair in study.pairs:
        assert 230 < lefts[pair.code] < 370
    assert all(70 < first[pair.code] < 170 for pair in study.comparisons())
