"""``latentman study serve``: the page and its videos to browsers, the answers into SQLite; loopback by default.

Flask answers (``app.py``), Waitress serves; both come with the extra ``study``.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import select
import socket
import sys
from collections.abc import Collection
from pathlib import Path

from latentman.errors import ConfigError, MissingExtraError
from latentman.study.answers import AnswerStore
from latentman.study.design import Design, read_design
from latentman.study.files import public_files
from latentman.study.origin import Allowed, checked_names, is_loopback
from latentman.system.termination import terminable

IDLE_S = 30
"""A connection that says nothing for so long is closed."""

MAX_HEADER_BYTES = 16 * 1024
MAX_RECEIVED_BYTES = 64 * 1024
"""A longer body is cut off; up to here it is read, so that the browser gets the refusal."""

MAX_CONNECTIONS = 1000
"""Where the machine allows it; 100 participants with six connections each are 600."""

THREADS = 8


class StudyServer:
    """One study on one address. It accepts connections once it is made and answers them in :meth:`run`.

    Args:
        study_dir: what ``latentman study build`` wrote.
        host: an address of this machine.
        port: 0 takes any free one.
        names: further names under which participants reach the server.

    Raises:
        MissingExtraError: without Flask and Waitress.
        ConfigError: if the server cannot listen at the address, or a name is not the name of a host.
        RecordError: if the study's files or answers cannot be read.
    """

    def __init__(self, study_dir: Path, host: str, port: int, names: Collection[str] = ()) -> None:
        _require_extra()
        import waitress

        from latentman.study.app import Served, make_app
        from latentman.study.channel import StudyChannel

        allowed_names = checked_names(names)
        self.design = read_design(study_dir)
        self.files = public_files(study_dir, self.design)
        listening = _listen(host, port)
        try:
            self.host, self.port = str(listening.getsockname()[0]), int(listening.getsockname()[1])
            self.store = AnswerStore(study_dir, self.design)
        except BaseException:
            listening.close()
            raise
        served = Served(self.design, self.files, self.store, Allowed(host, self.port, allowed_names))
        self._server = waitress.create_server(
            make_app(served),
            sockets=[listening],
            threads=THREADS,
            ident="latentman-study",
            connection_limit=_connection_limit(),
            asyncore_use_poll=hasattr(select, "poll"),
            channel_timeout=IDLE_S,
            cleanup_interval=IDLE_S // 3,
            recv_bytes=MAX_RECEIVED_BYTES,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_RECEIVED_BYTES,
            log_socket_errors=False,
        )
        self._server.channel_class = StudyChannel

    @property
    def url(self) -> str:
        """The address for a browser."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"

    def run(self) -> None:
        """Answer requests until Ctrl-C, or until :meth:`stop` is called."""
        self._server.run()

    def stop(self) -> None:
        """Let :meth:`run` return soon; may be called from another thread."""
        from waitress import wasyncore

        # The loop may be awake already: then it can have closed everything before the trigger is written to.
        with contextlib.suppress(OSError):
            self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._server._map))

    def close(self) -> None:
        """Close all connections and the answers, after :meth:`run` has returned or when it was never called."""
        from waitress import wasyncore

        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._server._map)
        self.store.close()


def serve_study(study_dir: Path, host: str, port: int, names: Collection[str] = ()) -> None:
    """Serve a study until Ctrl-C or SIGTERM, and print its address.

    Raises:
        MissingExtraError: without Flask and Waitress.
        ConfigError: if the port is in use, or the address is not this machine's.
        RecordError: if the study's files or answers cannot be read.
    """
    # Waitress warns whenever a request has to wait for a thread, which many participants at once bring about.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = StudyServer(study_dir, host, port, names)
    try:
        with terminable():
            sys.stdout.write(_greeting(server, study_dir))
            sys.stdout.flush()
            if not is_loopback(host):
                sys.stderr.write(
                    f"warning: --host {host} lets every machine that reaches this one take part, without encryption; "
                    "docs/study.md explains how to put a web server with HTTPS in front of it\n"
                )
                sys.stderr.flush()
            server.run()
    except KeyboardInterrupt:  # before Waitress took over
        pass
    finally:
        participants, answers = server.store.counts()
        server.close()
    sys.stdout.write(f"\nstopped: {answers} answers of {participants} participants in {server.store.path}\n")


def _require_extra() -> None:
    try:
        import flask  # noqa: F401
        import waitress  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"latentman study serve needs the package {error.name}, which is not installed: "
            "pip install 'latentman[study]'"
        ) from error


def _connection_limit() -> int:
    """Return how many connections may be open: each can take two files, and a process may open only so many."""
    try:
        import resource  # not on Windows
    except ImportError:
        return 480  # Windows waits for at most 512 sockets at once
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files < 0 else max(16, min(MAX_CONNECTIONS, (files - 64) // 2))


def _greeting(server: StudyServer, study_dir: Path) -> str:
    design: Design = server.design
    lines = [f"{study_dir} is served at {server.url} (Ctrl-C stops it)"]
    if len(design.studies) > 1:
        lines.append("participants are spread over the studies; to hand out the link of one study alone:")
    lines += [f"  '{design.ours}' against '{one.baseline}': {server.url}?study={one.code}" for one in design.studies]
    return "\n".join(lines) + "\n"


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise ConfigError(f"--port {port} is out of range: give 0 to 65535; 0 takes any free one")
    try:
        return socket.create_server((host, port), family=_family(host), backlog=1024)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(f"port {port} of {host} is in use by another program; try --port {_free_port(host, port)}")
    reason = error.strerror or str(error)
    if error.errno == errno.EACCES:
        return ConfigError(f"cannot listen on port {port}: {reason}; ports below 1024 need privileges, try --port 8000")
    return ConfigError(f"cannot listen at --host {host} --port {port}: {reason}; give an address of this machine")


def _free_port(host: str, port: int) -> int:
    """Return the next port that is free, or 0, which takes any."""
    for candidate in range(port + 1, min(port + 50, 65_536)):
        try:
            socket.create_server((host, candidate), family=_family(host)).close()
        except OSError:
            continue
        return candidate
    return 0
