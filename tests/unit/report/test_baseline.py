"""Which row another is compared with: one for all, or its own for each."""

import pytest

from latentman.engine.compose import compose
from latentman.errors import ConfigError
from latentman.record.status import read_status
from latentman.report.baseline import baseline_score, is_baseline, target
from latentman.report.collect import collect
from latentman.report.tables.table import summarise, to_markdown
from tests.factories.report import make_run, make_sweep

OWN = {"method": {"latentman": "t2v_zero", "latentman_masactrl": "masactrl"}}
SCORES = {"masactrl": 200.0, "latentman_masactrl": 150.0, "t2v_zero": 100.0, "latentman": 50.0, "per_frame": 70.0}


def make_methods(root, *, baseline=OWN, methods=SCORES, prompts=6):
    for number, method in enumerate(methods):
        for index in range(prompts):
            make_run(
                root / f"{number}{index}", name="table1", prompt=f"prompt {index}", swept={"method": method},
                choices={"method": method}, baseline=baseline, human_mse=SCORES[method] + index,
            )  # fmt: skip
    return collect(root)


def test_every_key_of_a_plain_baseline_must_agree():
    baseline = {"sla": "none", "pwg": "none"}
    assert target(baseline, {"sla": "full", "pwg": "none"}) == baseline
    assert is_baseline(baseline, {"sla": "none", "pwg": "none", "setup": "mini"})
    assert not is_baseline(baseline, {"sla": "none", "pwg": "full"})
    assert not is_baseline(baseline, {"sla": "none"})


def test_a_table_of_baselines_gives_each_row_its_own_and_others_none():
    assert target(OWN, {"method": "latentman_masactrl"}) == {"method": "masactrl"}
    assert target(OWN, {"method": "masactrl"}) == {"method": "masactrl"}
    assert target(OWN, {"method": "per_frame"}) is None
    assert [is_baseline(OWN, {"method": m}) for m in SCORES] == [True, False, True, False, False]


def test_numbers_are_compared_as_text():
    assert is_baseline({"camera.orbit": 0}, {"camera.orbit": "0"})
    assert target({"seed": {1: 2}}, {"seed": "1"}) == {"seed": "2"}


def test_without_a_baseline_nothing_is_compared():
    assert target({}, {"sla": "none"}) is None
    assert not is_baseline({}, {"sla": "none"})


def test_each_method_is_compared_with_its_own_sampler(tmp_path):
    summary = summarise(make_methods(tmp_path)).set_index("variant")
    assert summary["compared_with"].dropna().to_dict() == {
        "method=masactrl": "method=masactrl",
        "method=latentman_masactrl": "method=masactrl",
        "method=t2v_zero": "method=t2v_zero",
        "method=latentman": "method=t2v_zero",
    }
    changes = summary["change_percent"]
    assert changes["method=latentman_masactrl"] == pytest.approx(100 * (152.5 / 202.5 - 1))
    assert changes["method=latentman"] == pytest.approx(100 * (52.5 / 102.5 - 1))
    assert changes.isna().to_list() == [False, False, False, False, True]


def test_the_table_lists_the_comparisons(tmp_path):
    text = to_markdown(summarise(make_methods(tmp_path)))
    assert "method=latentman_masactrl with method=masactrl; method=latentman with method=t2v_zero." in text


def test_a_sweep_without_its_baseline_has_no_change(tmp_path):
    summary = summarise(make_methods(tmp_path, methods=("latentman", "masactrl")))
    assert summary["change_percent"].isna().to_list() == [True, False]
    assert summary["compared_with"].dropna().to_list() == ["method=masactrl"]


def test_baselines_are_read_from_the_configuration():
    config = compose(["+exp=table1", "hydra.mode=RUN"])
    assert config.baseline == OWN


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{sla: [none]}", "baseline.sla is \\['none'\\]; give an option"),
        ("{sla: {}}", "baseline.sla is {}"),
        ("{sla: null}", "baseline.sla is None"),
        ("{method: {latentman: null}}", "baseline.method is"),
        ("{method: {latentman: latentman}}", "compares latentman with itself"),
    ],
)
def test_a_baseline_that_names_no_row_is_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        compose([f"++baseline={given}"])


TWO = {("none", "none"): {"a": 10.0, "b": 20.0}, ("full", "none"): {"a": 5.0, "b": 7.0}}


def test_a_run_of_a_sweep_finds_the_score_of_its_baseline_at_the_same_prompt_and_seed(tmp_path):
    make_sweep(tmp_path, TWO, num_frames=2)
    run = read_status(tmp_path / "01_sla-full_pwg-none" / "01-prompt")
    assert baseline_score(tmp_path, run) == 20.0
    assert baseline_score(tmp_path, {**run, "seed": 9}) is None


def test_the_baseline_itself_and_a_single_run_have_none(tmp_path):
    make_sweep(tmp_path, TWO, num_frames=2)
    assert baseline_score(tmp_path, read_status(tmp_path / "00_sla-none_pwg-none" / "00-prompt")) is None
    assert baseline_score(None, read_status(tmp_path / "01_sla-full_pwg-none" / "01-prompt")) is None


def test_an_unfinished_baseline_is_left_out(tmp_path):
    make_run(tmp_path / "base", swept={"sla": "none", "pwg": "none"}, sla="none", pwg="none", state="failed")
    make_run(tmp_path / "ours", swept={"sla": "full", "pwg": "none"}, pwg="none")
    assert baseline_score(tmp_path, read_status(tmp_path / "ours")) is None
