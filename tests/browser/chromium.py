"""Headless Chromium: a page's HTML after its scripts ran, and a browser that tests click, press and read in."""

from __future__ import annotations

import base64
import json
import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="no Chromium in PATH (apt-get install chromium)")

COMMON_FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip
FLAGS = [*COMMON_FLAGS, "--enable-logging=stderr", "--virtual-time-budget=5000"]

PATIENCE_S = 60
"""How long a page may take over anything on a busy machine."""

KEYS = {
    " ": ("Space", 32), "Enter": ("Enter", 13), "Escape": ("Escape", 27), "Tab": ("Tab", 9), "Home": ("Home", 36),
    "End": ("End", 35), "ArrowLeft": ("ArrowLeft", 37), "ArrowUp": ("ArrowUp", 38), "ArrowRight": ("ArrowRight", 39),
    "ArrowDown": ("ArrowDown", 40), "PageUp": ("PageUp", 33), "PageDown": ("PageDown", 34),
}  # fmt: skip
"""Code and number of the keys that are no letters."""

TEXTS = {" ": " ", "Enter": "\r"}
"""What such a key types."""


def open_page(address, profile, *flags):
    """Return the page's HTML after its scripts ran, and the lines of its console."""
    command = [PROGRAM, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, re.findall(r"^.*CONSOLE.*$", done.stderr, re.MULTILINE)


class Browser:
    """One page of a headless Chromium, driven over its DevTools pipe with real key presses and clicks.

    ::

        with Browser(tmp_path / "profile") as page:
            page.open(path.as_uri())
            page.click("#play")
            page.wait("document.body.dataset.frame === '3'")
            assert page.console == [] and page.requests == [path.as_uri()]
    """

    def __init__(self, profile, *flags):
        self._console, self._requests = [], []
        self._number, self._unread = 0, b""
        to_child, self._to = os.pipe()
        self._from, from_child = os.pipe()
        arguments = [*COMMON_FLAGS, f"--user-data-dir={profile}", *flags, "--remote-debugging-pipe", "about:blank"]
        # DevTools reads commands from file 3 and answers in file 4. In two moves: one of ours may be 3 or 4 itself.
        shell = f'exec 8<&{to_child} 9>&{from_child}; exec 3<&8 4>&9 8<&- 9>&-; exec "$0" "$@"'
        self._log = Path(profile).with_suffix(".log").open("wb")
        self._process = subprocess.Popen(
            ["bash", "-c", shell, PROGRAM, *arguments], pass_fds=(to_child, from_child), stderr=self._log
        )
        os.close(to_child)
        os.close(from_child)
        self._session = None
        pages = self._call("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the browser."""
        try:
            self._session = None
            self._call("Browser.close")
        except (OSError, AssertionError):
            self._process.kill()
        finally:
            os.close(self._to)
            os.close(self._from)
            self._log.close()
            self._process.wait(PATIENCE_S)

    @property
    def console(self):
        """The messages and uncaught errors of all pages opened so far."""
        self.evaluate("1")  # what has happened comes before the answer
        return self._console

    @property
    def requests(self):
        """Every address that the pages asked for; ``data:`` and ``blob:``, which stay inside a page, are left out."""
        self.evaluate("1")
        return self._requests

    def open(self, address):
        """Go to an address and wait until it has loaded."""
        for place in ("about:blank", address):  # the same page with another fragment would not be loaded again
            self._call("Page.navigate", url=place)
            self.wait(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(place[:5])})")

    def evaluate(self, script):
        """Return the value of an expression in the page, awaited if it is a promise."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{script}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait(self, condition, patience_s=PATIENCE_S):
        """Wait until an expression holds in the page, and return its value."""
        until = time.monotonic() + patience_s
        while not (value := self._try(condition)):
            assert time.monotonic() < until, f"waited {patience_s} s in vain for: {condition}"
            time.sleep(0.03)
        return value

    def press(self, key):
        """Press and release a key, such as ``a``, ``Enter``, ``ArrowLeft`` or ``" "``."""
        code, number = KEYS.get(key) or (f"Key{key.upper()}" if key.isalpha() else "", ord(key.upper()))
        about = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        typed = TEXTS.get(key) or (key if len(key) == 1 else "")
        self._call("Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", text=typed, **about)
        self._call("Input.dispatchKeyEvent", type="keyUp", **about)

    def click(self, selector):
        """Press the mouse in the middle of the first element of a CSS selector; it must be in sight and not covered."""
        place = f"document.querySelector({json.dumps(selector)})"
        found = self.evaluate(
            f"""(() => {{ const e = {place}; if (!e) return null; e.scrollIntoView({{block: "center"}});
            const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
            const top = document.elementFromPoint(x, y); return [x, y, !!top && (e.contains(top) || top.contains(e))];
            }})()"""
        )
        assert found is not None, f"no element {selector}"
        assert found[2], f"{selector} cannot be clicked: out of sight or covered"
        self.mouse("mouseMoved", *found[:2])
        self.mouse("mousePressed", *found[:2])
        self.mouse("mouseReleased", *found[:2])

    def mouse(self, kind, x, y):
        """Send ``mouseMoved``, ``mousePressed`` or ``mouseReleased`` at a place of the window."""
        held = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
        self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **held)

    def set(self, selector, value):
        """Give a field, range or list a value, as a user who types or chooses it."""
        self.evaluate(
            f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus();
            if (e.type === "checkbox") e.checked = {json.dumps(value)}; else e.value = {json.dumps(value)};
            for (const kind of ["input", "change"]) e.dispatchEvent(new Event(kind, {{bubbles: true}})); }})()"""
        )

    def view(self, width, height=900, *, dark=False, still=False):
        """Set the size of the window, the colour scheme, and whether little motion is wished for."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        wishes = {"prefers-color-scheme": "dark" if dark else "light"}
        wishes["prefers-reduced-motion"] = "reduce" if still else "no-preference"
        self._call("Emulation.setEmulatedMedia", features=[{"name": k, "value": v} for k, v in wishes.items()])

    def screenshot(self, path):
        """Write what the window shows as a PNG."""
        data = self._call("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def _try(self, script):
        """Return an expression's value; None while the page is changing."""
        answer = self._call("Runtime.evaluate", refuse=False, expression=script, returnByValue=True, awaitPromise=True)
        return None if "exceptionDetails" in answer else answer.get("result", {}).get("value")

    def _call(self, method, *, refuse=True, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read(method)
            if answer.get("id") == self._number:
                assert not refuse or "error" not in answer, f"{method}: {answer['error']}"
                return answer.get("result", {})
            self._note(answer)

    def _read(self, method):
        until = time.monotonic() + 2 * PATIENCE_S
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            data = os.read(self._from, 1 << 20) if ready else b""
            assert data, f"Chromium gave no answer to {method}; see {self._log.name}"
            self._unread += data
        message, self._unread = self._unread.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        """Keep what an unasked message reports of the console and of requests."""
        about = event.get("params", {})
        if event.get("method") == "Runtime.consoleAPICalled":
            words = [str(value.get("value", value.get("description"))) for value in about["args"]]
            self._console.append(f"{about['type']}: {' '.join(words)}")
        elif event.get("method") == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self._console.append(f"uncaught: {details.get('exception', {}).get('description', details['text'])}")
        elif event.get("method") == "Log.entryAdded":
            self._console.append(f"{about['entry']['level']}: {about['entry']['text']}")
        elif event.get("method") == "Network.requestWillBeSent":
            address = about["request"]["url"]
            if not address.startswith(("data:", "blob:", "about:")):
                self._requests.append(address)
