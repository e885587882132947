"""Runs that are made to fail: real commands in processes that are forked from one in which everything is imported.

    python -m tests.faults.victims LIBRARY

reads one JSON object a line and answers each with one. ``LIBRARY`` is ``faulty.c``, built and preloaded. A command with
``here`` is carried out in this process itself, which loads the networks for all that follow.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

KINDS = {"none": 0, "kill": 1, "once": 2, "from_here": 3, "short": 4, "torn": 5}
PATIENCE_S = 120.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(library: ctypes.CDLL) -> None:
    library.faulty_arm.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int)
    library.faulty_calls.restype = ctypes.c_long
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("here"):
            from latentman.cli import main

            with Path(asked["output"]).open("w") as file:
                os.dup2(file.fileno(), 2)
            saved, sys.stdout = sys.stdout, sys.stderr
            answer = {"statuses": [main(asked["arguments"])]}
            sys.stdout = saved
            gc.collect()
            gc.freeze()  # no process looks through what all of them share
        else:
            answer = fork(asked, library)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def fork(asked: dict, library: ctypes.CDLL) -> dict:
    """Carry out a command in ``times`` processes at once; return their statuses and the calls that the first made."""
    start = time.monotonic()
    pipes, running, statuses = [], {}, {}
    for number in range(asked.get("times", 1)):
        reading, writing = os.pipe()
        # A signal waits until the process has become the command.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        process = os.fork()
        if process == 0:
            become({**asked, "output": f"{asked['output']}{number or ''}"}, library, writing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.close(writing)
        pipes.append(reading)
        running[process] = number
    signals = [(start + after, number) for after, number in asked.get("signals", [])]
    is_hung = False
    while running:
        for process in list(running):
            found, bits = os.waitpid(process, os.WNOHANG)
            if found:
                statuses[running.pop(process)] = os.waitstatus_to_exitcode(bits)
        now = time.monotonic()
        if running and signals and now >= signals[0][0]:
            os.kill(next(iter(running)), signals.pop(0)[1])
        if running and now - start > asked.get("patience", PATIENCE_S):
            is_hung = True
            for process in running:
                os.kill(process, signal.SIGKILL)
        time.sleep(0.005)
    calls = [int(os.read(pipe, 100) or -1) for pipe in pipes]
    for pipe in pipes:
        os.close(pipe)
    ended = [statuses[number] for number in range(len(pipes))]
    return {"statuses": ended, "calls": calls[0], "hung": is_hung, "seconds": time.monotonic() - start}


def become(asked: dict, library: ctypes.CDLL, writing: int) -> None:
    """Be the process of a command; does not return."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        output = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        if "clock" in asked:
            time.time = lambda real=time.time, shift=asked["clock"]: real() + shift
        if "open_files" in asked:
            resource.setrlimit(resource.RLIMIT_NOFILE, (asked["open_files"], asked["open_files"]))
        from latentman.cli import main

        fault = asked.get("fault", {})
        library.faulty_arm(
            asked["below"].encode(), fault.get("at", 0), KINDS[fault.get("kind", "none")], fault.get("errno", 0)
        )
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        status = main(asked["arguments"])
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # the command has ended
    except BaseException:
        traceback.print_exc()
    finally:
        library.faulty_disarm()
        os.write(writing, str(library.faulty_calls()).encode())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(ctypes.CDLL(sys.argv[1]))
