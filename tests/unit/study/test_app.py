"""The application over a real socket: what it serves, and how it refuses everything else."""

import http.client
import json
import os
import socket
import sqlite3
import time

import pytest

from latentman.study import rate
from latentman.study.answers import ANSWERS_FILE, read_answers
from latentman.study.design import read_design
from latentman.study.headers import HEADERS
from latentman.study.rate import Limit
from tests.factories.study import serving


@pytest.fixture
def server(study):
    with serving(study) as server:
        yield server


def request(server, method, path, body=None, headers=None):
    """Send a request whose path is not touched, and return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host="Host" in (headers or {}))
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
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(data)
        if close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def video(server):
    return next(path for path in server.files if path.endswith(".mp4"))


def test_pages_have_their_types_and_the_security_headers(server):
    for path, kind in [
        ("/", "text/html; charset=utf-8"),
        ("/?study=abc", "text/html; charset=utf-8"),
        ("/study.js", "text/javascript; charset=utf-8"),
        ("/study.css", "text/css; charset=utf-8"),
        (video(server), "video/mp4"),
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


def test_a_video_is_sent_whole_in_parts_and_as_head(server):
    path = video(server)
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
        "/design.json", "/../design.json", "/videos/../../design.json", "/%2e%2e/design.json", "/..%2fdesign.json",
        "/%2e%2e%2fdesign.json", "/videos/..%5c..%5cdesign.json", "//etc/passwd", "/./index.html", "/public/index.html",
        "/answers.sqlite", "/../answers.sqlite", "/videos", "/videos/", "/%00", "/index.html%00", "/videos/%2e/",
        "file:///etc/passwd", "http://elsewhere/index.html", "*", "/index.html/", "/INDEX.HTML", "/~root", "/~",
    ],
)  # fmt: skip
def test_no_path_leads_outside_or_lists_a_folder(server, path):
    status, _, body = request(server, "GET", path)
    assert status == 404
    assert json.loads(body) == {"error": "no such page"}


def test_a_video_that_is_missing_or_was_replaced_is_not_served(server, study, tmp_path):
    (tmp_path / "secret").write_text("secret")
    paths = [path for path in server.files if path.endswith(".mp4")]
    server.files[paths[0]].path.unlink()
    server.files[paths[0]].path.symlink_to(tmp_path / "secret")
    server.files[paths[1]].path.unlink()
    for path in paths[:2]:
        status, _, body = request(server, "GET", path)
        assert (status, json.loads(body)) == (404, {"error": "this file is missing"})
    (study / "public" / "videos").rename(tmp_path / "videos")
    (study / "public" / "videos").symlink_to(tmp_path / "videos")
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


CHUNKED_5000 = b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n"


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
        ({"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, b"2\r\n{}\r\n0\r\n\r\n", 400),
        (
            {"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
            CHUNKED_5000,
            413,
        ),
        ({"Content-Type": "application/json", "Transfer-Encoding": "gzip"}, b"{}", 501),
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
    smuggled = b"GET /design.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /api/begin HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    received = raw(server, head + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n" + body + smuggled)
    assert received.startswith(b"HTTP/1.1 400")
    assert received.count(b"HTTP/1.1") == 1


def test_a_body_that_ends_early_leaves_nothing(server):
    head = (
        b"POST /api/begin HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
    )
    assert raw(server, head + b'{"study"') == b""
    assert server.store.counts() == (0, 0)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"OPTIONS /api/begin HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"DELETE /answers.sqlite HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", b"431"),
        (b"GET / HTTP/9.9\r\n\r\n", b"403"),
        (b"\x16\x03\x01 nonsense more words\r\n\r\n", b"400"),
    ],
    ids=["put", "options", "delete", "long", "headers", "version", "nonsense"],
)
def test_requests_that_the_page_never_makes_are_refused(server, data, status):
    received = raw(server, data)
    assert received.split(b" ")[1] == status
    assert b"Content-Security-Policy" in received
    assert request(server, "GET", "/")[0] == 200


def test_one_connection_serves_many_requests(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for path in ("/", "/study.js", video(server), "/"):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        response.read()
    connection.close()


def test_browsers_that_hang_up_are_not_reported(server, capfd):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(f"GET {video(server)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    time.sleep(0.3)
    assert request(server, "GET", "/")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_an_answer_that_cannot_be_stored_is_reported_on_both_sides(server, study, capfd):
    server.store._database.execute("PRAGMA busy_timeout = 10")
    blocker = sqlite3.connect(study / ANSWERS_FILE, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    status, answer = post(server, "begin", {"study": None, "done": []})
    blocker.execute("ROLLBACK")
    blocker.close()
    assert (status, answer) == (500, {"error": "the answer could not be stored; try again"})
    assert "could not be stored in" in capfd.readouterr().err
    assert post(server, "begin", {"study": None, "done": []})[0] == 200


@pytest.mark.parametrize("header", ["bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", ""])
def test_ranges_of_other_forms_get_the_whole_file_or_416(server, header):
    path = video(server)
    content = server.files[path].path.read_bytes()
    status, _, body = request(server, "GET", path, headers={"Range": header})
    assert (status == 200 and body == content) or status == 416


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_in_the_place_of_a_video_is_refused_at_once(server):
    path = video(server)
    server.files[path].path.unlink()
    os.mkfifo(server.files[path].path)
    for _ in range(12):  # more than there are threads
        assert request(server, "GET", path)[0] == 404
    assert request(server, "GET", "/")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "127.0.0.1", "Origin": "http://evil.example"}, 403),
        ({"Host": "127.0.0.1", "Origin": "null"}, 403),
        ({"Host": "localhost", "Origin": "http://localhost"}, 200),
        ({"Host": "study.example"}, 403),
    ],
)
def test_foreign_names_get_neither_pages_nor_answers(server, headers, status):
    data = json.dumps({"study": None, "done": []}).encode()
    assert request(server, "GET", "/", headers=headers)[0] == status
    found, _, answer = request(server, "POST", "/api/begin", data, {**headers, "Content-Type": "application/json"})
    assert found == status
    assert server.store.counts() == (int(status == 200), 0)
    if status != 200:
        assert "--name" in json.loads(answer)["error"]


def test_a_name_that_was_given_is_served(study):
    with serving(study, names=["study.example"]) as server:
        headers = {"Host": "127.0.0.1:8000", "Origin": "https://study.example"}
        assert request(server, "GET", "/", headers=headers)[0] == 200
        assert request(server, "GET", "/", headers={"Host": "study.example"})[0] == 200


def test_two_hosts_in_one_request_are_refused(server):
    received = raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("which", ["ADDRESS", "BEGIN", "PARTICIPANT"])
def test_a_flood_is_asked_to_wait(study, monkeypatch, which):
    monkeypatch.setattr(rate, which, Limit(rate=0.05, burst=4))
    with serving(study) as server:
        begun = post(server, "begin", {"study": None, "done": []})[1]
        ask = {"study": None, "done": []} if which == "BEGIN" else {"participant": begun["participant"]}
        path = "begin" if which == "BEGIN" else "resume"
        replies = [post(server, path, ask) for _ in range(5)]
        assert [status for status, _ in replies].count(429) == (1 if which == "PARTICIPANT" else 2)
        assert replies[-1][1] == {"error": "too many requests; wait a moment and try again"}
        _, headers, _ = request(
            server, "POST", f"/api/{path}", json.dumps(ask).encode(), {"Content-Type": "application/json"}
        )
        assert 1 <= int(headers["Retry-After"]) <= 20
        others = request(server, "GET", "/")[0]
        assert others == (429 if which == "ADDRESS" else 200)
