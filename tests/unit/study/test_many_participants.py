"""A server that is killed again and again while many people answer: every answer that was confirmed is there."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest

from latentman.study.answers import read_answers
from tests.factories.study import make_design, write_study

PATIENCE_S = 600


class RestartedServer:
    """``latentman study serve`` on one port of the loopback address, killed with SIGKILL and started again."""

    def __init__(self, study, environment):
        self._study, self._environment = study, environment
        self._process = None
        self.starts = 0
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._start()

    def _start(self):
        command = [sys.executable, "-m", "latentman.study", "serve", str(self._study), "--port", str(self.port)]
        self._process = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True)
        assert "is served at" in self._process.stdout.readline()
        self.starts += 1

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._start()

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate(timeout=60)
        assert self._process.returncode == 0
        return output


class Participant:
    """A participant whose browser tries again until the server has confirmed an answer."""

    def __init__(self, port, seed, pace_s):
        self._port, self._pace_s = port, pace_s
        self._rng = np.random.default_rng(seed)
        self._connection = None
        self.code = None
        self.confirmed = {}
        self.refusals = Counter()

    def take_part(self):
        begun = self._ask("begin", {"study": None, "done": []})
        self.code = begun["participant"]
        for showing in begun["plan"]:
            choice = ("left", "right")[self._rng.integers(2)]
            answer = {"participant": self.code, "pair": showing["pair"], "choice": choice, "seconds": 2.0, "plays": 1}
            after = self._ask("answer", answer)
            assert after["chosen"][showing["pair"]] == choice
            self.confirmed[showing["pair"]] = choice
            time.sleep(self._pace_s)
        self._close()

    def _ask(self, action, data):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
                self._connection.request(
                    "POST", f"/api/{action}", json.dumps(data), {"Content-Type": "application/json"}
                )
                response = self._connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                self._close()
                time.sleep(0.05)
                continue
            if response.status == 200:
                return json.loads(body)
            self.refusals[response.status] += 1
            time.sleep(0.1)
        raise AssertionError(f"no answer to {action} within {PATIENCE_S} s")

    def _close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def check_that_nothing_is_lost(folder, environment, *, people, pairs, kills, pace_s):
    checks = 2
    design = make_design(pairs - checks, checks)
    server = RestartedServer(write_study(folder, design), environment)
    participants = [Participant(server.port, seed, pace_s) for seed in range(people)]
    threads = [threading.Thread(target=participant.take_part) for participant in participants]
    for thread in threads:
        thread.start()
    try:
        for number in range(kills):
            wanted = people * pairs * (number + 1) // (kills + 1)
            until = time.monotonic() + PATIENCE_S
            while sum(len(participant.confirmed) for participant in participants) < wanted:
                assert time.monotonic() < until, "the participants do not get on"
                time.sleep(0.005)
            server.kill()
    finally:
        for thread in threads:
            thread.join(PATIENCE_S)
        output = server.stop()
    assert server.starts == kills + 1
    kept = read_answers(folder, design)
    found = {participant.code: {} for participant in participants}
    for answer in kept.answers:
        assert answer.pair not in found[answer.participant]
        found[answer.participant][answer.pair] = answer.choice
    assert found == {participant.code: participant.confirmed for participant in participants}
    assert len(kept.answers) == people * pairs
    assert kept.damaged == []
    assert {answer.changes for answer in kept.answers} == {0}
    assert sum((participant.refusals for participant in participants), Counter()) == Counter()
    assert f"stopped: {people * pairs} answers of" in output


@pytest.mark.slow
def test_ten_people_and_two_kills_lose_no_answer(tmp_path, command_environment):
    check_that_nothing_is_lost(tmp_path / "study", command_environment, people=10, pairs=20, kills=2, pace_s=0.05)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_people_and_six_kills_lose_none_of_ten_thousand_answers(tmp_path, command_environment):
    check_that_nothing_is_lost(tmp_path / "study", command_environment, people=100, pairs=100, kills=6, pace_s=0.2)
