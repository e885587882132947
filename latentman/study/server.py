"""``latentman study serve``: the page and its clips to the browser, the answers into SQLite; loopback by default."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import socket
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from latentman.errors import ConfigError
from latentman.study.answers import AnswerStore
from latentman.study.design import Design, read_design
from latentman.study.files import byte_range, public_files
from latentman.study.protocol import MAX_BODY_BYTES, Refused, reply
from latentman.system.termination import terminable

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
IDLE_S = 30
"""A connection that says nothing for so long is closed."""
PIECE = 1 << 16
MAX_DRAINED_BYTES = 1 << 20


class StudyServer(ThreadingHTTPServer):
    """One study on one address.

    Raises:
        ConfigError: if the address cannot be listened at.
        RecordError: if the study's files or answers cannot be read.
    """

    daemon_threads = True

    def __init__(self, study_dir: Path, host: str, port: int) -> None:
        self.design = read_design(study_dir)
        self.files = public_files(study_dir, self.design)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), StudyHandler)
        except (OSError, OverflowError) as error:
            raise _cannot_listen(host, port, error) from error
        try:
            self.store = AnswerStore(study_dir, self.design)
        except BaseException:
            self.server_close()
            raise

    def server_bind(self) -> None:
        """Bind without asking a name server for our own name, which can take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address for a browser."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that hang up; anything else is a defect and is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class StudyHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: StudyServer
    protocol_version = "HTTP/1.1"
    # What is no HTTP at all gets an answer with headers, too.
    default_request_version = "HTTP/1.0"
    timeout = IDLE_S

    def do_GET(self) -> None:
        """Send a page or a clip."""
        file = self.server.files.get(self.path.partition("?")[0])
        if file is None:
            return self._refuse(404, "no such page")
        try:
            opened = file.open()
        except OSError:
            return self._refuse(404, "this file is gone")
        with opened:
            size = opened.seek(0, 2)
            try:
                wanted = byte_range(self.headers.get("Range"), size)
            except ValueError:
                return self._refuse(416, "no such range", {"Content-Range": f"bytes */{size}"})
            first, last = wanted if wanted is not None else (0, size - 1)
            headers = {"Content-Type": file.content_type, "Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
            if wanted is not None:
                headers["Content-Range"] = f"bytes {first}-{last}/{size}"
            self._head(200 if wanted is None else 206, last - first + 1, headers)
            if self.command == "HEAD":
                return None
            opened.seek(first)
            left = last - first + 1
            while left > 0 and (piece := opened.read(min(PIECE, left))):
                self.wfile.write(piece)
                left -= len(piece)
            # A file that shrank meanwhile leaves the browser waiting for the rest; hanging up tells it.
            self.close_connection = self.close_connection or left > 0
        return None

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def do_POST(self) -> None:
        """Carry out a request of the page."""
        try:
            data = reply(self.path.partition("?")[0], self._body(), self.server.store, self.server.design)
        except Refused as refused:
            self._refuse(refused.status, refused.reason)
            return self._drain()
        except sqlite3.Error as error:
            sys.stderr.write(f"an answer could not be stored in {self.server.store.path}: {error}\n")
            return self._refuse(500, "the answer could not be stored; try again")
        return self._send_json(200, data)

    def _drain(self) -> None:
        """Read a little of what still comes: hanging up on a browser that sends makes it miss the reply."""
        self.connection.settimeout(1)
        left = MAX_DRAINED_BYTES
        with contextlib.suppress(OSError):
            while left > 0 and (piece := self.rfile.read1(PIECE)):
                left -= len(piece)

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length", [])
        if self.headers.get("Transfer-Encoding") is not None or len(lengths) != 1:
            raise Refused(411, "give one Content-Length")
        if not (lengths[0].isascii() and lengths[0].isdigit()):
            raise Refused(400, "Content-Length is no number")
        if len(lengths[0]) > 12 or int(lengths[0]) > MAX_BODY_BYTES:
            raise Refused(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "the body must be application/json")
        body = self.rfile.read(int(lengths[0]))
        if len(body) < int(lengths[0]):
            raise Refused(400, "the body is shorter than its Content-Length")
        return body

    def _refuse(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        # What is left of the request's body would be read as the next request.
        self.close_connection = True
        self._send_json(status, {"error": reason}, headers)

    def _send_json(self, status: int, data: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        body = json.dumps(data).encode()
        more = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
        self._head(status, len(body), more)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        close = {"Connection": "close"} if self.close_connection else {}
        for name, value in {**HEADERS, **headers, "Content-Length": str(length), **close}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in our own words what the base class refuses: other methods, malformed requests."""
        self._refuse(code, message or "refused")

    def version_string(self) -> str:
        """Name the server without versions."""
        return "latentman-study"

    def log_message(self, format: str, *args: Any) -> None:
        """Write no log: addresses of participants are personal data."""


def serve_study(study_dir: Path, host: str, port: int) -> None:
    """Serve a study until Ctrl-C or SIGTERM, and say where.

    Raises:
        ConfigError: if the port is in use, or the address is not this machine's.
        RecordError: if the study's files or answers cannot be read.
    """
    server = StudyServer(study_dir, host, port)
    try:
        sys.stdout.write(_greeting(server, study_dir))
        sys.stdout.flush()
        if not is_loopback(host):
            sys.stderr.write(
                f"warning: --host {host} lets every machine that reaches this one take part, without encryption; "
                "docs/study.md tells how to put a web server with HTTPS before it\n"
            )
            sys.stderr.flush()
        with terminable():
            server.serve_forever()
    except KeyboardInterrupt:
        participants, answers = server.store.counts()
        sys.stdout.write(f"\nstopped: {answers} answers of {participants} participants in {server.store.path}\n")
    finally:
        server.server_close()
        server.store.close()


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _greeting(server: StudyServer, study_dir: Path) -> str:
    design: Design = server.design
    lines = [f"{study_dir} is served at {server.url} (Ctrl-C stops it)"]
    if len(design.studies) > 1:
        lines.append("participants are spread over the studies; to give out one of them alone:")
    lines += [f"  '{design.ours}' against '{one.baseline}': {server.url}?study={one.code}" for one in design.studies]
    return "\n".join(lines) + "\n"


def _cannot_listen(host: str, port: int, error: Exception) -> ConfigError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return ConfigError(f"port {port} of {host} is in use by another program; try --port {_free_port(host, port)}")
    if isinstance(error, OverflowError):
        return ConfigError(f"--port {port} is out of range: give 0 to 65535; 0 takes any free one")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return ConfigError(f"cannot listen on port {port}: {reason}; ports below 1024 want rights, try --port 8000")
    return ConfigError(f"cannot listen at --host {host} --port {port}: {reason}; give an address of this machine")


def _free_port(host: str, port: int) -> int:
    """Return the next port that is free, or 0, which takes any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port + 1, min(port + 50, 65_536)):
        with socket.socket(family) as probe:
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return candidate
    return 0
