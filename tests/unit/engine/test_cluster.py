"""Jobs that left no result are failed jobs like any other, and the jobs behind them are waited for."""

import os
from pathlib import Path

import pytest

from latentman.engine.launchers import ClusterError, _plain, cluster_jobs_told

submitit = pytest.importorskip("submitit")
from hydra.core.utils import JobStatus  # noqa: E402


def work(overrides: list[str], _: str, number: int) -> str:
    """What a job of these tests does, by its number."""
    if number == 0:
        os._exit(9)
    if number == 1:
        raise ValueError("no such thing")
    return f"result of {number}"


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return the plugin's way to launch, with processes of this machine for the cluster's jobs."""
    monkeypatch.setattr(submitit.LocalJob, "_results_timeout_s", 0)
    executor = submitit.LocalExecutor(tmp_path)

    def original(launcher, job_overrides, initial_job_idx):
        jobs = [executor.submit(work, o, "key", initial_job_idx + i) for i, o in enumerate(job_overrides)]
        return [job.results()[0] for job in jobs]

    return _plain(original)


# submitit leaves its processes and files to the end of the program.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_sweep_waits_for_all_jobs_and_tells_of_each_that_died(launch) -> None:
    killed, raised, good = launch(None, [["seed=0"], ["seed=1"], ["seed=2"]], 0)
    assert good == "result of 2"
    assert [killed.status, raised.status] == [JobStatus.FAILED] * 2
    assert (killed.overrides, raised.overrides) == (["seed=0"], ["seed=1"])
    assert isinstance(killed._return_value, ClusterError)
    assert "job 0 of the sweep (seed=0)" in str(killed._return_value)
    assert "without a result" in str(killed._return_value)
    assert "ValueError: no such thing" in str(raised._return_value)
    for result in (killed, raised):
        log = str(result._return_value).rpartition("its log: ")[2]
        assert Path(log).is_file()


def test_a_cluster_that_takes_no_jobs_says_why_in_one_line() -> None:
    def original(*_):
        raise submitit.core.utils.FailedJobError("sbatch: error: x\nsbatch: error: invalid partition specified: y")

    with pytest.raises(ClusterError, match=r"^the cluster did not take the jobs: .*invalid partition specified: y$"):
        _plain(original)(None, [["seed=0"]], 0)


def test_the_launcher_is_itself_again_afterwards() -> None:
    plugin = pytest.importorskip("hydra_plugins.hydra_submitit_launcher.submitit_launcher")
    before = plugin.BaseSubmititLauncher.launch
    with cluster_jobs_told():
        assert plugin.BaseSubmititLauncher.launch is not before
    assert plugin.BaseSubmititLauncher.launch is before
