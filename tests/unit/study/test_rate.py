"""Token buckets: bursts pass, floods do not, people never notice, and memory stays bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.study.rate import ADDRESS, BEGIN, PARTICIPANT, Limit, RateLimit, address_key


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def make(limit, **options):
    clock = Clock()
    return RateLimit(limit, clock, **options), clock


def test_a_burst_passes_and_the_next_request_waits_for_its_token():
    limit, clock = make(Limit(rate=2, burst=3))
    assert [limit.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.5
    assert [limit.wait_s("a"), limit.wait_s("a")] == [0, 0.5]
    assert limit.wait_s("b") == 0


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_more_pass_than_the_burst_and_the_rate_allow(pauses):
    limit, clock = make(Limit(rate=1.5, burst=4))
    begun, passed = clock.now, 0
    for pause in pauses:
        clock.now += pause
        passed += limit.wait_s("a") == 0
        assert passed <= 4 + 1.5 * (clock.now - begun) + 1e-6


@given(st.lists(st.floats(0.7, 30), max_size=60))
def test_requests_slower_than_the_rate_never_wait(pauses):
    limit, clock = make(Limit(rate=1.5, burst=1))
    for pause in pauses:
        clock.now += pause
        assert limit.wait_s("a") == 0


def test_flooding_with_new_keys_does_not_fill_the_memory_nor_free_the_one_that_waits():
    limit, clock = make(Limit(rate=1, burst=1), max_keys=50)
    for number in range(500):
        limit.wait_s(f"key {number}")
        clock.now += 0.01
        assert len(limit) <= 50
    assert limit.wait_s("key 499") > 0


@pytest.mark.parametrize(("limit", "people"), [(PARTICIPANT, 1), (ADDRESS, 300), (BEGIN, 300)])
def test_people_never_meet_the_limits(limit, people):
    """A room that begins at once, then a request of each person every half second (an address: two videos too)."""
    bucket, clock = make(limit)
    waits = [bucket.wait_s("a") for _ in range(people)]
    if limit is not BEGIN:
        for _ in range(200):
            clock.now += 0.5
            waits += [bucket.wait_s("a") for _ in range(people)]
    assert set(waits) == {0}


def test_one_network_of_ipv6_counts_as_one_address():
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:2") != address_key("2001:db8:0:1::1")
    assert address_key("127.0.0.1") == "127.0.0.1" != address_key("127.0.0.2")
    assert address_key("") == ""
