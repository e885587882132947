"""How often one participant or one address may ask: token buckets, far above what people can do."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_KEYS = 20_000
"""Buckets that are kept; beyond that, the ones that are full again are forgotten, then the oldest."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``burst`` requests at once and ``rate`` a second in the long run."""

    rate: float
    burst: int


ADDRESS = Limit(rate=1000, burst=5000)
"""All requests of one address. A room of 300 people behind one router makes about 300 a second."""

BEGIN = Limit(rate=2, burst=300)
"""New participants from one address. Many begin at once when a session starts."""

PARTICIPANT = Limit(rate=5, burst=50)
"""Requests of one participant. A pair cannot be answered before both of its videos have run."""


class RateLimit:
    """One bucket of tokens for each key; safe to use from several threads."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        self._limit = limit
        self._clock = clock
        self._max_keys = max_keys
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_s(self, key: str) -> float:
        """Take a token and return 0, or take none and return after how many seconds there will be one."""
        with self._lock:
            now = self._clock()
            tokens = self._tokens(key, now)
            if tokens < 1:
                return (1 - tokens) / self._limit.rate
            self._buckets.pop(key, None)  # the oldest come first
            if len(self._buckets) >= self._max_keys:
                self._forget(now)
            self._buckets[key] = (tokens - 1, now)
            return 0.0

    def __len__(self) -> int:
        return len(self._buckets)

    def _tokens(self, key: str, now: float) -> float:
        tokens, since = self._buckets.get(key, (float(self._limit.burst), now))
        return min(float(self._limit.burst), tokens + (now - since) * self._limit.rate)

    def _forget(self, now: float) -> None:
        full = [key for key in self._buckets if self._tokens(key, now) >= self._limit.burst]
        for key in full or list(self._buckets)[: self._max_keys // 10 or 1]:
            del self._buckets[key]


def address_key(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 network that a provider gives one IPv6 user."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
