"""Is there a key, does anybody answer: found out without asking the client, which would prompt or wait."""

import socket
import subprocess
import sys
import time

import pytest

from latentman.tracking.wandb_server import why_unreachable


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_server_that_listens_is_reachable(listening):
    assert why_unreachable(f"http://127.0.0.1:{listening}") is None


@pytest.mark.parametrize("server", ["http://127.0.0.1:{closed}", "http://127.0.0.1:99999999", "nonsense", ""])
def test_a_server_that_does_not_listen_is_named_with_the_reason_at_once(closed, server):
    start = time.monotonic()
    assert "does not answer (" in why_unreachable(server.format(closed=closed), timeout=2)
    assert time.monotonic() - start < 3


def test_behind_a_proxy_it_is_the_proxy_that_must_answer(listening, closed, monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listening}")
    assert why_unreachable("https://api.wandb.invalid") is None
    monkeypatch.setenv("https_proxy", f"127.0.0.1:{closed}")
    assert "127.0.0.1 does not answer" in why_unreachable("https://api.wandb.invalid")


LOCAL = "127.0.0.1:9"

CODE = """
import sys
from latentman.tracking.wandb_server import has_key, server_address
server = server_address()
assert server == sys.argv[1] or not sys.argv[1] and server.startswith("https://"), server
assert str(has_key(server)) == sys.argv[2]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("netrc", "variables", "server", "expected"),
    [
        ("", {}, "", False),
        ("", {"WANDB_API_KEY": "a" * 40}, "", True),
        ("machine api.wandb.ai login user password " + "a" * 40, {}, "", True),
        ("machine elsewhere login user password " + "a" * 40, {}, "", False),
        ("machine [ nonsense", {"WANDB_BASE_URL": "http://127.0.0.1:9/"}, "http://127.0.0.1:9", False),
        (f"machine {LOCAL} login user password x", {"WANDB_BASE_URL": f"http://{LOCAL}"}, f"http://{LOCAL}", True),
        ("machine api.wandb.ai login user password x", {"WANDB_BASE_URL": f"http://{LOCAL}"}, f"http://{LOCAL}", False),
    ],
)  # fmt: skip
def test_a_key_is_found_where_wandb_finds_it(tmp_path, command_environment, netrc, variables, server, expected):
    (tmp_path / ".netrc").write_text(netrc)
    (tmp_path / ".netrc").chmod(0o600)
    ours = ("WANDB_API_KEY", "WANDB_BASE_URL", "NETRC")
    environment = {name: value for name, value in command_environment.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, "-c", CODE, server, str(expected)],
        env={**environment, "HOME": str(tmp_path), **variables}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
