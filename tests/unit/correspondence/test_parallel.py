import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.correspondence.match import match_clip
from latentman.correspondence.parallel import run_tasks
from latentman.errors import DataError
from tests.factories.maps import random_clip


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_in_a_worker_is_raised_unchanged(workers):
    with pytest.raises(DataError, match="not finite"):
        match_clip(random_clip(0), size=16, e_weight=float("nan"), workers=workers)


def test_an_error_stops_the_other_tasks_without_waiting_for_them():
    release, steps = threading.Event(), []

    def slow():
        for step in range(100):
            steps.append(step)
            yield step
            release.wait(30)

    def failing():
        raise ZeroDivisionError("as it is")
        yield

    start = time.monotonic()
    with pytest.raises(ZeroDivisionError, match="as it is"):
        list(run_tasks([slow(), failing(), slow()], 2))
    assert time.monotonic() - start < 10
    release.set()
    wait_for_the_end_of_threads()
    assert len(steps) < 10


def test_closing_the_iterator_stops_the_tasks():
    done = []

    def task():
        for step in range(1000):
            time.sleep(0.002)
            done.append(step)
            yield step

    steps = run_tasks([task(), task()], 2)
    next(steps)
    steps.close()
    wait_for_the_end_of_threads()
    assert len(done) < 500


def wait_for_the_end_of_threads():
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("match-") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@settings(deadline=None, max_examples=40)
@given(lengths=st.lists(st.integers(0, 5), max_size=6), workers=st.integers(1, 4))
def test_every_step_of_every_task_is_yielded_once_and_in_order(lengths, workers):
    steps = list(run_tasks([[(name, i) for i in range(length)] for name, length in enumerate(lengths)], workers))
    for name, length in enumerate(lengths):
        assert [i for task, i in steps if task == name] == list(range(length))
