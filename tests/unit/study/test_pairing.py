"""Runs are paired by prompt and seed, and the reasons for unpaired ones are reported."""

from latentman.study.pairing import pair_runs
from tests.factories.report import make_run
from tests.factories.study import BASELINES, OURS, PROMPTS, make_sweep, make_variant


def test_runs_are_paired_by_prompt_and_seed(tmp_path):
    make_variant(tmp_path / "s", 0, "none", "none", seeds=(0, 1))
    make_variant(tmp_path / "s", 1, "full", "full", seeds=(1, 2))
    (pairing,) = pair_runs(tmp_path / "s", "sla=full pwg=full", ["sla=none pwg=none"])
    assert [(pair.prompt, pair.seed) for pair in pairing.pairs] == [(prompt, 1) for prompt in PROMPTS]
    for pair in pairing.pairs:
        assert "00_sla-none" in str(pair.baseline)
        assert "01_sla-full" in str(pair.ours)
    assert sorted(pairing.skipped) == sorted(
        f"'{prompt}', seed {seed}: no finished run of {variant}"
        for prompt in PROMPTS
        for seed, variant in ((0, "sla=full pwg=full"), (2, "sla=none pwg=none"))
    )


def test_unfinished_and_second_runs_are_said_and_left_out(tmp_path):
    root = make_sweep(tmp_path / "s")
    error = {"class": "WeightsError", "message": "no weights"}
    settings = {
        "sla": "full",
        "pwg": "full",
        "swept": {"sla": "full", "pwg": "full"},
        "name": "ablation",
        "num_frames": 3,
    }
    make_run(root / "03_failed", state="failed", error=error, **settings)
    make_run(root / "04_running", state="running", **settings)
    make_run(root / "05_again", prompt=PROMPTS[0], **settings)
    (pairing,) = pair_runs(root, OURS, BASELINES[:1])
    assert len(pairing.pairs) == 2
    assert "03_failed: failed: WeightsError: no weights" in pairing.skipped
    assert "04_running: running" in pairing.skipped
    assert any(line.startswith("05_again: sla=full pwg=full has a run of this prompt") for line in pairing.skipped)
