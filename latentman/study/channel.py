"""Waitress's connections as a study needs them: refusals with our headers, and a limit on the time of a request."""

from __future__ import annotations

import json
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from latentman.study.headers import HEADERS

REQUEST_S = 30
"""A request must have arrived whole within this time; a byte now and then does not extend it."""


class RefusalTask(ErrorTask):
    """What Waitress refuses by itself (malformed or oversized requests), as JSON and with the security headers."""

    def execute(self) -> None:
        """Send the refusal and close the connection."""
        error = self.request.error
        body = json.dumps({"error": error.reason.lower()}).encode()
        self.status = f"{error.code} {error.reason}"
        headers = {**HEADERS, "Content-Type": "application/json", "Cache-Control": "no-store"}
        self.response_headers.extend(headers.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class StudyChannel(HTTPChannel):
    """One connection. Waitress's ``channel_timeout`` closes silent ones; this also closes those that dribble."""

    error_task_class = RefusalTask
    _request_since: float | None = None

    def received(self, data: bytes) -> Any:
        """Take what came, and close the connection if its request takes longer than ``REQUEST_S``."""
        taken = super().received(data)
        if self.request is None:
            self._request_since = None
        elif self._request_since is None:
            self._request_since = time.monotonic()
        elif time.monotonic() - self._request_since > REQUEST_S:
            self.will_close = True
        return taken
