"""Which names a request may use for this server: the defence against DNS rebinding and against foreign pages.

A page of another site can point its own name at this machine and then read and answer the study as if it were the
study's page. Such a request carries the foreign name in ``Host`` and, where a browser sends one, in ``Origin``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from latentman.errors import ConfigError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The names under which a server may be addressed.

    Attributes:
        host: the host that it was started for.
        port: the port that it listens on.
        names: further names, such as the one of a web server that passes requests on; with any port.
    """

    host: str
    port: int
    names: frozenset[str] = frozenset()

    def host_header(self, value: str) -> bool:
        """Return whether a ``Host`` header names this server.

        Loopback names are allowed with any port, since a tunnel may change it. A server for all addresses of the
        machine (``0.0.0.0``, ``::``) is allowed under every IP address: a browser that sends an address has connected
        to it, without asking a name server.
        """
        split = _host_and_port(value)
        if split is None:
            return False
        host, port = split
        if host in LOOPBACK_NAMES or host in self.names:
            return True
        if port != self.port:
            return False
        return host == self.host.lower() or (_is_address(host) and _is_wildcard(self.host))

    def origin_header(self, value: str, host_header: str) -> bool:
        """Return whether an ``Origin`` header is from a page of this server that was loaded under an allowed name."""
        scheme, _, authority = value.partition("://")
        if scheme not in ("http", "https") or _host_and_port(authority) is None:
            return False
        if authority.lower() == host_header.lower():
            return True
        host, port = _host_and_port(authority) or ("", None)
        if host in self.names:
            return True
        return port == self.port and host in {*LOOPBACK_NAMES, self.host.lower()}


def checked_names(names: Collection[str]) -> frozenset[str]:
    """Return names of hosts in lower case.

    Raises:
        ConfigError: for what is not the name of a host alone, such as an address with a path.
    """
    for name in names:
        if not (_HOST_NAME.fullmatch(name) or _is_address(name.strip("[]"))):
            raise ConfigError(
                f"--name {name} is not the name of a host: give it without port and path, as study.example"
            )
    return frozenset(name.lower().strip("[]") for name in names)


def _host_and_port(authority: str) -> tuple[str, int] | None:
    """Return the host and port (80 if there is none) of a ``Host`` header; None if it is malformed."""
    if not authority or not authority.isascii() or any(c in authority for c in "/?#@\\, \t%"):
        return None
    try:
        split = urlsplit(f"//{authority}")
        return (split.hostname, 80 if split.port is None else split.port) if split.hostname else None
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_wildcard(host: str) -> bool:
    return host == "" or (_is_address(host) and ipaddress.ip_address(host).is_unspecified)


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
