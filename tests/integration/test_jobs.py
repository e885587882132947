"""Sets of prompts, sweeps and their table."""

import subprocess
import sys

import pandas as pd
import pytest

from tests.factories.program import tiny_settings

from .conftest import latentman, read_json

SWEEP = ("+exp=ablation", "prompts=quick3", "seed=1", "prompts.shard=0/2")
"""Four variants of two prompts."""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweeps") / "ablation"
    done = latentman(*SWEEP, *tiny_settings(), f"sweep_dir={folder}", cwd=folder.parent)
    return folder, done


@pytest.mark.slow
def test_a_sweep_has_a_job_for_every_combination_and_a_folder_for_every_prompt(sweep):
    folder, _ = sweep
    jobs = sorted(p.parent.name for p in folder.glob("*/status.json"))
    variants = [("none", "none"), ("none", "full"), ("full", "none"), ("full", "full")]
    assert len(jobs) == len(variants)
    for number, (job, (sla, pwg)) in enumerate(zip(jobs, variants, strict=True)):
        assert job.startswith(f"{number:02d}_")
        assert f"sla-{sla}" in job
        assert f"pwg-{pwg}" in job
    for job in jobs:
        prompts = sorted(p.name for p in (folder / job).iterdir() if p.is_dir())
        assert [p[:3] for p in prompts] == ["00-", "02-"]
        status = read_json(folder / job / "status.json")
        assert (status["kind"], status["state"]) == ("job", "done")
        assert status["baseline"] == {"sla": "none", "pwg": "none"}
        assert (folder / job / "index.html").is_file()


@pytest.mark.slow
def test_a_jobs_metrics_are_the_means_over_its_prompts(sweep):
    folder, _ = sweep
    job = next(p for p in sorted(folder.iterdir()) if p.is_dir())
    values = [read_json(p / "metrics.json")["human_mse"] for p in job.iterdir() if p.is_dir()]
    assert read_json(job / "metrics.json")["human_mse"] == pytest.approx(sum(values) / len(values))


@pytest.mark.slow
def test_prompts_of_a_set_keep_their_text_and_seed(sweep):
    folder, _ = sweep
    job = next(p for p in sorted(folder.iterdir()) if p.is_dir())
    status = [read_json(p / "status.json") for p in sorted(job.iterdir()) if p.is_dir()]
    assert [s["seed"] for s in status] == [3, 3]
    assert "superhero" in status[0]["prompt"]
    assert "prompts=single" in status[0]["command"]


@pytest.mark.slow
def test_the_report_has_a_row_for_every_run_and_the_change_against_the_baseline(sweep):
    folder, _ = sweep
    done = subprocess.run(
        [sys.executable, "-m", "latentman.report", str(folder)], capture_output=True, text=True, cwd=folder.parent
    )
    assert done.returncode == 0, done.stderr
    rows = pd.read_parquet(folder / "results.parquet")
    assert len(rows) == 8
    assert set(rows["choice.sla"]) == {"none", "full"}
    table = (folder / "table.md").read_text()
    assert "%" in table
    assert "±" in table
    assert (folder / "results.csv").is_file()
    assert (folder / "gallery.html").is_file()


@pytest.mark.slow
def test_an_interrupted_sweep_continues_where_it_stopped(sweep):
    folder, _ = sweep
    kept = {p: p.stat().st_mtime_ns for p in folder.rglob("frames/*.png")}
    lost = next(p for p in sorted(folder.rglob("status.json")) if read_json(p)["kind"] == "run").parent
    for frame in (lost / "frames").iterdir():
        frame.unlink()
    latentman(*SWEEP, *tiny_settings(), f"sweep_dir={folder}", cwd=folder.parent)
    again = {p: p.stat().st_mtime_ns for p in folder.rglob("frames/*.png")}
    assert set(again) == set(kept)
    assert {p for p in kept if again[p] != kept[p]} == {p for p in kept if lost in p.parents}


@pytest.mark.slow
def test_the_recorded_command_makes_the_same_pictures(sweep, tmp_path):
    import shlex

    folder, _ = sweep
    run = next(p for p in sorted(folder.rglob("status.json")) if read_json(p)["kind"] == "run").parent
    command = shlex.split(read_json(run / "status.json")["command"])
    assert command[:3] == ["python", "-m", "latentman.run"]
    latentman(*command[3:], f"sweep_dir={tmp_path / 'again'}", cwd=tmp_path)
    (again,) = (p.parent for p in (tmp_path / "again").rglob("video.mp4"))
    assert (again / "video.mp4").read_bytes() == (run / "video.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["t2v_zero", "per_frame", "latentman"])
def test_every_method_runs_and_they_differ_after_frame_0(tmp_path, finished, method):
    folder = tmp_path / method
    latentman(*tiny_settings(), f"method={method}", f"run_dir={folder}", cwd=tmp_path)
    frames = [(p / "frames" / "001.png").read_bytes() for p in (folder, finished)]
    assert (frames[0] == frames[1]) == (method == "latentman")
