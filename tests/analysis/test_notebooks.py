"""Every notebook runs from top to bottom: on the recorded results, on a small sweep with pictures, on the poorest rows.

The kernel is watched from within: what it opens and what it imports is written down.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from latentman.report.build import write_report
from latentman.report.results import write_results
from tests.analysis.sweeps import row
from tests.factories.report import make_sweep

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "analysis"
NOTEBOOKS = ("h_mse", "ablations", "gallery", "solver_scaling")
MAY_BE_READ = re.compile(r"(results|per_pair)\.parquet|strip\.png|strips/\d+\.png|.*/frames/\d+\.png")
WATCHED = ("experiments", "out", "runs", "conf", "docs")

WATCH = """
import os, sys
if "ipykernel_launcher" in sys.orig_argv:
    log = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    def watch(event, arguments):
        if event == "open" and isinstance(arguments[0], str):
            os.write(log, f"open {arguments[1]} {os.path.abspath(arguments[0])}\\n".encode())
        elif event == "import":
            os.write(log, f"import {arguments[0]}\\n".encode())
    sys.addaudithook(watch)
"""

pytestmark = [pytest.mark.notebooks, pytest.mark.timeout(600)]


def execute(name: str, out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a notebook as its command does, with a watch in its kernel."""
    (out / "watch").mkdir(parents=True)
    (out / "watch" / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    watched = {"PYTHONPATH": str(out / "watch"), "WATCH_LOG": str(out / "log"), **environment}
    own = {key: value for key, value in os.environ.items() if key != "LATENTMAN_RESULTS"}
    command = [sys.executable, "-W", "ignore", str(FOLDER / "execute.py"), name, "--out", str(out / "made"), *arguments]
    return subprocess.run(command, env=own | watched, cwd=out, capture_output=True, text=True, check=False)


def outputs(out: Path, name: str, *, warnings: bool = False) -> str:
    """Return all that the cells showed as text, pictures by their kind; ``warnings`` of libraries may be among it."""
    cells = json.loads((out / "made" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    shown = [output for cell in cells for output in cell.get("outputs", [])]
    said = ["".join(output["text"]) for output in shown if output.get("name") == "stderr"]
    assert not said or (warnings and not any("Traceback" in text for text in said)), said
    data = [output.get("data", {}) for output in shown]
    return "\n".join("".join(d.get("text/markdown", d.get("text/plain", ""))) + " ".join(d) for d in data)


def check_log(out: Path, results: Path) -> None:
    """Nothing but the results and pictures was opened, nothing was written, and nothing heavy was imported."""
    lines = (out / "log").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if re.match(r"import (torch|wandb)\b", line)]
    watched = [results, *(ROOT / name for name in WATCHED)]
    for line in lines:
        kind, mode, *rest = line.split(" ", 2)
        path = Path(rest[0]) if kind == "open" else None
        for folder in watched if path is not None else []:
            if path.is_relative_to(folder):
                assert MAY_BE_READ.fullmatch(path.relative_to(results).as_posix()), line
                assert mode in ("r", "rb", "None"), line


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep with its report, pages and frames."""
    scores = {
        (sla, pwg): {"a knight walks": value, "a robot [x] jumps": 2 * value}
        for sla, pwg, value in (("none", "none", 50.0), ("none", "full", 45.0), ("full", "none", 30.0))
    }
    root = make_sweep(tmp_path_factory.mktemp("sweep") / "a sweep", scores, pictures=True, num_frames=3)
    write_report(root, plots=False)
    return root


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_on_the_recorded_results(name: str, tmp_path: Path) -> None:
    done = execute(name, tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "made" / f"{name}.html")), done.stderr
    recorded = ROOT / "experiments" / ("solver_scaling" if name == "solver_scaling" else "table2_ablation")
    check_log(tmp_path, recorded)
    assert "image/png" in outputs(tmp_path, name)
    page = (tmp_path / "made" / f"{name}.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=['\"]?(https?:)?//", page)
    assert "<img" in page


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_on_a_sweep(name: str, tmp_path: Path, sweep: Path) -> None:
    before = sorted(sweep.rglob("*"))
    done = execute(name, tmp_path, "--results", str(sweep))
    assert done.returncode == 0, done.stderr
    check_log(tmp_path, sweep)
    assert sorted(sweep.rglob("*")) == before
    text = outputs(tmp_path, name)
    if name == "gallery":
        assert "Of 6 finished runs, 6 have their folder next to the results, 6 their frames." in text
        assert "[video](" in text
        assert "[gallery](" in text
        assert "a%20sweep" in text
        assert "a robot [x] jumps" in text
    elif name == "solver_scaling":
        assert "no measurements of solvers" in text
    else:
        assert "6 finished runs of 6, 3 variants, 2 prompts, 1 seeds" in text
        assert "image/png" in text


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_says_what_is_missing_on_the_poorest_rows(name: str, tmp_path: Path) -> None:
    rows = [row(baseline="{}", is_baseline=False, human_mse=None), row(prompt="another", state="failed")]
    (tmp_path / "poor").mkdir()
    poor = pd.DataFrame(rows).drop(columns=["swept.sla", "swept.pwg"])
    write_results(tmp_path / "poor" / "results.parquet", poor)
    done = execute(name, tmp_path, LATENTMAN_RESULTS=str(tmp_path / "poor"))
    assert done.returncode == 0, done.stderr
    check_log(tmp_path, tmp_path / "poor")
    assert outputs(tmp_path, name).count("Not shown: ") >= 1


def test_the_quickstart_makes_a_video_and_the_ablation(tmp_path: Path) -> None:
    size = {"LATENTMAN_QUICKSTART_FRAMES": "2", "LATENTMAN_QUICKSTART_STEPS": "4"}
    done = execute("quickstart", tmp_path, **size)
    assert done.returncode == 0, done.stderr
    text = outputs(tmp_path, "quickstart", warnings=True)
    assert text.count("text/html") >= 5  # the stages and the video
    assert "H_MSE" in text
    page = (tmp_path / "made" / "quickstart.html").read_text(encoding="utf-8")
    assert "data:video/mp4;base64," in page


def test_a_failure_is_told_in_a_line_and_the_notebook_kept_up_to_there(tmp_path: Path) -> None:
    done = execute("h_mse", tmp_path, "--results", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert re.match(
        r"error: h_mse\.ipynb: RecordError: no results at .*; the cells up to the error are in ", done.stderr
    )
    assert "\x1b" not in done.stderr
    assert (tmp_path / "made" / "h_mse.ipynb").is_file()


def test_an_unknown_notebook_is_refused(tmp_path: Path) -> None:
    done = execute("gallry", tmp_path)
    assert done.returncode == 2
    assert (
        "NAME='gallry' is unknown: choose one of ablations, gallery, h_mse, quickstart, solver_scaling" in done.stderr
    )
