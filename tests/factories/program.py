"""The program in processes that are forked from one which has imported everything, so that each starts at once.

Importing torch and diffusers takes longer than most runs of the tests. What the processes share is imported modules
alone: arguments, folder, environment and output are a process's own, and it can be killed like any other.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.factories.tiny_model import GRID, IMAGE, save_tiny_model

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.factories.program_modules"])
_FOLDER = tempfile.TemporaryDirectory(prefix="latentman-test-programs-")


def tiny_settings(num_frames: int = 3) -> list[str]:
    """Return the settings of a run of a model with random weights, which takes a second, with all stages."""
    model = Path(_FOLDER.name) / "tiny"
    if not model.exists():
        save_tiny_model(model)
    sizes = [f"setup.image_size={IMAGE}", f"setup.latent_size={GRID}", f"pwg.size={IMAGE}"]
    return [f"setup.model={model}", *sizes, f"num_frames={num_frames}", "num_inference_steps=4", "threads=1"]


class Program:
    """``python -m latentman.run ARGUMENTS`` in a process of its own, with the part of ``Popen`` that tests use."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        module: str = "latentman.run",
        first: Callable[[], None] | None = None,
    ) -> None:
        self._texts = [Path(tempfile.mkstemp(dir=_FOLDER.name)[1]) for _ in range(2)]
        given = (module, list(arguments), str(cwd), dict(env or os.environ), [str(text) for text in self._texts], first)
        self._process = _CONTEXT.Process(target=_carry_out, args=given)
        self._process.start()
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float = 280) -> tuple[str, str]:
        """Wait for the end and return standard output and error."""
        self._process.join(timeout)
        if self.returncode is None:
            self._process.kill()
            raise subprocess.TimeoutExpired("latentman", timeout)
        out, err = (text.read_text(encoding="utf-8", errors="replace") for text in self._texts)
        return out, err

    def ended(self, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        """Wait for the end and return what ``subprocess.run`` returns."""
        out, err = self.communicate(timeout)
        return subprocess.CompletedProcess(["latentman"], self.returncode or 0, out, err)


def _carry_out(
    module: str, arguments: list[str], cwd: str, env: dict[str, str], texts: list[str], first: Callable[[], None] | None
) -> None:
    for number, text in enumerate(texts, start=1):
        handle = os.open(text, os.O_WRONLY | os.O_TRUNC)
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in env
    sys.argv = [module, *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if first is not None:
        first()
    runpy.run_module(module, run_name="__main__", alter_sys=True)
