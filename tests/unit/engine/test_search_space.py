"""A search space is read as Hydra's sweeps are written, and a mistake in it names its key."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from latentman.engine.search_space import Choices, Interval, search_space
from latentman.errors import ConfigError
from latentman.files.opening import FlawError


def space(*lines):
    return search_space(OverridesParser.create().parse_overrides(list(lines)))


@pytest.mark.parametrize(
    ("line", "axis"),
    [
        ("pwg.delta=interval(0, 0.1)", Interval(0.0, 0.1)),
        ("pwg.delta=tag(log, interval(0.001, 0.1))", Interval(0.001, 0.1, is_log=True)),
        ("pwg.size=int(interval(32, 256))", Interval(32, 256, is_whole=True)),
        ("pwg.window=choice([0.2,0.7], [0.3,0.6])", Choices(("[0.2,0.7]", "[0.3,0.6]"))),
        ("sla=none,full", Choices(("none", "full"))),
        ("num_frames=range(2, 8, 2)", Choices(("2", "4", "6"))),
    ],
)
def test_an_interval_or_a_list_is_an_axis(line, axis):
    assert list(space(line).axes.values()) == [axis]


def test_a_job_begins_with_what_is_searched_and_keeps_the_rest():
    found = space("+exp=smoke", "sla=none,full", "+variant=choice(mesh, baseline)", "seed=3")
    assert found.fixed == ("+exp=smoke", "seed=3")
    assert found.job({"sla": "full", "+variant": "mesh"}) == ("sla=full", "+variant=mesh", "+exp=smoke", "seed=3")


def test_a_later_value_replaces_an_earlier_range_and_the_other_way_round():
    found = space("sla=none,full", "pwg=none", "sla=full", "pwg=none,full")
    assert (list(found.axes), found.fixed) == (["pwg"], ("sla=full",))


def test_numbers_have_four_digits_and_stay_between_their_bounds():
    axis = Interval(0.00123412, 0.987654321)
    assert [axis.text(value) for value in (0.00123412, 0.123456, 0.987654321)] == [
        "0.00123412",
        "0.1235",
        "0.987654321",
    ]
    assert Interval(1, 9, is_whole=True).text(3) == "3"


def test_a_value_that_is_not_in_the_list_is_a_flaw():
    with pytest.raises(FlawError, match="'evil' is none of none, full"):
        Choices(("none", "full")).text("evil")


def test_the_samples_have_every_bound_and_every_value():
    jobs = space("pwg.delta=interval(0.1, 0.2)", "sla=a,b,c").samples()
    assert jobs == [("pwg.delta=0.1", "sla=a"), ("pwg.delta=0.2", "sla=b"), ("pwg.delta=0.2", "sla=c")]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "has no key to search.*hydra.sweeper.params"),
        (["seed=3"], "has no key to search"),
        (["pwg.delta=interval(0.1, 0.1)"], "the interval of pwg.delta must go from a number to a larger one"),
        (["pwg.delta=interval(0, inf)"], "the interval of pwg.delta"),
        (["pwg.delta=interval(nan, 1)"], "the interval of pwg.delta"),
        (["pwg.delta=tag(log, interval(-1, 1))"], "pwg.delta is searched on a log scale.*above 0, not at -1"),
        (["pwg.delta=tag(log, interval(0, 1))"], "above 0, not at 0"),
        (["pwg.delta=tag(lin, interval(0, 1))"], "pwg.delta has the tag lin"),
        (["sla=choice(full)"], "sla has one value.*write sla=full"),
        (["threads=1,2"], "threads cannot be searched"),
        (["seed=1,2"], "seed cannot be searched"),
        (["paths.runs=a,b"], "paths.runs cannot be searched"),
        (["prompts=quick3,paper10"], "prompts cannot be searched"),
    ],
)
def test_a_bad_space_is_refused_with_its_key(lines, message):
    with pytest.raises(ConfigError, match=message):
        space(*lines)
