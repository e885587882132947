"""Whatever a browser or a script sends is answered or refused with a short reason; nothing else ever happens."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentman.study.answers import AnswerStore
from latentman.study.protocol import Refused, reply
from tests.factories.study import make_design

DESIGN = make_design(2, 1, baselines=("a", "b"))


@pytest.fixture
def store(tmp_path):
    store = AnswerStore(tmp_path, DESIGN)
    yield store
    store.close()


def ask(store, path, data):
    return reply(path, data if isinstance(data, bytes) else json.dumps(data).encode(), store, DESIGN)


def test_a_participant_begins_answers_and_resumes(store):
    begun = ask(store, "begin", {"study": DESIGN.studies[1].code, "done": []})
    assert set(begun) == {"participant", "study", "plan", "chosen"}
    assert begun["study"] == DESIGN.studies[1].code
    pair = begun["plan"][0]["pair"]
    answer = {"participant": begun["participant"], "pair": pair, "choice": "left", "seconds": 3, "plays": 2}
    assert ask(store, "answer", answer)["chosen"] == {pair: "left"}
    assert ask(store, "resume", {"participant": begun["participant"]})["chosen"] == {pair: "left"}


def test_a_participant_is_told_nothing_of_checks_and_sides(store):
    begun = ask(store, "begin", {"study": None, "done": []})
    for showing in begun["plan"]:
        assert set(showing) == {"pair", "left", "right"}
    assert not {"expected", "is_check", "baseline", "prompt"} & set(json.dumps(begun).replace('"', " ").split())


BAD_BODIES = [
    b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b"[" * 4000, b'{"study": NaN, "done": []}',
    {}, {"study": None}, {"study": None, "done": [], "more": 1}, {"study": None, "done": "x"}, {"study": 5, "done": []},
    {"study": None, "done": [7]}, {"study": "../../etc", "done": []}, {"study": "", "done": []},
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: str(body)[:30])
def test_a_malformed_beginning_is_refused(store, body):
    with pytest.raises(Refused) as refused:
        ask(store, "begin", body)
    assert refused.value.status == 400
    assert len(refused.value.reason) < 100
    assert store.counts() == (0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"choice": "middle"}, {"choice": None}, {"choice": True}, {"choice": ["left"]}, {"seconds": -1},
        {"seconds": "3"}, {"seconds": None}, {"seconds": True}, {"seconds": 86401}, {"seconds": 10**400}, {"plays": -1},
        {"plays": 1.5}, {"plays": True}, {"plays": 10**9}, {"pair": None}, {"pair": "' OR 1=1 --"}, {"participant": 7},
        {"participant": {}}, {"left": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_a_malformed_answer_is_refused(store, change):
    begun = ask(store, "begin", {"study": None, "done": []})
    pair = begun["plan"][0]["pair"]
    answer = {"participant": begun["participant"], "pair": pair, "choice": "left", "seconds": 3, "plays": 2}
    with pytest.raises(Refused) as refused:
        ask(store, "answer", {**answer, **change})
    assert refused.value.status == 400
    assert store.counts() == (1, 0)


def test_unknown_codes_paths_and_late_changes_have_their_status(store):
    begun = ask(store, "begin", {"study": None, "done": []})
    answer = {"participant": begun["participant"], "choice": "left", "seconds": 3, "plays": 2}
    for path, data, reason in [
        ("begin", {"study": "f" * 16, "done": []}, "unknown study"),
        ("resume", {"participant": "f" * 32}, "unknown participant"),
        ("answer", {**answer, "pair": "f" * 16}, "unknown pair"),
        ("answer", {**answer, "pair": begun["plan"][0]["pair"], "participant": "f" * 32}, "unknown participant"),
        ("design", {}, "no such page"),
    ]:
        with pytest.raises(Refused, match=reason) as refused:
            ask(store, path, data)
        assert refused.value.status == 404
    for showing in begun["plan"]:
        ask(store, "answer", {**answer, "pair": showing["pair"]})
    with pytest.raises(Refused) as refused:
        ask(store, "answer", {**answer, "pair": begun["plan"][0]["pair"], "choice": "right"})
    assert refused.value.status == 409


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["study", "done", "participant", "pair", "choice", "seconds", "plays", "x"])
bodies = st.binary(max_size=60) | st.dictionaries(keys, json_values, max_size=6).map(lambda d: json.dumps(d).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["begin", "resume", "answer", "..", ""]), bodies)
def test_any_bytes_are_answered_or_refused(store, path, body):
    with contextlib.suppress(Refused):
        assert set(ask(store, path, body)) == {"participant", "study", "plan", "chosen"}
