"""Sweeps: shared stages, continuation, reports of failed jobs, and being killed at any moment."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.factories.program import Program, tiny_settings

from .conftest import latentman, read_json, result_bytes, short_run

MODEL, *CHEAP = tiny_settings(num_frames=2)
"""The tiny model, and the settings of jobs that take a second each."""
SHARED = ("motion", "body", "render", "correspondence")


def own_cache(folder: Path) -> dict[str, str]:
    return {**os.environ, "LATENTMAN_CACHE": str(folder)}


def runs_below(folder: Path) -> list[Path]:
    return sorted(p.parent for p in folder.rglob("status.json") if read_json(p)["kind"] == "run")


def stages_of(run: Path) -> dict:
    return read_json(run / "status.json")["stages"]


def closing_table(done: subprocess.CompletedProcess) -> list[str]:
    return done.stdout[done.stdout.rindex("job  state") :].splitlines()


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A sweep whose first two jobs fail before their first stage; the other two differ only after the map M."""
    folder = tmp_path_factory.mktemp("sweeps") / "models"
    arguments = [
        *CHEAP,
        "-m",
        f"setup.model=choice(/nowhere,{MODEL.partition('=')[2]})",
        "sla=none,full",
        f"sweep_dir={folder}",
    ]
    cache = own_cache(folder.parent / "cache")
    return folder, arguments, cache, latentman(*arguments, cwd=folder.parent, env=cache, check=False)


@pytest.mark.slow
def test_a_failed_job_does_not_stop_the_others_and_is_reported(sweep):
    folder, _, _, done = sweep
    assert done.returncode == 2
    assert "error: setup.model=/nowhere" in done.stderr
    assert "in job 0 of the sweep" in done.stderr
    assert "Traceback" not in done.stderr
    lines = closing_table(done)
    states = {line.split()[0]: line.split()[1] for line in lines if line.strip()[:1].isdigit() and "jobs:" not in line}
    assert states == {"0": "failed", "1": "failed", "2": "done", "3": "done"}
    assert sum("WeightsError: setup.model=/nowhere" in line for line in lines) == 2
    assert lines[-1] == "4 jobs: 2 done, 2 failed"
    assert read_json(next(folder.glob("00_*")) / "status.json")["state"] == "failed"


def test_the_plan_holds_the_command_and_all_jobs(sweep):
    folder, _, _, _ = sweep
    plan = read_json(folder / "sweep.json")
    assert plan["command"].startswith("latentman run -m setup.image_size=64")
    assert [job["number"] for job in plan["jobs"]] == [0, 1, 2, 3]
    assert {job["folder"] for job in plan["jobs"]} == {path.name for path in folder.glob("0*")}


def test_jobs_share_the_stages_before_their_difference(sweep):
    folder, _, _, _ = sweep
    first, second = runs_below(folder)[-2:]
    for stage in SHARED:
        assert "shared" not in stages_of(first)[stage]
        assert stages_of(second)[stage]["shared"] is True
        assert stages_of(second)[stage]["seconds"] == stages_of(first)[stage]["seconds"]
        assert stages_of(second)[stage]["seconds_fetching"] >= 0
    assert "shared" not in stages_of(second)["denoise"]
    assert (first / "body.npz").read_bytes() == (second / "body.npz").read_bytes()
    assert (first / "body.npz").stat().st_ino != (second / "body.npz").stat().st_ino


def test_a_continued_sweep_runs_only_unfinished_jobs(sweep):
    folder, arguments, cache, _ = sweep
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("0[23]_*/**/*") if path.is_file()}
    again = latentman(*arguments, cwd=folder.parent, env=cache, check=False)
    assert again.returncode == 2
    assert "2 of 4 jobs are done; 2 to run" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    only = [argument.replace("/nowhere,", "") for argument in arguments]
    done = latentman(*only, cwd=folder.parent, env=cache)
    assert "2 of 2 jobs are done; 0 to run" in done.stderr
    assert closing_table(done)[-1] == "4 jobs: 2 done, 2 failed"
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.slow
def test_a_finished_job_that_lost_a_file_is_run_again(sweep, tmp_path):
    folder, arguments, cache, _ = sweep
    copy = shutil.copytree(folder, tmp_path / "copy")
    lost = runs_below(copy)[-1] / "video.mp4"
    before = lost.read_bytes()
    lost.unlink()
    only = [argument.replace("/nowhere,", "").replace(str(folder), str(copy)) for argument in arguments]
    done = latentman(*only, cwd=tmp_path, env=cache)
    assert "1 of 2 jobs are done; 1 to run" in done.stderr
    assert lost.read_bytes() == before


def test_another_sweep_in_its_folder_is_refused(sweep):
    folder, _, _, _ = sweep
    before = (folder / "sweep.json").read_bytes()
    done = latentman(*CHEAP, "-m", "seed=1,2", f"sweep_dir={folder}", cwd=folder.parent, check=False)
    assert done.returncode == 2
    assert "holds another sweep: job 0 is" in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "sweep.json").read_bytes() == before


def test_the_table_of_a_sweep_can_be_printed_at_any_time(sweep):
    folder, _, _, _ = sweep
    done = subprocess.run(
        [sys.executable, "-m", "latentman.report", "watch", str(folder)], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "4 jobs: 2 done, 2 failed" in done.stdout


@pytest.mark.slow
def test_without_the_cache_a_run_has_the_same_bytes(finished, tmp_path):
    short_run(tmp_path / "again")
    assert all(stages_of(tmp_path / "again")[stage]["shared"] for stage in SHARED)
    short_run(tmp_path / "alone", "paths.stage_cache=false")
    assert not any("shared" in stages_of(tmp_path / "alone")[stage] for stage in SHARED)
    assert result_bytes(tmp_path / "again") == result_bytes(tmp_path / "alone") == result_bytes(finished)


@pytest.mark.slow
def test_a_run_from_the_cache_has_the_warnings_of_the_one_that_filled_it(tmp_path):
    outside = [MODEL, *CHEAP, "camera.distance=0.05", "motion.text=a person stands"]
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        latentman(*outside, f"run_dir={folder}", cwd=tmp_path, env=own_cache(tmp_path / "cache"))
    first, second = (read_json(folder / "status.json") for folder in folders)
    assert second["stages"]["render"]["shared"]
    assert first["warnings"] == second["warnings"] != []


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twelve_runs_make_every_shared_stage_once_for_each_seed(tmp_path):
    folder = tmp_path / "sweep"
    variants = ["sla=none,full", "pwg=none,full", "seed=1,2,3"]
    latentman(MODEL, *CHEAP, "-m", *variants, f"sweep_dir={folder}", cwd=tmp_path, env=own_cache(tmp_path / "cache"))
    runs = runs_below(folder)
    assert len(runs) == 12
    for stage in SHARED:
        made = [read_json(run / "status.json")["seed"] for run in runs if not stages_of(run)[stage].get("shared")]
        assert sorted(made) == [1, 2, 3], stage


PAIR = [MODEL, *CHEAP, "-m", "prompts=quick3", "prompts.shard=0/2", "sla=none,full"]


def events(folder: Path) -> int:
    """Return how much has happened in a sweep, as the number of lines of all logs."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("log.txt"))


def finished_files(folder: Path) -> dict[Path, int]:
    """Return a file of each stage that is recorded as done, with its modification time."""
    outputs = {"motion": "motion.npz", "body": "body.npz", "render": "conditions.npz", "video": "video.mp4"}
    outputs |= {"denoise": "latents.safetensors", "correspondence": "correspondence_8.npz"}
    found = {}
    for run in runs_below(folder):
        for stage, entry in stages_of(run).items():
            if entry["state"] == "done" and stage in outputs:
                found[run / outputs[stage]] = (run / outputs[stage]).stat().st_mtime_ns
    return found


def stop_when(process: Program, reached, signum: int) -> tuple[str, str]:
    while not reached():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signum)
    return process.communicate(timeout=120)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A sweep of two jobs with two prompts each that was never interrupted."""
    folder = tmp_path_factory.mktemp("undisturbed") / "sweep"
    latentman(*PAIR, f"sweep_dir={folder}", cwd=folder.parent, env=own_cache(folder.parent / "cache"))
    return folder


def all_results(folder: Path) -> dict[str, object]:
    return {str(run.relative_to(folder)): result_bytes(run) for run in runs_below(folder)}


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_sweep_killed_at_ten_moments_ends_with_the_same_bytes_and_repeats_nothing(undisturbed, tmp_path):
    rng = random.Random(7)
    folder, env = tmp_path / "sweep", own_cache(tmp_path / "cache")
    arguments = [*PAIR, f"sweep_dir={folder}"]
    moments = sorted(rng.sample(range(1, events(undisturbed)), 10))
    finished: dict[Path, int] = {}
    for moment in moments:
        process = Program(*arguments, cwd=tmp_path, env=env)
        pause = time.monotonic() + rng.uniform(0, 0.3)
        stop_when(process, lambda m=moment, p=pause: events(folder) >= m and time.monotonic() > p, signal.SIGKILL)
        now = finished_files(folder)
        assert {path: now.get(path) for path in finished} == finished
        finished = now
    done = latentman(*arguments, cwd=tmp_path, env=env)
    assert closing_table(done)[-1] == "2 jobs: 2 done"
    now = finished_files(folder)
    assert {path: now.get(path) for path in finished} == finished
    assert all_results(folder) == all_results(undisturbed)


def workers_of(launcher: int) -> list[int]:
    """Return the processes in which a launcher's jobs run: its joblib children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, stat = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
        except OSError:  # it has just ended
            continue
        if b"popen_loky" in command and int(stat.rpartition(")")[2].split()[1]) == launcher:
            found.append(int(folder.name))
    return sorted(found)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the workers in /proc")
def test_workers_killed_at_random_moments_lose_no_finished_work(undisturbed, tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs latentman[sweep]")
    # A process of its own from the start: joblib's workers end with the interpreter, which a fork of a server lacks.
    rng = random.Random(11)
    folder, env = tmp_path / "sweep", own_cache(tmp_path / "cache")
    arguments = [*PAIR, f"sweep_dir={folder}", "hydra/launcher=local_procs", "hydra.launcher.n_jobs=2"]
    moments = sorted(rng.sample(range(1, events(undisturbed) * 3 // 4), 5))
    finished: dict[Path, int] = {}
    for moment in moments:
        process = subprocess.Popen(
            [sys.executable, "-m", "latentman.run", *arguments],
            cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while events(folder) < moment or not workers_of(process.pid):
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.01)
        os.kill(rng.choice(workers_of(process.pid)), signal.SIGKILL)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 2, out
        assert "the launcher lost its jobs" in err
        assert "Traceback" not in err
        now = finished_files(folder)
        assert {path: now.get(path) for path in finished} == finished
        finished = now
    done = latentman(*PAIR, f"sweep_dir={folder}", cwd=tmp_path, env=env)
    assert closing_table(done)[-1] == "2 jobs: 2 done"
    now = finished_files(folder)
    assert {path: now.get(path) for path in finished} == finished
    assert all_results(folder) == all_results(undisturbed)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_ctrl_c_ends_a_sweep_with_its_table_and_it_continues_to_the_same_bytes(undisturbed, tmp_path):
    folder, env = tmp_path / "sweep", own_cache(tmp_path / "cache")
    arguments = [*PAIR, f"sweep_dir={folder}"]
    process = Program(*arguments, cwd=tmp_path, env=env)
    out, err = stop_when(process, lambda: events(folder) >= events(undisturbed) // 3, signal.SIGINT)
    assert process.returncode == 130
    assert "the same command continues where it stopped" in err
    assert "Traceback" not in err
    assert out.splitlines()[-1] == "2 jobs: 1 interrupted, 1 waiting"
    done = latentman(*arguments, cwd=tmp_path, env=env)
    assert closing_table(done)[-1] == "2 jobs: 2 done"
    assert all_results(folder) == all_results(undisturbed)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_a_sweep_of_an_older_version_is_continued_without_repeating_anything(undisturbed, tmp_path):
    folder = shutil.copytree(undisturbed, tmp_path / "old")
    (folder / "sweep.json").unlink()
    before = finished_files(folder)
    done = latentman(*PAIR, f"sweep_dir={folder}", cwd=tmp_path, env=own_cache(tmp_path / "cache"))
    assert "2 of 2 jobs are done; 0 to run" in done.stderr
    assert finished_files(folder) == before
