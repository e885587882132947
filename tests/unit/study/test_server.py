"""The server over a real socket: what it serves, and how it takes everything that it should not be asked."""

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latentman.errors import ConfigError, RecordError
from latentman.study.answers import ANSWERS_FILE, read_answers
from latentman.study.design import read_design
from latentman.study.server import HEADERS, StudyServer, is_loopback
from tests.unit.study.factory import serving


@pytest.fixture
def server(study):
    with serving(study) as server:
        yield server


def request(server, method, path, body=None, headers=None):
    """Send a request whose path is not touched, and return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=False)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None and not {"Content-Length", "Transfer-Encoding"} & set(headers or {}):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def post(server, path, data, **headers):
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    given = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    status, _, answer = request(server, "POST", f"/api/{path}", body, given)
    return status, json.loads(answer)


def raw(server, data, *, close=True):
    """Send bytes as they are and return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as connection:
        connection.sendall(data)
        if close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def clip(server):
    return next(path for path in server.files if path.endswith(".mp4"))


def test_pages_have_their_types_and_the_security_headers(server):
    for path, kind in [
        ("/", "text/html; charset=utf-8"),
        ("/?study=abc", "text/html; charset=utf-8"),
        ("/study.js", "text/javascript; charset=utf-8"),
        ("/study.css", "text/css; charset=utf-8"),
        (clip(server), "video/mp4"),
        ("/nothing", "application/json"),
    ]:
        status, headers, body = request(server, "GET", path)
        assert status == (404 if path == "/nothing" else 200)
        assert headers["Content-Type"] == kind
        assert int(headers["Content-Length"]) == len(body)
        for name, value in HEADERS.items():
            assert headers[name] == value
        assert "Python" not in headers["Server"]
        assert "Last-Modified" not in headers
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'self'")


def test_a_clip_comes_whole_in_parts_and_as_head(server):
    path = clip(server)
    content = server.files[path].path.read_bytes()
    assert request(server, "GET", path)[2] == content
    status, headers, body = request(server, "GET", path, headers={"Range": "bytes=10-29"})
    assert (status, body) == (206, content[10:30])
    assert headers["Content-Range"] == f"bytes 10-29/{len(content)}"
    assert request(server, "GET", path, headers={"Range": "bytes=-7"})[2] == content[-7:]
    status, headers, body = request(server, "GET", path, headers={"Range": f"bytes={len(content)}-"})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    status, headers, body = request(server, "HEAD", path)
    assert (status, body, int(headers["Content-Length"])) == (200, b"", len(content))


@pytest.mark.parametrize(
    "path",
    [
        "/design.json", "/../design.json", "/clips/../../design.json", "/%2e%2e/design.json", "/..%2fdesign.json",
        "/%2e%2e%2fdesign.json", "/clips/..%5c..%5cdesign.json", "//etc/passwd", "/./index.html", "/public/index.html",
        "/answers.sqlite", "/../answers.sqlite", "/clips", "/clips/", "/%00", "/index.html%00", "/clips/%2e/",
        "file:///etc/passwd", "http://elsewhere/index.html", "*", "/index.html/", "/INDEX.HTML", "/~root", "/~",
    ],
)  # fmt: skip
def test_no_path_leads_outside_or_lists_a_folder(server, path):
    status, _, body = request(server, "GET", path)
    assert status == 404
    assert json.loads(body) == {"error": "no such page"}


def test_a_clip_replaced_by_a_link_or_gone_is_not_served(server, study, tmp_path):
    (tmp_path / "secret").write_text("secret")
    paths = [path for path in server.files if path.endswith(".mp4")]
    server.files[paths[0]].path.unlink()
    server.files[paths[0]].path.symlink_to(tmp_path / "secret")
    server.files[paths[1]].path.unlink()
    for path in paths[:2]:
        status, _, body = request(server, "GET", path)
        assert (status, json.loads(body)) == (404, {"error": "this file is gone"})
    (study / "public" / "clips").rename(tmp_path / "clips")
    (study / "public" / "clips").symlink_to(tmp_path / "clips")
    assert request(server, "GET", paths[2])[0] == 404


def test_answers_reach_the_table(server, study):
    status, begun = post(server, "begin", {"study": None, "done": []})
    assert status == 200
    for showing in begun["plan"]:
        answer = {"participant": begun["participant"], "pair": showing["pair"], "choice": "left"}
        status, after = post(server, "answer", {**answer, "seconds": 2.5, "plays": 1})
        assert status == 200
    assert len(after["chosen"]) == len(begun["plan"]) == len(read_answers(study, read_design(study)).answers)
    status, again = post(server, "answer", {**answer, "seconds": 2.5, "plays": 1})
    assert (status, again) == (200, after)
    assert post(server, "answer", {**answer, "choice": "right", "seconds": 2.5, "plays": 1})[0] == 409


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b"x" * 5000, 413),
        ({"Content-Type": "application/json"}, b"x" * 3_000_000, 413),
        ({"Content-Type": "application/json", "Content-Length": "99999999999999999999"}, b"", 413),
        ({"Content-Type": "application/json", "Content-Length": "-5"}, b"{}", 400),
        ({"Content-Type": "application/json", "Content-Length": "²"}, b"{}", 400),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"[" * 4096, 400),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=b", 415),
        ({}, b"{}", 415),
        ({"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, b"2\r\n{}\r\n0\r\n\r\n", 411),
        ({"Content-Type": "application/json"}, None, 411),
    ],
)
def test_oversized_and_malformed_bodies_are_refused(server, headers, body, status):
    try:
        found, _, answer = request(server, "POST", "/api/begin", body, headers)
    except (BrokenPipeError, ConnectionResetError):
        assert len(body) > 1 << 20, "a body of a megabyte may be cut off, a smaller one gets its reply"
    else:
        assert found == status
        assert set(json.loads(answer)) == {"error"}
        assert len(answer) < 200
    assert server.store.counts() == (0, 0)
    assert request(server, "GET", "/")[0] == 200


def test_two_lengths_are_refused_and_nothing_is_smuggled(server):
    body = b"{}"
    smuggled = b"GET /design.json HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /api/begin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    received = raw(server, head + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n" + body + smuggled)
    assert received.startswith(b"HTTP/1.1 411")
    assert received.count(b"HTTP/1.1") == 1


def test_a_body_that_ends_early_is_refused(server):
    head = b"POST /api/begin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
    assert raw(server, head + b'{"study"').startswith(b"HTTP/1.1 400")
    assert server.store.counts() == (0, 0)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"DELETE /answers.sqlite HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"\x16\x03\x01 nonsense more words\r\n\r\n", b"400"),
    ],
    ids=["put", "delete", "long", "headers", "version", "nonsense"],
)
def test_what_is_no_request_of_ours_is_refused(server, data, status):
    received = raw(server, data)
    assert received.split(b" ")[1] == status
    assert b"Content-Security-Policy" in received
    assert request(server, "GET", "/")[0] == 200


def test_one_connection_serves_many_requests(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    for path in ("/", "/study.js", clip(server), "/"):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        response.read()
    connection.close()


def test_browsers_that_hang_up_are_no_news(server, capfd):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(f"GET {clip(server)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    time.sleep(0.3)
    assert request(server, "GET", "/")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_an_answer_that_cannot_be_stored_is_said_to_both_sides(server, study, capfd):
    server.store._database.execute("PRAGMA busy_timeout = 10")
    blocker = sqlite3.connect(study / ANSWERS_FILE, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    status, answer = post(server, "begin", {"study": None, "done": []})
    blocker.execute("ROLLBACK")
    blocker.close()
    assert (status, answer) == (500, {"error": "the answer could not be stored; try again"})
    assert "could not be stored in" in capfd.readouterr().err
    assert post(server, "begin", {"study": None, "done": []})[0] == 200


def test_a_port_in_use_names_another(server, study):
    port = server.server_port
    with pytest.raises(
        ConfigError, match=rf"port {port} of 127.0.0.1 is in use by another program; try --port \d+"
    ) as info:
        StudyServer(study, "127.0.0.1", port)
    other = int(str(info.value).rsplit(" ", 1)[1])
    second = StudyServer(study, "127.0.0.1", other)
    second.server_close()
    second.store.close()


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 70_000, "--port 70000 is out of range"),
        ("192.0.2.7", 0, "an address of this machine"),
        ("no host", 0, "--host no host"),
    ],
)
def test_addresses_that_cannot_be_listened_at_are_said(study, host, port, message):
    with pytest.raises(ConfigError, match=message):
        StudyServer(study, host, port)


def test_a_study_whose_clips_are_gone_is_not_served(study):
    next((study / "public" / "clips").iterdir()).unlink()
    with pytest.raises(RecordError, match="of the study is gone"):
        StudyServer(study, "127.0.0.1", 0)


def test_loopback_is_told_from_the_rest():
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.4", "example.org", ""))


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
    with start(command_environment, study, "--port", server.server_port) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.startswith(f"error: port {server.server_port} of 127.0.0.1 is in use")
    assert "Traceback" not in errors
    assert (study / ANSWERS_FILE).exists()
