"""``latentman bench stages``: the table of what the stages of a run cost."""

import pytest

from latentman.bench.__main__ import main
from latentman.bench.stages import Cost, costs_of_a_run, recorded_costs, stages_table
from latentman.errors import ConfigError, DataError


def test_seconds_are_medians_and_memory_is_the_largest() -> None:
    runs = [
        {"motion": Cost(s, m), "denoise": Cost(9 * s, 10 * m)} for s, m in ((1.0, 10**6), (2.0, 3 * 10**6), (9.0, 1))
    ]
    lines = stages_table(runs).splitlines()
    assert lines[2:] == [
        "| motion | 2.00 | 10.0% | 3 |", "| denoise | 18.00 | 90.0% | 30 |", "| all stages | 20.00 | 100.0% | 30 |",
    ]  # fmt: skip


def test_costs_are_read_as_the_runner_records_them() -> None:
    entry = {"state": "done", "hash": "0", "seconds": 1.5, "peak_memory_bytes": 7}
    assert recorded_costs({"motion": entry}) == {"motion": Cost(1.5, 7)}


@pytest.mark.slow
def test_a_run_names_its_stages() -> None:
    found = costs_of_a_run(["num_frames=2", "num_inference_steps=4"])
    assert {"motion", "body", "render", "correspondence", "denoise", "video", "metrics"} <= set(found)
    assert all(cost.seconds > 0 and cost.peak > 0 for cost in found.values())


@pytest.mark.slow
def test_a_run_that_fails_is_reported() -> None:
    with pytest.raises(DataError, match="ended with status"):
        costs_of_a_run(["num_frames=0"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--repeats", "0"], "1 or more"),
        (["run_dir=out"], "leave run_dir out"),
        (["num_frame=3"], "num_frames"),
    ],
)
def test_bad_settings_are_refused_before_anything_runs(arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        main(["stages", *arguments])
