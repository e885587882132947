"""Long tasks side by side, in threads: compiled solvers let go of the interpreter while they work."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from queue import SimpleQueue
from typing import TypeVar

Step = TypeVar("Step")


def available_cores() -> int:
    """Return how many cores this process may use; a cluster's job has fewer than its machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_tasks(tasks: Sequence[Iterable[Step]], workers: int) -> Iterator[Step]:
    """Yield the steps of all tasks as they are done: a task's own in order, those of different tasks in any order.

    Tasks start in the order in which they are given. An exception in a task is raised here as it is; the other tasks
    then end after the step at hand. The same holds when the caller stops, for instance by Ctrl-C: nobody waits for
    them, and they do not keep the process alive.

    Args:
        tasks: each one is gone through in one thread.
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
    """What a thread could not do."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _work(waiting: deque[Iterable[Step]], results: SimpleQueue[Step | _Failure | None], stop: threading.Event) -> None:
    """Go through tasks until none is waiting, then say so with None."""
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
    except BaseException as error:  # the caller must hear of everything
        results.put(_Failure(error))
    else:
        results.put(None)
