"""Whether a W&B server can be used: is there a key, and does the server answer.

Both are checked before the client is used: it would prompt for a key on a terminal, and it retries for many seconds
even if a connection is refused at once.
"""

from __future__ import annotations

import netrc
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

PUBLIC_SERVER = "https://api.wandb.ai"
"""The public server's original name; later versions of W&B use another and still read keys under this one."""

CONNECT_TIMEOUT = 3.0


def server_address() -> str:
    """Return the server's address: $WANDB_BASE_URL, the address from ``wandb login --host``, or the public server."""
    import wandb

    named = os.environ.get("WANDB_BASE_URL") or getattr(wandb.setup().settings, "base_url", None)
    return str(named or PUBLIC_SERVER).rstrip("/")


def has_key(server: str) -> bool:
    """Return whether W&B will find credentials for this server, in the environment, a netrc file or its settings."""
    import wandb

    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    if getattr(wandb.setup().settings, "api_key", None):
        return True
    return any(_in_netrc(path, server) for path in _netrc_files())


def _netrc_files() -> list[Path]:
    named = os.environ.get("NETRC")
    return [Path(named).expanduser()] if named else [Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()]


def _in_netrc(path: Path, server: str) -> bool:
    hosts = {urlsplit(server).netloc}
    if not os.environ.get("WANDB_BASE_URL"):
        hosts.add(urlsplit(PUBLIC_SERVER).netloc)
    try:
        entries = netrc.netrc(path)
    except (OSError, netrc.NetrcParseError):
        return False
    return any(host in entries.hosts for host in hosts)


def why_unreachable(server: str, timeout: float = CONNECT_TIMEOUT) -> str | None:
    """Return why the server, or the proxy on the way to it, does not answer; None if it answers."""
    target = urlsplit(server)
    proxies = {} if proxy_bypass(target.hostname or "") else getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all")
    first = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else target
    try:
        port = first.port or (443 if first.scheme == "https" else 80)
        with socket.create_connection((first.hostname or "", port), timeout):
            return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return f"{first.hostname} does not answer ({reason})"
