"""The notebooks' tables say what a slow count of the rows says."""

import numpy as np
import pandas as pd
import pytest

from analysis.comparisons import (
    against_each_other,
    in_order,
    one_at_a_time,
    per_prompt,
    relative_to_baseline,
    spread,
    two_at_a_time,
)
from latentman.report.tables.table import summarise
from latentman.report.tables.variants import variant_labels
from tests.analysis.sweeps import ablation, row


def labelled(results: pd.DataFrame) -> pd.DataFrame:
    return results.assign(variant=variant_labels(results))


def test_variants_come_in_the_order_of_the_runs_with_the_baseline_first() -> None:
    rows = [row(sla="full"), row(sla="none"), row(sla="full", pwg="full")]
    assert in_order(labelled(pd.DataFrame(rows))) == ["sla=none pwg=none", "sla=full pwg=none", "sla=full pwg=full"]


def test_a_prompt_that_a_variant_lacks_is_left_out_of_all() -> None:
    done = labelled(ablation(3, 2, left_out={(1, 1, "full", "full"), (1, 2, "full", "full")}))
    table = per_prompt(done, "human_mse")
    assert list(table.index) == ["a knight walks number 0", "a knight walks number 2"]
    mine = done[(done["prompt"] == "a knight walks number 2") & (done["variant"] == "sla=full pwg=none")]
    assert table.loc["a knight walks number 2", "sla=full pwg=none"] == pytest.approx(mine["human_mse"].mean())


def test_a_run_is_divided_by_the_baseline_with_its_prompt_and_seed() -> None:
    done = labelled(ablation(3, 2, left_out={(0, 1, "none", "none")}))
    ratios = relative_to_baseline(done, ["human_mse"])
    assert len(ratios) == 3 * 3 * 2 - 3
    for ratio in ratios.itertuples():
        same = done[(done["prompt"] == ratio.prompt) & (done["seed"] == ratio.seed)]
        mine = same.loc[same["variant"] == ratio.variant, "human_mse"].item()
        assert ratio.human_mse == pytest.approx(mine / same.loc[same["is_baseline"], "human_mse"].item())


def test_without_a_baseline_nothing_is_relative_to_it() -> None:
    done = labelled(ablation(2, 1))
    ratios = relative_to_baseline(done.assign(is_baseline=False, baseline="{}"), ["human_mse"])
    assert ratios.empty
    assert list(ratios.columns) == ["prompt", "seed", "variant", "human_mse"]


def test_each_method_is_divided_by_the_sampler_that_it_stands_on() -> None:
    pairs = '{"method": {"latentman": "t2v_zero", "latentman_masactrl": "masactrl"}}'
    scores = {"t2v_zero": 100.0, "latentman": 50.0, "masactrl": 10.0, "latentman_masactrl": 8.0}
    rows = [
        row(human_mse=score, baseline=pairs, is_baseline=name in ("t2v_zero", "masactrl"))
        | {"swept.method": name, "choice.method": name}
        for name, score in scores.items()
    ]
    ratios = relative_to_baseline(labelled(pd.DataFrame(rows)), ["human_mse"]).set_index("variant")["human_mse"]
    assert ratios.to_dict() == {"method=latentman": 0.5, "method=latentman_masactrl": 0.8}


def test_spread_tells_prompts_from_seeds() -> None:
    rows = [row(prompt=p, seed=s, human_mse=v) for p, s, v in (("a", 1, 10), ("a", 2, 14), ("b", 1, 50), ("b", 2, 50))]
    table = spread(labelled(pd.DataFrame(rows)), "human_mse").iloc[0]
    assert table["mean"] == 31
    assert table["between prompts"] == pytest.approx(np.std([12, 50], ddof=1))
    assert table["between seeds of a prompt"] == pytest.approx(np.sqrt((8 + 0) / 2))


def test_every_two_variants_are_compared_both_ways_as_the_report_compares_with_the_baseline() -> None:
    results = ablation()
    table = against_each_other(labelled(results), "human_mse")
    assert len(table) == 4 * 3
    told = summarise(results).set_index("variant")
    for variant in told.index[~told["is_baseline"]]:
        ours = table[(table["variant"] == variant) & (table["other"] == "sla=none pwg=none")].iloc[0]
        assert ours["percent"] == told.loc[variant, "change_percent"]
        assert (ours["low"], ours["high"]) == (told.loc[variant, "change_low"], told.loc[variant, "change_high"])
        assert ours["settled"]


def test_with_few_prompts_nothing_is_settled() -> None:
    table = against_each_other(labelled(ablation(2, 2)), "human_mse")
    assert table["low"].isna().all()
    assert not table["settled"].any()


def test_one_setting_is_compared_at_the_same_prompts_seeds_and_other_settings_only() -> None:
    lacking = {(number, seed, "full", "full") for number in range(6) for seed in (2,)}
    done = labelled(ablation(left_out=lacking))
    table = one_at_a_time(done, "human_mse").set_index(["factor", "value"])
    above = below = 0.0
    for run in done[done["swept.pwg"] == "full"].itertuples():
        same = done[(done["prompt"] == run.prompt) & (done["seed"] == run.seed) & (done["swept.pwg"] == "none")]
        sla = "full" if "sla=full" in run.variant else "none"
        other = same[same["swept.sla"] == sla]
        # The report's change averages the settings of one prompt and seed before it averages prompts.
        number = len(done[(done["prompt"] == run.prompt) & (done["seed"] == run.seed) & (done["swept.pwg"] == "full")])
        above, below = above + run.human_mse / number, below + other["human_mse"].item() / number
    assert table.loc[("pwg", "full"), "percent"] == pytest.approx(100 * (above / below - 1))
    assert table.loc[("pwg", "full"), "settings"] == 2
    assert table.loc[("sla", "full"), "other"] == "none"


def test_two_settings_make_a_table_over_what_all_its_cells_have() -> None:
    done = labelled(ablation(3, 1, left_out={(2, 1, "full", "full")}))
    (table,) = two_at_a_time(done, "human_mse")
    kept = done[done["prompt"] != "a knight walks number 2"]
    for sla in ("none", "full"):
        for pwg in ("none", "full"):
            cell = kept[(kept["swept.sla"] == sla) & (kept["swept.pwg"] == pwg)]
            assert table.loc[sla, pwg] == pytest.approx(cell["human_mse"].mean())
    assert (table.index.name, table.columns.name) == ("sla", "pwg")


def test_windows_ascend_in_a_table_of_two() -> None:
    windows = ("[0.5,1.0]", "[0.0,0.5]", "[0.2,0.7]")
    rows = [
        row(human_mse=1.0) | {"swept.sla": None, "swept.pwg": None, "swept.sla.window": a, "swept.pwg.window": b}
        for a in windows
        for b in windows
    ]
    (table,) = two_at_a_time(labelled(pd.DataFrame(rows)), "human_mse")
    assert list(table.index) == list(table.columns) == ["[0.0,0.5]", "[0.2,0.7]", "[0.5,1.0]"]


def test_settings_that_were_not_crossed_make_no_table() -> None:
    done = labelled(ablation(2, 1))
    assert two_at_a_time(done[done["variant"] != "sla=full pwg=full"], "human_mse") == []
