"""Long tasks in parallel threads: compiled solvers release the interpreter lock while they work."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from queue import SimpleQueue
from typing import TypeVar

Step = TypeVar("Step")


def available_cores() -> int:
    """Return how many cores this process may use; a cluster job may have fewer than its machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_tasks(tasks: Sequence[Iterable[Step]], workers: int) -> Iterator[Step]:
    """Yield the steps of all tasks as they finish: in order within a task, in any order across tasks.

    Tasks start in the given order. An exception in a task is raised here unchanged; the other tasks then end after
    their current step. The same holds if the caller stops, for instance by Ctrl-C: the tasks are not waited for and do
    not keep the process alive.

    Args:
        tasks: iterables; each is consumed in one thread.
        workers: threads; 1 runs everything in the calling thread.
    """
    if workers == 1 or len(tasks) < 2:
        for task in tasks:
            yield from task
        return
    waiting = deque(tasks)
    results: SimpleQueue[Step | _Failure | None] = SimpleQueue()
    stop = threading.Event()
    threads = [
        threading.Thread(target=_work, args=(waiting, results, stop), daemon=True, name=f"match-{i}")
        for i in range(min(workers, len(tasks)))
    ]
    try:
        for thread in threads:
            thread.start()
        running = len(threads)
        while running:
            result = results.get()
            if result is None:
                running -= 1
            elif isinstance(result, _Failure):
                raise result.error
            else:
                yield result
    finally:
        stop.set()
        waiting.clear()


class _Failure:
    """An exception raised in a thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _work(waiting: deque[Iterable[Step]], results: SimpleQueue[Step | _Failure | None], stop: threading.Event) -> None:
    """Consume tasks until none is left, then send None."""
    try:
        while not stop.is_set():
            try:
                task = waiting.popleft()
            except IndexError:
                break
            for step in task:
                results.put(step)
                if stop.is_set():
                    break
    except BaseException as error:  # the caller must receive every exception
        results.put(_Failure(error))
    else:
        results.put(None)
