"""Requests under foreign names are refused, whatever a name server says of this machine's address."""

import pytest

from latentman.errors import ConfigError
from latentman.study.origin import Allowed, checked_names, is_loopback

LOCAL = Allowed("127.0.0.1", 8000)
LAB = Allowed("0.0.0.0", 8000, frozenset({"study.example"}))


@pytest.mark.parametrize(
    ("allowed", "host", "expected"),
    [
        (LOCAL, "127.0.0.1:8000", True),
        (LOCAL, "localhost:8000", True),
        (LOCAL, "LOCALHOST", True),
        (LOCAL, "localhost:9000", True),
        (LOCAL, "[::1]:8000", True),
        (LOCAL, "evil.example", False),
        (LOCAL, "evil.example:8000", False),
        (LOCAL, "localhost.evil.example:8000", False),
        (LOCAL, "127.0.0.1.evil.example", False),
        (LOCAL, "192.168.1.4:8000", False),
        (LOCAL, "", False),
        (LOCAL, "127.0.0.1:8000, evil.example", False),
        (LOCAL, "evil.example@127.0.0.1:8000", False),
        (LOCAL, "127.0.0.1:8000/evil", False),
        (LOCAL, "127.0.0.1:port", False),
        (LOCAL, "[::1", False),
        (LOCAL, "study.example", False),
        (Allowed("192.168.1.4", 8000), "192.168.1.4:8000", True),
        (Allowed("192.168.1.4", 8000), "192.168.1.4:9000", False),
        (Allowed("192.168.1.4", 80), "192.168.1.4", True),
        (Allowed("Lab-7.local", 8000), "lab-7.local:8000", True),
        (LAB, "192.168.1.4:8000", True),
        (LAB, "192.168.1.4:9000", False),
        (LAB, "lab-7.local:8000", False),
        (LAB, "study.example", True),
        (LAB, "Study.Example:443", True),
        (Allowed("::", 8000), "[2001:db8::7]:8000", True),
    ],
)
def test_host_headers(allowed, host, expected):
    assert allowed.host_header(host) is expected


@pytest.mark.parametrize(
    ("allowed", "origin", "host", "expected"),
    [
        (LOCAL, "http://127.0.0.1:8000", "127.0.0.1:8000", True),
        (LOCAL, "http://localhost:8000", "127.0.0.1:8000", True),
        (LOCAL, "http://[::1]:8000", "127.0.0.1:8000", True),
        (LOCAL, "http://localhost:9000", "localhost:9000", True),
        (LOCAL, "http://localhost:3000", "127.0.0.1:8000", False),
        (LOCAL, "http://evil.example", "127.0.0.1:8000", False),
        (LOCAL, "http://evil.example:8000", "127.0.0.1:8000", False),
        (LOCAL, "null", "127.0.0.1:8000", False),
        (LOCAL, "", "127.0.0.1:8000", False),
        (LOCAL, "file://127.0.0.1:8000", "127.0.0.1:8000", False),
        (LOCAL, "http://127.0.0.1:8000/path", "127.0.0.1:8000", False),
        (LAB, "https://study.example", "127.0.0.1:8000", True),
        (LAB, "https://other.example", "127.0.0.1:8000", False),
        (LAB, "http://192.168.1.4:8000", "192.168.1.4:8000", True),
    ],
)
def test_origin_headers(allowed, origin, host, expected):
    assert allowed.origin_header(origin, host) is expected


def test_names_are_names_of_hosts_alone():
    assert checked_names(["Study.Example", "[::1]", "10.0.0.7"]) == {"study.example", "::1", "10.0.0.7"}
    for name in ("", "http://study.example", "study.example:80", "study.example/x", "a b", "*", "-x"):
        with pytest.raises(ConfigError, match="is not the name of a host: give it without port and path"):
            checked_names([name])


def test_loopback_is_told_from_the_rest():
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.4", "example.org", ""))
