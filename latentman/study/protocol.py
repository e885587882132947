"""What the page may ask the server, checked to the last field: begin, resume, answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn

from latentman.study.answers import AnswerStore, FinishedError, FullError, Participation, UnknownCodeError
from latentman.study.design import CODE, Design

MAX_BODY_BYTES = 4096
MAX_SECONDS = 86_400
MAX_PLAYS = 100_000


class Refused(Exception):  # noqa: N818 - an answer to a client, not an error of ours
    """A request that is turned down, with an HTTP status and a short reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def reply(path: str, body: bytes, store: AnswerStore, design: Design) -> dict[str, Any]:
    """Carry out what a page asks for and return the reply.

    Args:
        path: ``/api/begin`` with ``{"study": code or null, "done": [codes]}``, ``/api/resume`` with
            ``{"participant": code}``, or ``/api/answer`` with participant, pair, choice, seconds and plays.
        body: JSON of at most ``MAX_BODY_BYTES``.
        store: where answers go.
        design: the design that they belong to.

    Raises:
        Refused: 404 for another path or a code that does not exist, 400 for anything malformed, 409 for a change after
            the end, 503 when there are too many participants.
    """
    actions: dict[str, Callable[[dict[str, Any], AnswerStore, Design], Participation]] = {
        "/api/begin": _begin,
        "/api/resume": _resume,
        "/api/answer": _answer,
    }
    if path not in actions:
        raise Refused(404, "no such page")
    try:
        return _public(actions[path](_parse(body), store, design))
    except UnknownCodeError as error:
        raise Refused(404, f"unknown {error}") from error
    except FinishedError as error:
        raise Refused(409, "the study is finished; its answers stay as they are") from error
    except FullError as error:
        raise Refused(503, "the study takes no more participants") from error


def _parse(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body is no valid JSON") from error
    if not isinstance(data, dict):
        raise Refused(400, "the body must be a JSON object")
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _begin(data: dict[str, Any], store: AnswerStore, design: Design) -> Participation:
    _expect_keys(data, {"study", "done"})
    if not isinstance(data["done"], list):
        raise Refused(400, "done must be a list of codes")
    done = [_code("done", each) for each in data["done"]]
    if data["study"] is None:
        return store.begin(None, done)
    study = design.study(_code("study", data["study"]))
    if study is None:
        raise UnknownCodeError("study")
    return store.begin(study)


def _resume(data: dict[str, Any], store: AnswerStore, design: Design) -> Participation:
    _expect_keys(data, {"participant"})
    return store.resume(_code("participant", data["participant"]))


def _answer(data: dict[str, Any], store: AnswerStore, design: Design) -> Participation:
    _expect_keys(data, {"participant", "pair", "choice", "seconds", "plays"})
    participant, pair = _code("participant", data["participant"]), _code("pair", data["pair"])
    if data["choice"] not in ("left", "right"):
        raise Refused(400, "choice must be left or right")
    seconds, plays = data["seconds"], data["plays"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MAX_SECONDS:
        raise Refused(400, f"seconds must be a number from 0 to {MAX_SECONDS}")
    if isinstance(plays, bool) or not isinstance(plays, int) or not 0 <= plays <= MAX_PLAYS:
        raise Refused(400, f"plays must be a whole number from 0 to {MAX_PLAYS}")
    return store.answer(participant, pair, str(data["choice"]), seconds=round(float(seconds), 3), plays=plays)


def _expect_keys(data: dict[str, Any], keys: set[str]) -> None:
    if set(data) != keys:
        raise Refused(400, f"the body must have exactly these fields: {', '.join(sorted(keys))}")


def _code(name: str, value: object) -> str:
    if not isinstance(value, str) or not CODE.fullmatch(value):
        raise Refused(400, f"{name} is no code")
    return value


def _public(participation: Participation) -> dict[str, Any]:
    """Return what a participant may know: their own plan and choices; which pairs are checks is not in it."""
    return asdict(participation)
