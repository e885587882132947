"""The table's numbers, against an example worked out by hand."""

import pandas as pd
import pytest

from latentman.report.collect import collect
from latentman.report.tables.latex import to_latex
from latentman.report.tables.table import mark, summarise, to_markdown
from latentman.report.tables.variants import variant_labels
from tests.factories.report import make_run, make_sweep

SCORES = {
    ("none", "none"): {"a": 10.0, "b": 20.0, "c": 30.0},
    ("full", "none"): {"a": 5.0, "b": 10.0, "c": 15.0},
    ("full", "full"): {"a": 2.0, "b": 4.0},
}


def test_means_deviations_and_changes_of_a_worked_example(tmp_path):
    summary = summarise(collect(make_sweep(tmp_path, SCORES))).set_index("variant")
    base, sla, both = "sla=none pwg=none", "sla=full pwg=none", "sla=full pwg=full"
    assert list(summary.index) == [base, sla, both]
    assert summary["n"].to_dict() == {base: 3, sla: 3, both: 2}
    assert summary["human_mse_mean"].to_dict() == {base: 20.0, sla: 10.0, both: 3.0}
    assert summary["human_mse_std"].to_list() == pytest.approx([10.0, 5.0, 2.0**0.5])
    assert summary["is_baseline"].to_list() == [True, False, False]
    # Only prompts a and b ran with both: 3 against 15, not against 20.
    assert summary["change_percent"].to_list() == pytest.approx([0.0, -50.0, -80.0])


def test_failed_runs_are_counted_and_excluded_from_the_mean(tmp_path):
    make_sweep(tmp_path, {("none", "none"): {"a": 10.0, "b": 20.0}})
    for prompt, state in (("c", "failed"), ("d", "running")):
        folder = tmp_path / "00_sla-none_pwg-none" / prompt
        swept = {"sla": "none", "pwg": "none"}
        make_run(folder, prompt=prompt, swept=swept, sla="none", pwg="none", name="ablation", state=state)
    (row,) = summarise(collect(tmp_path)).to_dict("records")
    assert (row["n"], row["failed"], row["human_mse_mean"]) == (2, 1, 15.0)


def test_seeds_are_averaged_and_not_variants(tmp_path):
    for seed, value in ((0, 4.0), (1, 8.0)):
        make_run(tmp_path / str(seed), seed=seed, human_mse=value, swept={"seed": str(seed), "sla": "full"})
    (row,) = summarise(collect(tmp_path)).to_dict("records")
    assert (row["n"], row["human_mse_mean"]) == (2, 6.0)


def test_each_sampler_is_compared_with_its_own_baseline(tmp_path):
    number = 0
    for sampler, values in (("t2v_zero", (10.0, 5.0)), ("per_frame", (100.0, 90.0))):
        for sla, value in zip(("none", "full"), values, strict=True):
            swept = {"sampler": sampler, "sla": sla}
            make_run(tmp_path / str(number), swept=swept, sla=sla, pwg="none", human_mse=value)
            number += 1
    summary = summarise(collect(tmp_path))
    assert summary["change_percent"].to_list() == pytest.approx([0.0, -50.0, 0.0, -10.0])


def test_without_a_baseline_there_is_no_change(tmp_path):
    make_run(tmp_path / "0", swept={"sla": "full"}, baseline={})
    make_run(tmp_path / "1", swept={"sla": "none"}, baseline={}, sla="none")
    assert summarise(collect(tmp_path))["change_percent"].isna().all()


def test_a_single_run_has_a_row_without_deviation(tmp_path):
    make_run(tmp_path / "run", human_mse=7.25)
    results = collect(tmp_path / "run")
    assert list(variant_labels(results)) == ["run"]
    assert "| run | 7.2 |" in to_markdown(summarise(results))


def make_map_sweep(root, coverage):
    """Six prompts with each of three named variants, the judge's score given by hand."""
    for number, (variant, factor) in enumerate((("baseline", 1.0), ("densepose_lap", 0.75), ("mesh", 0.5))):
        for index in range(6):
            judged = {
                "human_mse_mesh": factor * (100 + index),
                "warp_error": 300.0 * factor,
                "coverage": coverage[number],
                "map_error_px": 0.4,
            }
            make_run(
                root / f"{number}{index}", prompt=f"prompt {index}", swept={"seed": "1", "variant": variant},
                choices={"variant": variant}, baseline={"variant": "baseline"}, metrics=judged,
            )  # fmt: skip
    return summarise(collect(root))


def test_a_sweep_over_maps_shows_their_quality_and_the_interval_of_the_mesh_score(tmp_path):
    lines = to_markdown(make_map_sweep(tmp_path, coverage=(0.9, 0.9, 0.8))).splitlines()
    assert lines[0].startswith(
        "| variant | H_MSE | change | H_MSE mesh | change (mesh) | warp error | coverage | map error (px) |"
    )
    assert lines[2].startswith("| baseline | 42.5 ± 0.0 | baseline | 102.5 ± 1.9 | baseline | 300.0 ± 0.0 | 0.900 ")
    assert "| -25.0 % [-25.0, -25.0] * |" in lines[3]
    assert lines[4].startswith(
        "| mesh | 42.5 ± 0.0 | +0.0 % [+0.0, +0.0] | 51.2 ± 0.9 | -50.0 % [-50.0, -50.0] * | 150.0 "
    )


def test_where_all_variants_have_the_same_map_its_quality_is_left_out(tmp_path):
    heading = to_markdown(make_map_sweep(tmp_path, coverage=(0.9, 0.9, 0.9))).splitlines()[0]
    assert "H_MSE mesh | change (mesh) | figure contrast" in heading


def test_a_table_without_the_mesh_score_has_its_earlier_columns(tmp_path):
    heading = to_markdown(summarise(collect(make_sweep(tmp_path, SCORES)))).splitlines()[0]
    assert heading == (
        "| variant | H_MSE | change | figure contrast | figure overlap | seconds | peak memory (GB) | n | failed |"
    )


def test_markdown_and_latex_have_a_line_per_variant(tmp_path):
    summary = summarise(collect(make_sweep(tmp_path, SCORES)))
    lines = to_markdown(summary).splitlines()
    assert lines[0].startswith("| variant | H_MSE | change |")
    assert lines[2].startswith("| sla=none pwg=none | 20.0 ± 10.0 | baseline |")
    assert lines[3].startswith("| sla=full pwg=none | 10.0 ± 5.0 | -50.0 % |")
    assert len({line.count("|") for line in lines[:5]}) == 1
    assert "fewer than 5 prompts" in lines[6]
    latex = to_latex(summary)
    assert r"H\_MSE" in latex
    assert r"sla=full pwg=none & 10.0 $\pm$ 5.0 & $-$50.0 \% &" in latex


def test_a_table_is_written_even_without_a_finished_run(tmp_path):
    make_run(tmp_path / "0", state="failed")
    summary = summarise(collect(tmp_path))
    assert pd.isna(summary["human_mse_mean"].iloc[0])
    assert "| run | - |" in to_markdown(summary)


def test_a_p_value_has_its_mark_and_a_missing_one_has_none():
    assert [mark(p) for p in (0.002, 0.01, 0.049, 0.05, 1.0, None, float("nan"))] == ["**", "*", "*", "", "", "", ""]


def test_missing_runs_do_not_make_the_maps_differ(tmp_path):
    for number, (sla, prompts) in enumerate({"none": "ab", "full": "a"}.items()):
        for prompt in prompts:
            quality = {"coverage": 0.9 if prompt == "a" else 0.5}
            make_run(tmp_path / f"{number}{prompt}", swept={"sla": sla}, sla=sla, prompt=prompt, metrics=quality)
    assert not summarise(collect(tmp_path))["maps_differ"].any()
