"""Calls are made one after the other in one thread, and one that hangs is left behind."""

import threading
import time

import pytest

from latentman.tracking.worker import Worker


def test_calls_share_a_thread_that_does_not_keep_the_process():
    worker = Worker("w")
    threads = {worker.do(threading.current_thread, 5) for _ in range(3)}
    assert len(threads) == 1
    assert threads != {threading.current_thread()}
    assert threads.pop().daemon
    worker.end()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
def test_what_a_call_raises_is_raised_where_it_was_asked_for(error):
    def call():
        raise error

    worker = Worker("w")
    with pytest.raises(type(error)):
        worker.do(call, 5)
    assert worker.do(lambda: 7, 5) == 7, "the thread outlives an error"
    worker.end()


def test_a_call_that_hangs_is_given_up():
    stop = threading.Event()
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer"):
        Worker("w").do(stop.wait, 0.1)
    assert time.monotonic() - start < 5
    stop.set()
