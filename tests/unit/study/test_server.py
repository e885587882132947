"""Listening, the limits of connections, and the command with its signals."""

import contextlib
import http.client
import itertools
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latentman.errors import ConfigError, MissingExtraError, RecordError
from latentman.study import channel
from latentman.study.answers import ANSWERS_FILE
from latentman.study.design import read_design
from latentman.study.server import MAX_CONNECTIONS, StudyServer, _connection_limit
from tests.factories.study import serving


@pytest.fixture
def server(study):
    with serving(study) as server:
        yield server


def test_a_port_in_use_names_another(server, study):
    port = server.port
    with pytest.raises(
        ConfigError, match=rf"port {port} of 127.0.0.1 is in use by another program; try --port \d+"
    ) as info:
        StudyServer(study, "127.0.0.1", port)
    other = int(str(info.value).rsplit(" ", 1)[1])
    second = StudyServer(study, "127.0.0.1", other)
    second.close()


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 70_000, "--port 70000 is out of range"),
        ("192.0.2.7", 0, "an address of this machine"),
        ("no host", 0, "--host no host"),
    ],
)
def test_addresses_that_cannot_be_listened_at_are_refused(study, host, port, message):
    with pytest.raises(ConfigError, match=message):
        StudyServer(study, host, port)


def test_a_study_whose_videos_are_missing_is_not_served(study):
    next((study / "public" / "videos").iterdir()).unlink()
    with pytest.raises(RecordError, match="of the study is missing"):
        StudyServer(study, "127.0.0.1", 0)


def start(environment, *arguments):
    command = [sys.executable, "-m", "latentman.study", "serve", *map(str, arguments)]
    # A shell that starts jobs in the background lets them ignore Ctrl-C; this one must not.
    restore = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=restore
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_and_ends_cleanly(study, command_environment, number):
    with start(command_environment, study, "--port", 0) as process:
        first = process.stdout.readline()
        port = int(first.split("http://127.0.0.1:")[1].split("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        body = json.dumps({"study": None, "done": []})
        connection.request("POST", "/api/begin", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
        process.send_signal(number)
        output, errors = process.stdout.read(), process.stderr.read()
        assert (process.wait(30), errors) == (0, "")
        connection.close()
    assert "stopped: 0 answers of 1 participants in" in output
    for one in read_design(study).studies:
        assert f"'sla=full pwg=full' against '{one.baseline}': http://127.0.0.1:{port}/?study={one.code}" in output
    assert not list(Path(study).glob("*-wal"))


def test_opening_the_server_to_others_warns(study, command_environment):
    with start(command_environment, study, "--port", 0, "--host", "0.0.0.0") as process:
        process.stdout.readline()
        warning = process.stderr.readline()
        process.send_signal(signal.SIGINT)
    assert warning.startswith("warning: --host 0.0.0.0 lets every machine that reaches this one take part")


def test_a_port_in_use_ends_the_command_with_status_2(server, study, command_environment):
    with start(command_environment, study, "--port", server.port) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.startswith(f"error: port {server.port} of 127.0.0.1 is in use")
    assert "Traceback" not in errors
    assert (study / ANSWERS_FILE).exists()


@pytest.mark.parametrize("package", ["flask", "waitress"])
def test_without_the_extra_the_command_names_it(study, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"needs the package {package}.*pip install 'latentman\[study\]'"):
        StudyServer(study, "127.0.0.1", 0)


@pytest.mark.slow
def test_building_and_analysing_need_no_extra(command_environment):
    code = (
        "import sys; import latentman.study.build, latentman.study.analyse, latentman.study.server; "
        "sys.exit(bool({'flask', 'waitress'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=command_environment, check=False).returncode == 0


def test_a_request_that_dribbles_is_cut_off(study, monkeypatch):
    monkeypatch.setattr(channel, "REQUEST_S", 0.3)
    with serving(study) as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        begun = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for letter in itertools.chain(b"GET / HTTP/1.1\r\nX: ", itertools.repeat(ord("a"), 2000)):
                connection.sendall(bytes([letter]))
                time.sleep(0.02)
        assert time.monotonic() - begun < 20


@pytest.mark.slow
def test_silent_connections_beyond_the_limit_do_not_stop_the_server(study, monkeypatch):
    """New connections wait until silent ones are closed; none is refused."""
    monkeypatch.setattr("latentman.study.server._connection_limit", lambda: 12)
    monkeypatch.setattr("latentman.study.server.IDLE_S", 3)
    with serving(study) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(30)]
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
        for each in silent:
            each.close()


def test_the_limit_of_connections_fits_the_files_that_a_process_may_open():
    assert 16 <= _connection_limit() <= MAX_CONNECTIONS
