"""Every run below a folder is one row, whatever became of it."""

import json

import pandas as pd
import pytest

from latentman.errors import RecordError
from latentman.report.collect import collect
from tests.factories.report import make_run, make_sweep

FAILED = {"state": "failed", "error": {"class": "NumericsError", "message": "step 7 is not finite\nsecond line"}}


def test_a_run_is_one_row_with_choices_swept_values_and_metrics(tmp_path):
    make_run(tmp_path / "run", swept={"sla": "full", "pwg.delta": "0.1"}, human_mse=12.5, seed=3)
    (row,) = collect(tmp_path / "run").to_dict("records")
    assert (row["folder"], row["job"], row["state"], row["seed"]) == (".", ".", "done", 3)
    assert (row["choice.sla"], row["swept.pwg.delta"], row["human_mse"]) == ("full", "0.1", 12.5)
    assert row["human_mse_mesh_reason"] == "the mesh-exact correspondence is not part of this version"
    assert json.loads(row["weights"]) == {"mini-sd": "9f8e7d6c5b4a39281706"}
    assert row["commit"] == "1f2e3d4c"


def test_a_sweep_has_a_row_per_job_and_prompt_and_none_for_the_jobs(tmp_path):
    make_sweep(tmp_path, {("none", "none"): {"a": 1.0, "b": 2.0}, ("full", "none"): {"a": 3.0, "b": 4.0}})
    results = collect(tmp_path)
    assert list(results["folder"]) == [
        f"{job}/{prompt}"
        for job in ("00_sla-none_pwg-none", "01_sla-full_pwg-none")
        for prompt in ("00-prompt", "01-prompt")
    ]
    assert list(results["job"]) == ["00_sla-none_pwg-none"] * 2 + ["01_sla-full_pwg-none"] * 2
    assert list(results["is_baseline"]) == [True, True, False, False]


def test_failed_interrupted_and_damaged_runs_are_rows(tmp_path):
    make_run(tmp_path / "0", **FAILED)
    make_run(tmp_path / "1", state="interrupted")
    make_run(tmp_path / "2")
    (tmp_path / "2" / "status.json").write_text('{"state": "do')
    make_run(tmp_path / "3", kind="job", **FAILED)
    results = collect(tmp_path).set_index("folder")
    assert results["state"].to_dict() == {"0": "failed", "1": "interrupted", "2": "damaged", "3": "failed"}
    assert results.loc["0", "error"] == "NumericsError: step 7 is not finite"
    assert "cannot read" in results.loc["2", "error"]


def test_missing_and_unknown_keys_are_not_an_error(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "status.json").write_text('{"kind": "run", "state": "done", "future": {"a": 1}, "swept": null}')
    (tmp_path / "run" / "metrics.json").write_text('{"new_score": 2, "per_pair": {}, "odd": "text", "flag": true}')
    (row,) = collect(tmp_path).to_dict("records")
    assert row["new_score"] == 2
    assert "odd" not in row
    assert "flag" not in row


def test_rows_survive_parquet(tmp_path):
    make_run(tmp_path / "0", swept={"sla": "full"}, human_mse=None)
    make_run(tmp_path / "1", state="failed", error={"class": "E", "message": ""}, prompt=None, seed=None)
    results = collect(tmp_path)
    results.to_parquet(tmp_path / "x.parquet")
    back = pd.read_parquet(tmp_path / "x.parquet")
    assert list(back["folder"]) == ["0", "1"]
    assert back["error"].iloc[1] == "E"


@pytest.mark.parametrize("name", ["none", "empty"])
def test_a_folder_without_runs_is_a_record_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match=f"{name}"):
        collect(tmp_path / name)
