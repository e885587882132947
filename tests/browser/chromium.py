"""Headless Chromium: the page after its scripts ran, and what it complained about."""

import re
import shutil
import subprocess

import pytest

PROGRAM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="no Chromium in PATH (apt-get install chromium)")

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
    "--virtual-time-budget=5000",
]  # fmt: skip


def open_page(address, profile, *flags):
    """Return the page's HTML after its scripts ran, and the lines of its console."""
    command = [PROGRAM, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, re.findall(r"^.*CONSOLE.*$", done.stderr, re.MULTILINE)
