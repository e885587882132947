"""Where runs are made to fail: the victims' process, the folders that they begin in, and what their results must be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.factories.tiny_model import GRID, IMAGE, save_tiny_model

SOURCE = Path(__file__).with_name("faulty.c")
COSTS = ("seconds_", "peak_memory_bytes")
BYTES = ("motion.npz", "body.npz", "conditions.npz", "latents.safetensors", "video.mp4", "correspondence.mp4")
SETTINGS = (f"setup.image_size={IMAGE}", f"setup.latent_size={GRID}", f"pwg.size={IMAGE}", "pwg=none", "num_frames=2",
            "num_inference_steps=4", "threads=1")  # fmt: skip
STARTS = ("start", "continue", "overwrite", "finished", "sweep", "prompts")
"""Where a command begins: in no folder, in an unfinished run, in another run, in a finished run, as a sweep, or as the
job of a set of prompts."""
SEVERAL = {"sweep": "sweep", "prompts": "run"}
"""The folder that holds a folder for each run of a start that makes several."""
ROOMY = 256 * 2**20
"""Bytes of a file system that has room for everything."""


def build_library(folder: Path) -> Path | None:
    """Return the compiled ``faulty.c``; None where there is no C compiler, or no Linux."""
    compiler = next((name for name in ("cc", "gcc", "clang", "c++") if shutil.which(name)), None)
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "faulty.so"
    command = [compiler, *(["-x", "c"] if compiler == "c++" else []), "-shared", "-fPIC", "-O1"]
    done = subprocess.run(
        [*command, "-D_LARGEFILE64_SOURCE", "-o", str(library), str(SOURCE), "-ldl"], capture_output=True, check=False
    )
    return library if done.returncode == 0 else None


@dataclass
class Ended:
    """How a command ended."""

    statuses: list[int]
    output: str
    calls: int
    hung: bool

    @property
    def status(self) -> int:
        return self.statuses[0]

    @property
    def has_traceback(self) -> bool:
        return "Traceback (most recent call last)" in self.output or "Exception ignored" in self.output


class Workplace:
    """A process of victims with a folder of its own."""

    def __init__(self, folder: Path, library: Path, model: Path, starts: Sequence[str] = STARTS) -> None:
        self.folder, self.model = folder, model
        folder.mkdir(parents=True, exist_ok=True)
        self.case = folder / "case"
        environment = {
            **os.environ, "LD_PRELOAD": str(library), "LATENTMAN_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1",
            "COLUMNS": "400", "MPLBACKEND": "Agg", "HF_HUB_OFFLINE": "1",
        }  # fmt: skip
        environment.pop("HYDRA_FULL_ERROR", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.victims", str(library)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self._prepare(starts)

    def close(self) -> None:
        self._unmount()
        self._process.communicate(timeout=60)

    def mount(self, size: int) -> bool:
        """Move the case to a tmpfs with room for some bytes beside what is there; False where that is not allowed."""
        there = sum(path.stat().st_size + 4096 for path in self.case.rglob("*"))
        kept = self.case.with_name("kept")
        shutil.rmtree(kept, ignore_errors=True)
        self.case.rename(kept)
        self.case.mkdir()
        options = f"size={there + size + 4096}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.case)], capture_output=True, check=False
        )
        shutil.copytree(kept, self.case, dirs_exist_ok=True)
        return done.returncode == 0

    def make_room(self) -> None:
        """Give the tmpfs of a case all the room that it needs."""
        subprocess.run(["mount", "-o", f"remount,size={ROOMY}", str(self.case)], check=True)

    def _unmount(self) -> None:
        if self.case.is_mount():
            subprocess.run(["umount", str(self.case)], check=True)

    def ask(self, arguments: list[str], **more: object) -> Ended:
        output = self.folder / "output.txt"
        times = int(str(more.get("times", 1)))
        asked = {"arguments": arguments, "output": str(output), "below": str(self.case), **more}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        texts = [Path(f"{output}{number or ''}").read_text(errors="replace") for number in range(times)]
        return Ended(answer["statuses"], "\n".join(texts), answer.get("calls", -1), answer.get("hung", False))

    def command(self, start: str, *more: str) -> list[str]:
        """Return the command of a start; the same one recovers from its faults."""
        base = ["run", f"setup.model={self.model}", *SETTINGS]
        if start == "sweep":
            return [*base, "-m", "seed=1,2", f"sweep_dir={self.case / 'sweep'}", *more]
        own = ["overwrite=true"] if start == "overwrite" else []
        own += ["prompts=quick3", "prompts.shard=0/2"] if start == "prompts" else []
        return [*base, "seed=1", f"run_dir={self.case / 'run'}", *own, *more]

    def lay_out(self, start: str) -> None:
        """Make the folder in which a start begins."""
        self._unmount()
        shutil.rmtree(self.case, ignore_errors=True)
        self.case.mkdir()
        template = self.folder / "templates" / start
        if template.exists():
            shutil.copytree(template, self.case / "run")

    def results(self, start: str) -> dict[str, object]:
        """Return everything that must not depend on what happened on the way."""
        if start not in ("sweep", "prompts"):
            return result_bytes(self.case / "run")
        jobs = sorted(path.parent for path in (self.case / SEVERAL[start]).glob("*/status.json"))
        return {f"{job.name[:2]}/{name}": data for job in jobs for name, data in result_bytes(job).items()}

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.case.rglob(".partial-*"))

    def _prepare(self, starts: Sequence[str]) -> None:
        """Load the networks, and make the folders and the results that others are compared with."""
        templates = self.folder / "templates"
        shutil.rmtree(templates, ignore_errors=True)
        self.lay_out("start")
        warm = self.ask(self.command("start"), here=True)
        assert warm.status == 0, warm.output
        shutil.copytree(self.case / "run", templates / "finished")
        first = self.results("start")
        self.reference = {start: first for start in STARTS if start not in SEVERAL}
        if {"overwrite", "sweep"} & set(starts):
            self._make_second(templates, first)
        self.calls: dict[str, int] = {}
        for start in starts:
            if start == "continue":
                self._leave_unfinished(templates)
            self.lay_out(start)
            ended = self.ask(self.command(start))
            assert ended.status == 0, ended.output
            if start == "prompts":
                self.reference[start] = self.results(start)
            assert self.results(start) == self.reference[start], start
            self.calls[start] = ended.calls

    def _make_second(self, templates: Path, first: dict[str, object]) -> None:
        """Make the run of another seed, which is overwritten, and is the second job of the sweep."""
        self.lay_out("start")
        other = self.ask([*self.command("start"), "seed=2"])
        assert other.status == 0, other.output
        shutil.copytree(self.case / "run", templates / "overwrite")
        jobs = {"00": first, "01": self.results("start")}
        self.reference["sweep"] = {f"{job}/{name}": data for job, own in jobs.items() for name, data in own.items()}

    def _leave_unfinished(self, templates: Path) -> None:
        """Keep a run that was killed in the middle of denoising."""
        for at in range(60, 400, 6):
            self.lay_out("start")
            self.ask(self.command("start"), fault={"kind": "kill", "at": at})
            if (self.case / "run" / "latents" / "state.safetensors").exists():
                shutil.copytree(self.case / "run", templates / "continue")
                return
        raise AssertionError("no kill left a state of denoising")


def result_bytes(folder: Path) -> dict[str, object]:
    """Return the content of a run's results, the scores without their costs."""
    files = [folder / name for name in BYTES]
    files += sorted(folder.glob("correspondence_*.npz")) + sorted((folder / "frames").glob("*.png"))
    found: dict[str, object] = {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in files
    }
    try:
        scores = json.loads((folder / "metrics.json").read_text())
        found["metrics.json"] = {key: value for key, value in scores.items() if not key.startswith(COSTS)}
    except (OSError, ValueError):
        found["metrics.json"] = None
    return found


def tiny_model(folder: Path) -> Path:
    """Return a small model of random weights, made if it is not there."""
    if not (folder / "tokenizer").exists():
        save_tiny_model(folder)
    return folder
