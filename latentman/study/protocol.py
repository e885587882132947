"""The three requests of the page (begin, resume, answer), with every field checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from latentman.files.json_file import parse_json
from latentman.files.opening import FlawError
from latentman.study.answer import MAX_PLAYS, MAX_SECONDS
from latentman.study.answers import AnswerStore, FinishedError, FullError, Participation, UnknownCodeError
from latentman.study.design import CODE, Design

MAX_BODY_BYTES = 4096


class Refused(Exception):  # noqa: N818 - an answer to a client, not an error of ours
    """A request that is refused, with an HTTP status, a short reason, and when to try again where that helps."""

    def __init__(self, status: int, reason: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s


def reply(
    action: str,
    body: bytes,
    store: AnswerStore,
    design: Design,
    *,
    on_participant: Callable[[str], None] = lambda code: None,
) -> dict[str, Any]:
    """Carry out a request of the page and return the reply.

    Args:
        action: ``begin`` with ``{"study": code or null, "done": [codes]}``, ``resume`` with ``{"participant": code}``,
            or ``answer`` with participant, pair, choice, seconds and plays.
        body: JSON of at most ``MAX_BODY_BYTES``.
        store: where answers go.
        design: the design that they belong to.
        on_participant: called with the code of the participant before the answers are touched; it may refuse.

    Raises:
        Refused: 404 for another action or an unknown code, 400 for anything malformed, 409 for a change after the
            end, 503 when there are too many participants.
    """
    if action not in ("begin", "resume", "answer"):
        raise Refused(404, "no such page")
    data = _parse(body)
    try:
        if action == "begin":
            return _public(_begin(data, store, design))
        fields = _checked(action, data)
        on_participant(fields["participant"])
        return _public(store.resume(**fields) if action == "resume" else store.answer(**fields))
    except UnknownCodeError as error:
        raise Refused(404, f"unknown {error}") from error
    except FinishedError as error:
        raise Refused(409, "the study is finished; its answers stay as they are") from error
    except FullError as error:
        raise Refused(503, "the study takes no more participants") from error


def _parse(body: bytes) -> dict[str, Any]:
    try:
        data = parse_json(body)
    except FlawError as error:
        raise Refused(400, "the body is not valid JSON") from error
    if not isinstance(data, dict):
        raise Refused(400, "the body must be a JSON object")
    return data


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


def _checked(action: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``AnswerStore.resume`` or ``AnswerStore.answer``."""
    if action == "resume":
        _expect_keys(data, {"participant"})
        return {"participant": _code("participant", data["participant"])}
    _expect_keys(data, {"participant", "pair", "choice", "seconds", "plays"})
    participant, pair = _code("participant", data["participant"]), _code("pair", data["pair"])
    if data["choice"] not in ("left", "right"):
        raise Refused(400, "choice must be left or right")
    seconds, plays = data["seconds"], data["plays"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MAX_SECONDS:
        raise Refused(400, f"seconds must be a number from 0 to {MAX_SECONDS}")
    if isinstance(plays, bool) or not isinstance(plays, int) or not 0 <= plays <= MAX_PLAYS:
        raise Refused(400, f"plays must be a whole number from 0 to {MAX_PLAYS}")
    choice = str(data["choice"])
    return {
        "participant": participant,
        "pair": pair,
        "choice": choice,
        "seconds": round(float(seconds), 3),
        "plays": plays,
    }


def _expect_keys(data: dict[str, Any], keys: set[str]) -> None:
    if set(data) != keys:
        raise Refused(400, f"the body must have exactly these fields: {', '.join(sorted(keys))}")


def _code(name: str, value: object) -> str:
    if not isinstance(value, str) or not CODE.fullmatch(value):
        raise Refused(400, f"{name} is not a code")
    return value


def _public(participation: Participation) -> dict[str, Any]:
    """Return what a participant may know: their own plan and choices, but not which pairs are checks."""
    return asdict(participation)
