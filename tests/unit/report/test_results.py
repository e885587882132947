"""The files that notebooks read: whole, with the number of their format, and refused where they are not ours."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from latentman import __version__
from latentman.errors import RecordError
from latentman.report.collect import PAIR_COLUMNS, collect, collect_pairs
from latentman.report.results import FORMAT, read_pairs, read_results, write_pairs, write_results
from tests.factories.report import make_run, make_sweep

SCORES = {("none", "none"): {"a": 10.0, "b": 20.0}, ("full", "none"): {"a": 5.0, "b": 10.0}}


def relabelled(path, **changes):
    """Write a file again with other words about its format."""
    table = pq.read_table(path)
    label = json.loads(table.schema.metadata[b"latentman"]) | changes
    pq.write_table(table.replace_schema_metadata({b"latentman": json.dumps(label).encode()}), path)


@pytest.fixture
def results(tmp_path):
    return collect(make_sweep(tmp_path / "sweep", SCORES, num_frames=3))


def test_results_are_read_back_from_the_file_or_its_folder(tmp_path, results):
    write_results(tmp_path / "results.parquet", results)
    pd.testing.assert_frame_equal(read_results(tmp_path), results)
    pd.testing.assert_frame_equal(read_results(str(tmp_path / "results.parquet")), results)
    label = json.loads(pq.read_schema(tmp_path / "results.parquet").metadata[b"latentman"])
    assert label == {"kind": "results", "format": FORMAT, "version": __version__}


def test_series_join_their_runs_by_the_folder(tmp_path, results):
    make_run(tmp_path / "sweep" / "failed", state="failed")
    pairs = collect_pairs(tmp_path / "sweep", collect(tmp_path / "sweep"))
    write_pairs(tmp_path / "per_pair.parquet", pairs)
    back = read_pairs(tmp_path)
    assert tuple(back.columns) == PAIR_COLUMNS
    means = back.groupby("folder")["value"].mean()
    expected = {
        folder: sum(json.loads((tmp_path / "sweep" / folder / "metrics.json").read_text())["per_pair"]["human_mse"]) / 2
        for folder in results["folder"]
    }
    assert means.to_dict() == pytest.approx(expected)
    assert back["index"].unique().tolist() == [0, 1]


def test_no_series_at_all_is_an_empty_table_with_its_columns(tmp_path):
    make_run(tmp_path / "run", state="failed")
    pairs = collect_pairs(tmp_path, collect(tmp_path))
    write_pairs(tmp_path / "per_pair.parquet", pairs)
    assert tuple(read_pairs(tmp_path).columns) == PAIR_COLUMNS
    assert read_pairs(tmp_path).empty


def test_a_file_without_a_format_number_is_migrated(tmp_path, results):
    older = results.drop(columns="version").assign(**{"swept.pwg.delta": [0.1, 0.1, 0.2, 0.2]})
    older.to_parquet(tmp_path / "results.parquet")
    read = read_results(tmp_path)
    assert read["version"].isna().all()
    assert read["swept.pwg.delta"].to_list() == ["0.1", "0.1", "0.2", "0.2"]
    assert read["human_mse"].to_list() == results["human_mse"].to_list()


def test_a_csv_gives_the_same_rows(tmp_path, results):
    results.to_csv(tmp_path / "results.csv", index=False)
    read = read_results(tmp_path / "results.csv")
    known = results.columns[results.notna().any()]
    pd.testing.assert_frame_equal(read[known], results[known], check_dtype=False)
    assert set(read.columns) == set(results.columns)


@pytest.mark.parametrize(("read", "name"), [(read_results, "results"), (read_pairs, "per_pair")])
def test_a_file_of_a_later_version_is_refused_and_both_versions_are_named(tmp_path, results, read, name):
    path = tmp_path / f"{name}.parquet"
    write_results(path, results)
    relabelled(path, kind=name, format=FORMAT + 5, version="9.8.7")
    with pytest.raises(RecordError, match=rf"format {FORMAT + 5}, written by latentman 9\.8\.7.*{__version__}"):
        read(path)


def test_foreign_and_damaged_files_are_refused(tmp_path, results):
    path = tmp_path / "results.parquet"
    pq.write_table(pa.table({"folder": ["a"], "accuracy": [1.0]}), path)
    with pytest.raises(RecordError, match=r"is not a results file of latentman.*no column job"):
        read_results(path)
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(RecordError, match="cannot read"):
        read_results(path)
    write_results(path, results)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RecordError, match="cannot read"):
        read_results(path)
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RecordError, match="no column folder"):
        read_results(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_text("")
    with pytest.raises(RecordError, match="cannot read"):
        read_results(tmp_path / "y.csv")


def test_results_and_series_cannot_be_confused(tmp_path, results):
    write_results(tmp_path / "per_pair.parquet", results)
    with pytest.raises(RecordError, match="holds latentman's results and not its per_pair; give the other file"):
        read_pairs(tmp_path)


def test_an_unreadable_label_is_refused(tmp_path, results):
    path = tmp_path / "results.parquet"
    pq.write_table(pa.Table.from_pandas(results).replace_schema_metadata({b"latentman": b"[1]"}), path)
    with pytest.raises(RecordError, match="its format label is damaged"):
        read_results(path)


@pytest.mark.parametrize("read", [read_results, read_pairs])
def test_a_folder_without_a_report_is_refused_with_the_command_that_makes_one(tmp_path, read):
    with pytest.raises(RecordError, match="latentman report DIR"):
        read(tmp_path)
