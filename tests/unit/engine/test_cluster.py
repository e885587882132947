"""Jobs that left no result are failed jobs, the other jobs are waited for, and a refusal is one line.

Submitit's own local executor runs the jobs: each is pickled, run in its own process and read back, as on a cluster.
"""

import os
from pathlib import Path

import pytest

submitit = pytest.importorskip("submitit")
pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
from hydra._internal.callbacks import Callbacks  # noqa: E402
from hydra.core.utils import JobStatus  # noqa: E402
from hydra.types import HydraContext, RunMode  # noqa: E402

from latentman.engine.cluster import ClusterError, SlurmLauncher  # noqa: E402
from latentman.engine.launchers import make_launcher  # noqa: E402
from latentman.engine.loader import composer  # noqa: E402

# submitit leaves its processes and files to the end of the program.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def made(folder: Path, task) -> SlurmLauncher:
    """Return the launcher of our SLURM preset for a sweep in a folder."""
    overrides = ["hydra/launcher=slurm", "hydra.mode=MULTIRUN", f"sweep_dir={folder}"]
    with composer() as loader:
        config = loader.load_configuration("config", overrides, run_mode=RunMode.MULTIRUN)
        launcher = make_launcher(config, HydraContext(loader, Callbacks()), task)
    assert isinstance(launcher, SlurmLauncher)
    return launcher


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_environment: dict[str, str]) -> SlurmLauncher:
    """Return our launcher with processes of this machine in place of a cluster's nodes."""
    monkeypatch.setattr(submitit.LocalJob, "_results_timeout_s", 0)
    monkeypatch.setenv("PYTHONPATH", command_environment["PYTHONPATH"])

    def task(cfg):  # a closure, so that it is pickled by value
        if cfg.seed == 0:
            os._exit(9)
        if cfg.seed == 1:
            raise ValueError("no such thing")
        return float(cfg.seed)

    own = made(tmp_path / "sweep", task)
    own._EXECUTOR = "local"
    return own


def test_a_sweep_waits_for_all_jobs_and_names_each_that_died(launcher: SlurmLauncher) -> None:
    jobs = [["seed=0"], ["seed=1"], ["seed=2"]]
    killed, raised, good = launcher.launch(jobs, initial_job_idx=4)
    assert (good.status, good.return_value, good.hydra_cfg.hydra.job.num) == (JobStatus.COMPLETED, 2.0, 6)
    assert [killed.status, raised.status] == [JobStatus.FAILED] * 2
    assert [result.overrides for result in (killed, raised, good)] == jobs
    assert isinstance(raised._return_value, ValueError)
    assert isinstance(killed._return_value, ClusterError)
    assert "job 4 of the sweep (seed=0)" in str(killed._return_value)
    assert "without a result" in str(killed._return_value)
    assert Path(str(killed._return_value).rpartition("its log: ")[2]).is_file()


def test_jobs_that_the_cluster_refuses_are_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    refusal = (
        "#!/bin/sh\necho 'sbatch: error: x' >&2\necho 'sbatch: error: invalid partition specified: y' >&2\nexit 1\n"
    )
    for name in ("sbatch", "srun"):
        (programs / name).write_text(refusal)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ClusterError, match=r"^the cluster refused the jobs: .*invalid partition specified: y$"):
        made(tmp_path / "sweep", lambda cfg: 0.0).launch([["seed=0"]], 0)


def test_what_is_sent_asks_for_what_the_preset_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin's own launcher and ours hand the same settings to sbatch."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "srun").write_text("#!/bin/sh\n")
    (programs / "sbatch").write_text('#!/bin/sh\ncp "$1" "$KEPT"\nexit 1\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    scripts = []
    ours = made(tmp_path / "sweep", lambda cfg: 0.0)
    for name, launch in (("ours", ours.launch), ("plugin", super(SlurmLauncher, ours).launch)):
        monkeypatch.setenv("KEPT", str(tmp_path / name))
        with pytest.raises((ClusterError, submitit.core.utils.FailedJobError)):
            launch([["seed=0"], ["seed=1"]], 0)
        scripts.append((tmp_path / name).read_text())
    assert "#SBATCH --requeue" in scripts[0]
    assert "#SBATCH --time=240" in scripts[0]
    assert scripts[0] == scripts[1]
