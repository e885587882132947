"""A running SLURM cluster and real runs on it: `make test-slurm` starts one for these tests."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE_S = 900
SHORT = ["setup=mini_fast", "num_frames=2", "threads=1"]
STEPS = 12  # of the runs that are interrupted: long enough to interrupt them in the middle
INTERRUPTED = [*SHORT, f"num_inference_steps={STEPS}"]


def why_not() -> str | None:
    """Return why there is no cluster to test with, or None if there is one."""
    if not os.environ.get("SLURM_CONF") or shutil.which("scontrol") is None:
        return "no SLURM cluster: make test-slurm starts one"
    ping = subprocess.run(["scontrol", "ping"], capture_output=True, text=True, timeout=20)
    return None if " is UP" in ping.stdout else f"the SLURM controller does not answer: {ping.stdout.strip()}"


@pytest.fixture(autouse=True, scope="session")
def _a_cluster_answers() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Return an environment in which jobs import this checkout's latentman."""
    paths = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


class Sweep:
    """A sweep that a launcher in its own process has submitted to the cluster."""

    def __init__(self, folder: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self.folder = folder
        call = [sys.executable, "-m", "latentman.run", "-m", *arguments, "hydra/launcher=slurm_local"]
        self.process = subprocess.Popen(
            [*call, f"sweep_dir={folder}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> tuple[int, str]:
        """Wait for the launcher to end, and return its exit status and everything that it printed."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out + err

    def until(self, condition: Callable[[], object], what: str) -> None:
        wait_for(condition, what, lambda: self.process.poll() is None)

    @property
    def array(self) -> int:
        """The queue's id of the job array, or of the only job, that the launcher submitted last."""
        return max(int(path.name) for path in (self.folder / ".submitit").iterdir() if path.name.isdigit())

    def queue_id(self, place: int | None = None) -> str:
        """Return the queue's own id of a task of the array, or of the only job."""
        name = str(self.array) if place is None else f"{self.array}_{place}"
        return ask("squeue", "--noheader", "--jobs", name, "--format", "%A")

    def job(self, number: int) -> Path:
        return next(self.folder.glob(f"{number:02d}*"))

    def state(self, number: int) -> str:
        return read(self.job(number) / "status.json")["state"]

    def is_denoising(self, number: int) -> bool:
        return bool(list(self.folder.glob(f"{number:02d}*/latents/state.safetensors")))


@pytest.fixture
def send(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    """Return a function that submits a sweep to the cluster; launchers that are still running at the end are killed."""
    sweeps = []

    def start(*arguments: str, folder: str = "sweep") -> Sweep:
        sweeps.append(Sweep(tmp_path / folder, list(arguments), environment))
        return sweeps[-1]

    yield start
    for sweep in sweeps:
        if sweep.process.poll() is None:
            sweep.process.kill()
            sweep.process.communicate()
    subprocess.run(["scancel", "--user", "root"], check=False, timeout=20)
    wait_for(lambda: not ask("squeue", "--noheader"), "an empty queue")


@pytest.fixture(scope="session")
def run_alone(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Callable[..., Path]:
    """Return a function that makes a run without a queue and without interruption, and returns its folder."""

    def make(*arguments: str) -> Path:
        folder = tmp_path_factory.mktemp("alone") / "run"
        call = [sys.executable, "-m", "latentman.run", *arguments, f"run_dir={folder}"]
        subprocess.run(call, env=environment, check=True, capture_output=True, timeout=PATIENCE_S)
        return folder

    return make


@pytest.fixture(scope="session")
def uninterrupted(run_alone: Callable[..., Path]) -> Path:
    """Return the folder of the run that the interrupted runs with seed 1 must equal."""
    return run_alone(*INTERRUPTED, "seed=1")


def wait_for(condition: Callable[[], object], what: str, is_alive: Callable[[], bool] = lambda: True) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert is_alive(), f"the launcher ended before there was {what}"
        assert time.monotonic() < deadline, f"{what} did not appear in {PATIENCE_S} s"
        time.sleep(0.2)


def ask(*command: str) -> str:
    """Return the output of a SLURM command."""
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


def accounting(number: object, columns: str) -> list[list[str]]:
    """Return the accounting of a job, including repeated starts: one row per task."""
    table = ask("sacct", "--noheader", "--parsable2", "-X", "--duplicates", "-j", str(number), "-o", columns)
    return [line.split("|") for line in table.splitlines()]


def processes(queue_id: str) -> list[int]:
    """Return the ids of a job's processes that run our program."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, variables = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:  # it has just ended
            continue
        if command.startswith(sys.executable.encode()) and f"SLURM_JOB_ID={queue_id}".encode() in variables.split(
            b"\0"
        ):
            found.append(int(folder.name))
    return found


def restarts(queue_id: str) -> int:
    """Return how often the queue has restarted a job."""
    return int(re.search(r"Restarts=(\d+)", ask("scontrol", "show", "job", queue_id))[1])


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def result_bytes(folder: Path) -> dict[str, object]:
    """Return everything of a run that must not depend on when, where or in how many parts it was made."""
    names = ["motion.npz", "conditions.npz", "latents.safetensors", "video.mp4", "correspondence.mp4"]
    files = [folder / name for name in names] + sorted((folder / "frames").iterdir())
    costs = ("seconds_", "peak_memory_bytes")
    metrics = {k: v for k, v in read(folder / "metrics.json").items() if not k.startswith(costs)}
    return {"metrics": metrics, **{str(path.relative_to(folder)): path.read_bytes() for path in files}}
