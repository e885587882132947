"""The table of solvers holds what was measured, and nothing else is taken for one."""

import json
from pathlib import Path

import pandas as pd
import pytest

from latentman.bench.solver.frame import COLUMNS, from_json, is_frame, main, read_frame, to_frame, write_frame
from latentman.bench.solver.results import growth
from latentman.errors import RecordError

RECORDED = Path(__file__).resolve().parents[4] / "experiments" / "solver_scaling"


def recorded() -> dict:
    return json.loads((RECORDED / "results.json").read_text(encoding="utf-8"))


def test_a_table_gives_back_every_measurement(tmp_path: Path) -> None:
    measured, clips = from_json(recorded())
    write_frame(tmp_path / "results.parquet", measured, clips)
    assert read_frame(tmp_path / "results.parquet") == (measured, clips)
    assert len(to_frame(measured, clips)) == len(measured) + len(clips)


def test_the_recorded_table_holds_the_numbers_of_the_recorded_json() -> None:
    measured, clips = read_frame(RECORDED / "results.parquet")
    again = from_json(recorded())
    assert (measured, clips) == again
    assert growth(measured, "certified", (256, 512), "noisy") == growth(again[0], "certified", (256, 512), "noisy")


def test_the_same_measurements_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "some.json").write_text(json.dumps(recorded()), encoding="utf-8")
        assert main([str(tmp_path / name / "some.json")]) == 0
    assert (tmp_path / "a/results.parquet").read_bytes() == (tmp_path / "b/results.parquet").read_bytes()


def test_a_table_without_measurements_keeps_its_columns(tmp_path: Path) -> None:
    write_frame(tmp_path / "results.parquet", [], [])
    assert read_frame(tmp_path / "results.parquet") == ([], [])
    assert list(pd.read_parquet(tmp_path / "results.parquet").columns) == list(COLUMNS)


def test_what_is_missing_foreign_or_damaged_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    with pytest.raises(RecordError, match=r"is not there; `latentman bench solver --json"):
        read_frame(path)
    pd.DataFrame({"solver": ["scipy"]}).to_parquet(path)
    assert not is_frame(path)
    with pytest.raises(RecordError, match="is not a table of solvers"):
        read_frame(path)
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(RecordError, match="is not a table of solvers"):
        read_frame(path)


@pytest.mark.parametrize(
    "data", [{}, {"cases": [{"solver": "scipy"}], "clips": []}, {"cases": [], "clips": [{"a": 1}]}]
)
def test_another_json_is_refused(data: dict) -> None:
    with pytest.raises(RecordError, match="not what `latentman bench solver --json FILE` writes"):
        from_json(data)
