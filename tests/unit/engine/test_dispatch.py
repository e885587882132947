"""Jobs are handed to Hydra by its own interfaces, and a sweeper of a plugin is asked for its jobs."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus

from latentman.engine import dispatch
from latentman.engine.dispatch import failure, launch, run_one
from latentman.errors import WeightsError

SWEEPER = '''
from dataclasses import dataclass
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.plugins.sweeper import Sweeper

@dataclass
class Conf:
    _target_: str = "hydra_plugins.hydra_nevergrad_sweeper.nevergrad_sweeper.NevergradSweeper"
    start: int = 0

ConfigStore.instance().store(group="hydra/sweeper", name="downhill", node=Conf)

class NevergradSweeper(Sweeper):
    """Two jobs, one after the other, whatever comes of the first."""
    def __init__(self, start):
        self.start = start

    def setup(self, *, hydra_context, task_function, config):
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments):
        for number in range(2):
            (result,) = self.launcher.launch([[*arguments, f"seed={self.start + number}"]], initial_job_idx=number)
            print("the sweeper sees", result.status.name, type(result._return_value).__name__)
        if self.start == 9:
            raise result._return_value
'''


@pytest.fixture
def with_sweeper(tmp_path: Path, command_environment: dict[str, str]):
    """Return what carries out ``latentman run`` where a package with a sweeper is installed."""
    # It has the name of a sweeper that a configuration may choose.
    package = tmp_path / "site" / "hydra_plugins" / "hydra_nevergrad_sweeper"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "nevergrad_sweeper.py").write_text(SWEEPER)
    paths = f"{tmp_path / 'site'}:{command_environment['PYTHONPATH']}"

    def run(*arguments: str) -> subprocess.CompletedProcess:
        call = [sys.executable, "-m", "latentman", "run", "-m", "hydra/sweeper=downhill", *arguments]
        environment = {**command_environment, "PYTHONPATH": paths}
        return subprocess.run(call, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    return run


@pytest.mark.slow
def test_a_sweeper_of_a_plugin_chooses_and_launches_its_jobs(with_sweeper, tmp_path: Path) -> None:
    done = with_sweeper("hydra.sweeper.start=4", "setup.model=/nowhere", "paths.runs=out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the sweeper sees FAILED WeightsError") == 2
    (folder,) = (tmp_path / "out" / "run").iterdir()
    assert [path.name[:2] for path in sorted(folder.glob("0*"))] == ["00", "01"]
    assert not (folder / "sweep.json").exists()


@pytest.mark.slow
def test_the_error_with_which_a_sweeper_ends_is_reported(with_sweeper) -> None:
    done = with_sweeper("hydra.sweeper.start=9", "setup.model=/nowhere", "sweep_dir=out/x")
    assert done.returncode == 2
    assert "error: setup.model=/nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_fails_raises_its_own_error_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WeightsError, match=r"^setup\.model=/nowhere"):
        run_one(["setup.model=/nowhere", "run_dir=out/x"])
    assert capsys.readouterr().err == ""
    assert not HydraConfig.initialized()


def test_every_job_has_a_result_in_order_and_batches_are_numbered_on(tmp_path: Path) -> None:
    sweep = ["hydra.mode=MULTIRUN", "sweep_dir=out/y", "hydra.sweeper.max_batch_size=2"]
    jobs = [[f"seed={seed}", "setup.model=/nowhere", "sweep_dir=out/y"] for seed in (5, 6, 7)]
    results = list(launch(sweep, jobs))
    assert [result.overrides for result in results] == jobs
    assert all(isinstance(failure(result), WeightsError) for result in results)
    assert [result.hydra_cfg.hydra.job.num for result in results] == [0, 1, 2]
    assert (tmp_path / "out/y/multirun.yaml").is_file()


def test_a_job_that_is_done_has_no_failure() -> None:
    result = JobReturn(status=JobStatus.COMPLETED)
    result.return_value = ValueError("a value like any other")
    assert failure(result) is None


def test_nothing_of_hydra_or_submitit_is_patched() -> None:
    """Assignments to attributes of imported modules and classes are what a patch consists of."""
    import ast

    folder = Path(dispatch.__file__).parent
    for file in sorted(folder.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {
            alias.asname or alias.name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                if isinstance(target, ast.Attribute):
                    owner = target.value
                    while isinstance(owner, ast.Attribute | ast.Call):
                        owner = owner.value if isinstance(owner, ast.Attribute) else owner.func
                    assert not (isinstance(owner, ast.Name) and owner.id in imported), (file.name, target.lineno)
