"""A notebook finds its results, says what they are, and what they lack."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import opening
from analysis.opening import lacks, locate, overview
from latentman.errors import RecordError
from latentman.report.results import write_pairs, write_results
from tests.analysis.sweeps import ablation, row


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown below the cell, without a notebook."""
    texts: list[str] = []
    monkeypatch.setattr(opening, "say", texts.append)
    return texts


def test_results_are_found_by_file_and_by_folder_from_the_root_of_the_checkout_too(tmp_path: Path) -> None:
    write_results(tmp_path / "results.parquet", ablation(1, 1))
    assert locate(tmp_path) == locate(tmp_path / "results.parquet") == (tmp_path / "results.parquet").resolve()
    recorded = Path(opening.__file__).parents[1] / "experiments" / "solver_scaling" / "results.parquet"
    assert locate("experiments/solver_scaling") == recorded


def test_missing_results_are_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"no results at .*LATENTMAN_RESULTS.*`latentman report DIR`"):
        locate(tmp_path)


def test_variants_and_finished_runs_are_told(tmp_path: Path, said: list[str]) -> None:
    results = pd.concat([ablation(2, 1), pd.DataFrame([row(prompt="a broken one", state="failed")])])
    write_results(tmp_path / "results.parquet", results)
    opened = opening.open_results(tmp_path)
    assert len(opened.results) == len(opened.done) + 1 == 9
    assert "8 finished runs of 9, 4 variants, 2 prompts, 1 seeds" in said[0]
    assert "setup mini; frames 5; weights 9f8e7d; commit 1f2e3d4c" in said[0]
    assert "- failed: `1_sla-none_pwg-none/a-broken-one`: NumericsError: the latents are not finite" in said[0]
    assert said[0] == overview(opened)
    assert opened.pairs is None


def test_several_experiments_want_one_to_be_named(tmp_path: Path, said: list[str]) -> None:
    write_results(tmp_path / "results.parquet", pd.concat([ablation(1, 1), ablation(1, 1).assign(name="table1")]))
    for wrong in (None, "table2"):
        with pytest.raises(RecordError, match=r"holds the experiments ablation, table1.*set EXPERIMENT"):
            opening.open_results(tmp_path, wrong)
    assert opening.open_results(tmp_path, "table1").name == "table1"
    assert len(said) == 1


def test_only_the_series_of_the_experiment_are_there(tmp_path: Path, said: list[str]) -> None:
    results = ablation(1, 1)
    write_results(tmp_path / "results.parquet", results)
    folders = [*results["folder"], "another/run"]
    pairs = pd.DataFrame({"folder": folders, "metric": "human_mse", "index": 0, "value": 1.0})
    write_pairs(tmp_path / "per_pair.parquet", pairs)
    opened = opening.open_results(tmp_path)
    assert opened.pairs is not None
    assert list(opened.pairs["folder"]) == list(results["folder"])


def test_what_is_missing_is_told_by_name_with_the_reason_that_the_runs_gave() -> None:
    table = pd.DataFrame({"human_mse": [1.0], "warp_error": [np.nan], "warp_error_reason": ["the camera moves"]})
    assert lacks(table, ["human_mse"]) == ""
    assert lacks(table, ["human_mse", "warp_error"]) == (
        "*Not shown: these results have no warp_error (the camera moves).*"
    )
    assert lacks(table, ["clip_text"]) == "*Not shown: these results have no clip_text.*"
