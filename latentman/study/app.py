"""The study as a Flask application: its files by name, its three requests by POST, everything else refused."""

from __future__ import annotations

import math
import sqlite3
import sys
from dataclasses import dataclass, field

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import wrap_file

from latentman.study import rate
from latentman.study.answers import AnswerStore
from latentman.study.design import Design
from latentman.study.files import PublicFile
from latentman.study.headers import HEADERS
from latentman.study.origin import Allowed
from latentman.study.protocol import MAX_BODY_BYTES, Refused, reply
from latentman.study.rate import RateLimit, address_key

REASONS = {
    400: "the request is malformed",
    404: "no such page",
    405: "this method is not allowed here",
    413: f"the body is larger than {MAX_BODY_BYTES} bytes",
    416: "no such range",
    500: "the server could not answer; try again",
}


@dataclass(frozen=True, slots=True)
class Served:
    """What the application answers from.

    Attributes:
        design: the design of the study.
        files: every address that is served, with its file.
        store: where answers go.
        allowed: the names under which the server may be addressed.
    """

    design: Design
    files: dict[str, PublicFile]
    store: AnswerStore
    allowed: Allowed


@dataclass(frozen=True, slots=True)
class Limits:
    """How often addresses and participants may ask."""

    address: RateLimit = field(default_factory=lambda: RateLimit(rate.ADDRESS))
    begin: RateLimit = field(default_factory=lambda: RateLimit(rate.BEGIN))
    participant: RateLimit = field(default_factory=lambda: RateLimit(rate.PARTICIPANT))


def make_app(served: Served, limits: Limits | None = None) -> Flask:
    """Return the application.

    Args:
        served: files, answers and allowed names.
        limits: rate limits; the usual ones by default.
    """
    limits = limits or Limits()
    app = Flask("latentman.study", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False

    @app.before_request
    def check_request() -> None:
        _check_names(served.allowed)
        _check_rate(limits.address, address_key(request.remote_addr or ""))

    @app.get("/", provide_automatic_options=False)
    @app.get("/<path:name>", provide_automatic_options=False)
    def send_file(name: str = "") -> Response:
        file = served.files.get(f"/{name}")
        if file is None:
            raise Refused(404, REASONS[404])
        return _send(file)

    @app.post("/api/<action>", provide_automatic_options=False)
    def answer_page(action: str) -> ResponseReturnValue:
        if action == "begin":
            _check_rate(limits.begin, address_key(request.remote_addr or ""))
        body = _body()
        return reply(
            action, body, served.store, served.design, on_participant=lambda code: _check_rate(limits.participant, code)
        )

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(sqlite3.Error, lambda error: _not_stored(served.store, error))
    return app


def _check_names(allowed: Allowed) -> None:
    if not str(request.environ.get("REQUEST_URI", "/")).startswith("/"):
        raise Refused(404, "no such page")  # a whole address in the request line would overrule Host
    host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
    if not allowed.host_header(host):
        raise Refused(403, "the study is not served under this name; 'latentman study serve --name' allows another one")
    if origin is not None and not allowed.origin_header(origin, host):
        raise Refused(403, "this page is not the study's; 'latentman study serve --name' allows another name")


def _check_rate(limit: RateLimit, key: str) -> None:
    wait = limit.wait_s(key)
    if wait > 0:
        raise Refused(429, "too many requests; wait a moment and try again", retry_after_s=math.ceil(wait))


def _body() -> bytes:
    if request.content_length is None:
        raise Refused(411, "give a Content-Length")
    if request.content_length > MAX_BODY_BYTES:
        raise Refused(413, REASONS[413])
    if request.mimetype != "application/json":
        raise Refused(415, "the body must be application/json")
    return request.get_data()


def _send(file: PublicFile) -> Response:
    """Return a file, or the part of it that a ``Range`` header asks for."""
    try:
        opened = file.open()
    except OSError as error:
        raise Refused(404, "this file is missing") from error
    try:
        size = opened.seek(0, 2)
        opened.seek(0)
        response = Response(wrap_file(request.environ, opened), direct_passthrough=True)
        response.headers["Content-Type"] = file.content_type
        response.headers["Cache-Control"] = "no-cache"
        response.content_length = size
        response.make_conditional(request.environ, accept_ranges=True, complete_length=size)
    except BaseException:
        opened.close()
        raise
    return response


def _refused(refused: Refused) -> ResponseReturnValue:
    headers = {} if refused.retry_after_s is None else {"Retry-After": str(refused.retry_after_s)}
    return {"error": refused.reason}, refused.status, headers


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    kept = {name: value for name, value in error.get_headers() if name in ("Content-Range", "Allow")}
    return {"error": REASONS.get(status, error.name.lower())}, status, kept


def _not_stored(store: AnswerStore, error: sqlite3.Error) -> ResponseReturnValue:
    sys.stderr.write(f"an answer could not be stored in {store.path}: {error}\n")
    return {"error": "the answer could not be stored; try again"}, 500
