"""``latentman run``: what a sweep leaves and prints, with jobs that fail before their first stage; and Ctrl-C."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from latentman.cli import main
from latentman.errors import RecordError
from latentman.system.locks import locked

FAILING = ["run", "-m", "seed=4,5", "setup.model=/nowhere"]


@pytest.fixture
def command(capsys):
    def run(*arguments):
        status = main(list(arguments))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_a_new_sweep_has_one_folder_with_its_plan_and_all_jobs(command, tmp_path):
    status, _, err = command(*FAILING, "paths.runs=out")
    assert status == 2
    (folder,) = (tmp_path / "out" / "run").iterdir()
    assert {"sweep.json", "multirun.yaml"} <= {path.name for path in folder.iterdir()}
    assert [path.name[:9] for path in sorted(folder.glob("0*"))] == ["00_seed-4", "01_seed-5"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run"]
    assert f"sweep_dir={folder}" not in err


def test_every_failed_job_is_in_the_closing_table_with_its_error(command):
    _, out, err = command(*FAILING, "sweep_dir=out/y")
    assert out.count("WeightsError: setup.model=/nowhere") >= 2
    assert out.splitlines()[-1] == "2 jobs: 2 failed"
    assert err.count("error: ") == 1


@pytest.mark.slow
def test_batches_of_jobs_continue_after_one_that_failed(command):
    _, out, _ = command(*FAILING, "sweep_dir=out/y", "hydra.sweeper.max_batch_size=1")
    assert out.splitlines()[-1] == "2 jobs: 2 failed"


def test_a_failed_job_is_recorded_in_its_folder(command, tmp_path):
    command(*FAILING, "sweep_dir=out/y")
    status = json.loads((tmp_path / "out/y/01_seed-5_setup.model--nowhere/status.json").read_text())
    assert (status["state"], status["kind"], status["swept"]["seed"]) == ("failed", "run", "5")
    assert status["error"]["class"] == "WeightsError"


def test_a_job_of_another_process_is_left_alone_and_the_sweep_is_not_done(command, tmp_path):
    command(*FAILING, "sweep_dir=out/y")
    with locked(tmp_path / "out/y/00_seed-4_setup.model--nowhere"):
        status, _, err = command("run", "-m", "seed=4", "setup.model=/nowhere", "sweep_dir=out/y")
    assert status == 1
    assert "0 of 1 jobs are done, 1 running in other processes and left alone; 0 to run" in err


def test_only_the_jobs_that_are_left_are_launched(command, tmp_path):
    command(*FAILING, "sweep_dir=out/y")
    with locked(tmp_path / "out/y/01_seed-5_setup.model--nowhere"):
        _, out, err = command(*FAILING, "sweep_dir=out/y")
    assert "1 running in other processes and left alone; 1 to run" in err
    assert "in job 0 of the sweep" in err
    assert "another process is working" not in out + err


def test_a_folder_of_something_else_is_refused_and_left_alone(command, tmp_path):
    (tmp_path / "out/y").mkdir(parents=True)
    (tmp_path / "out/y/chapter1.tex").touch()
    status, _, err = command(*FAILING, "sweep_dir=out/y")
    assert status == 2
    assert "not from a sweep, such as chapter1.tex" in err
    assert [path.name for path in (tmp_path / "out/y").iterdir()] == ["chapter1.tex"]


@pytest.mark.parametrize(
    ("axis", "reason"),
    [
        ("name=a,b", "changes no result"),
        ("overwrite=true,false", "applies to the whole sweep"),
        ("paths.runs=choice(a,b)", "serve the whole sweep"),
        ("baseline=choice({},{})", "the whole sweep is compared with it"),
    ],
)
def test_what_cannot_be_swept_is_refused_with_the_reason(command, tmp_path, axis, reason):
    status, _, err = command("run", "-m", axis)
    assert status == 2
    assert "cannot be swept" in err
    assert reason in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_swept_by_an_experiment_is_refused(command, tmp_path):
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "mine.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper: {params: {sweep_dir: 'a,b'}}\n"
    )
    status, _, err = command("run", "--config-dir", str(tmp_path), "+exp=mine")
    assert status == 2
    assert "sweep_dir=a,b: sweep_dir cannot be swept: it names the folder of the whole sweep" in err


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [("+exp=ablaton", "did you mean 'ablation'?"), ("prompts=paper11", "did you mean 'paper10'?")],
)
def test_an_unknown_experiment_or_set_of_prompts_is_named_with_the_nearest(command, wrong, hint):
    status, _, err = command("run", "-m", wrong)
    assert status == 2
    assert hint in err


@pytest.mark.parametrize("arguments", [["absent"], ["--every", "0", "."], []])
def test_watching_nothing_is_reported_as_a_mistake(command, arguments):
    try:
        status, _, err = command("report", "watch", *arguments)
    except SystemExit as end:
        status, err = end.code, ""
    assert status == 2
    assert "Traceback" not in err


@pytest.mark.slow
def test_watch_prints_the_table(command, tmp_path):
    command(*FAILING, "sweep_dir=out/y")
    status, out, _ = command("report", "watch", str(Path("out/y")), "--once")
    assert status == 0
    assert "2 jobs: 2 failed" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["run_dir=out/x"], "the same command continues"),
        (["-m", "pwg=none", "seed=0,1", "paths.runs=out"], "the same command with sweep_dir="),
    ],
    ids=["run", "sweep"],
)
def test_interrupted_run_says_how_to_continue(
    arguments: list[str], advice: str, command_environment: dict[str, str], tmp_path: Path
) -> None:
    call = [sys.executable, "-m", "latentman.run", "num_frames=2", "num_inference_steps=200", *arguments]
    process = subprocess.Popen(
        call,
        env=command_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets background processes ignore Ctrl-C, and their children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("out/**/motion.npz")) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert advice in errors


@pytest.mark.slow
def test_the_process_is_left_as_it_was(command):
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.plugins import Plugins
    from hydra.core.utils import JobReturn

    classes = [JobReturn, Plugins]
    if importlib.util.find_spec("submitit"):
        classes.append(importlib.import_module("submitit").Job)

    def state():
        return [dict(vars(one)) for one in classes], list(sys.argv), dict(os.environ), HydraConfig.initialized()

    before = state()
    command(*FAILING, "sweep_dir=out/y")
    assert state() == before


def test_another_tree_is_checked_like_ours(command, tmp_path, checkout):
    import shutil

    tree = shutil.copytree(checkout / "conf", tmp_path / "conf")
    status, _, err = command("run", "--config-path", str(tree), "num_frame=3")
    assert status == 2
    assert "did you mean 'num_frames'?" in err


def test_a_launcher_that_loses_its_jobs_is_reported_in_one_line(command, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    from latentman.engine.launch import _launcher_errors

    with pytest.raises(RecordError, match=r"^the launcher lost its jobs: a worker was killed$"), _launcher_errors():
        raise TerminatedWorkerError("a worker was killed\nand more")
    with pytest.raises(ValueError, match="a defect"), _launcher_errors():
        raise ValueError("a defect")
