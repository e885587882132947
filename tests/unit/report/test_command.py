"""``latentman report DIR`` writes every file, prints the table, and says plainly what is wrong."""

import subprocess
import sys

import pandas as pd
import pytest

from latentman.report.build import write_report
from tests.factories.report import make_run, make_sweep


def report(environment, *arguments):
    command = [sys.executable, "-m", "latentman.report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def sweep(tmp_path):
    scores = {("none", "none"): {"a": 10.0, "b": 20.0}, ("full", "full"): {"a": 5.0, "b": 7.0}}
    root = make_sweep(tmp_path / "sweep", scores, num_frames=2)
    error = {"class": "WeightsError", "message": "no weights\ntraceback"}
    make_run(root / "02_odd", swept={"sla": "odd", "pwg": "none"}, name="ablation", state="failed", error=error)
    return root


def test_the_report_writes_its_files_and_prints_table_failures_and_paths(sweep, command_environment):
    done = report(command_environment, sweep)
    assert done.returncode == 0, done.stderr
    names = [
        "results.parquet",
        "results.csv",
        "table.md",
        "table.csv",
        "table.tex",
        "plots/human_mse_bars.png",
        "gallery.html",
        "report.html",
    ]
    for name in names:
        assert (sweep / name).stat().st_size > 0
    lines = done.stdout.splitlines()
    assert lines[-3:] == [str(sweep / name) for name in ("report.html", "table.md", "results.parquet")]
    assert lines[0].split() == ["variant", "H_MSE", "change", "seconds", "n"]
    assert "sla=full pwg=full 6.0 ± 1.4 -60.0 % 59.1 ± 0.0 2" in {" ".join(line.split()) for line in lines}
    assert "| sla=full pwg=full | 6.0 ± 1.4 | -60.0 % |" in (sweep / "table.md").read_text()
    assert "02_odd: failed: WeightsError: no weights\n" in done.stdout
    assert len(pd.read_parquet(sweep / "results.parquet")) == 5
    assert len(pd.read_csv(sweep / "results.csv")) == 5


@pytest.mark.slow
def test_runs_with_a_mesh_score_get_a_second_plot(sweep):
    plot = sweep / "plots" / "human_mse_mesh_bars.png"
    assert plot not in write_report(sweep, gallery=False).files
    swept = {"sla": "full", "pwg": "none"}
    make_run(sweep / "03_judged", name="ablation", swept=swept, metrics={"human_mse_mesh": 9.0})
    assert plot in write_report(sweep, gallery=False).files


@pytest.mark.slow
def test_a_second_report_is_the_same(sweep):
    first = write_report(sweep)
    before = {path: path.read_bytes() for path in first.files}
    assert write_report(sweep) == first
    assert {path: path.read_bytes() for path in first.files} == before


@pytest.mark.slow
def test_a_folder_without_runs_is_one_line_and_status_2(tmp_path, command_environment):
    (tmp_path / "empty").mkdir()
    for place in ("empty", "missing"):
        done = report(command_environment, tmp_path / place)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert place in done.stderr
        assert not (tmp_path / place / "table.md").exists()


def test_help_is_quick_and_the_report_needs_no_torch(command_environment):
    for module, absent in (("pages.gallery", "torch"), ("build", "torch"), ("__main__", "pandas")):
        code = f"import sys, latentman.report.{module}; sys.exit('{absent}' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False, env=command_environment).returncode == 0
    shown = report(command_environment, "--help")
    assert shown.returncode == 0
    assert "results.parquet" in shown.stdout
