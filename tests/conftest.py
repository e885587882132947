"""What every test starts from: one thread, no network, and a working directory that may be written to."""

import atexit
import gc
import os
import shutil
import tempfile
from pathlib import Path

# Before any test imports torch, a hub client or a tracker.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", WANDB_MODE="offline")
os.environ["LATENTMAN_CACHE"] = tempfile.mkdtemp(prefix="latentman-test-cache-")
atexit.register(shutil.rmtree, os.environ["LATENTMAN_CACHE"], ignore_errors=True)
os.environ.update(MPLBACKEND="Agg", WANDB_SILENT="true")
for variable in ("HYDRA_FULL_ERROR", "LATENTMAN_WEIGHTS", "CUDA_VISIBLE_DEVICES"):
    os.environ.pop(variable, None)

import hypothesis
import pytest
import torch

torch.set_num_threads(1)
# The same examples in every run, and no deadline: the machine may be busy with something else.
hypothesis.settings.register_profile("latentman", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("latentman")

RUNS = "tests/integration/"
CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _work_in_a_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let relative paths lead to a folder of the test's own, never into the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def checkout() -> Path:
    """Return the root of the repository."""
    return CHECKOUT


@pytest.fixture
def command_environment() -> dict[str, str]:
    """Return the environment in which a subprocess finds this latentman from any directory."""
    paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give the files of whole runs to one worker: it takes seconds to start the process that they are forked from."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class RunsTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return RUNS if file.startswith(RUNS) else file

    return RunsTogether(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what is imported and collected by now out of every later garbage collection: half the time of composing."""
    gc.collect()
    gc.freeze()
