"""Which runs share a row: those that differ in prompt and seed alone."""

from latentman.report.collect import collect
from latentman.report.tables.table import summarise
from latentman.report.tables.variants import experiments, of_shared_runs, variant_keys, variant_labels
from tests.factories.report import make_run


def labels(root):
    return variant_labels(collect(root)).to_list()


def test_swept_keys_that_differ_name_the_variants_and_seeds_do_not(tmp_path):
    for number, (sla, seed) in enumerate([("none", 1), ("full", 1), ("full", 2)]):
        make_run(tmp_path / str(number), swept={"sla": sla, "pwg": "full", "seed": str(seed)}, seed=seed, sla=sla)
    assert labels(tmp_path) == ["sla=none", "sla=full", "sla=full"]


def test_two_sweeps_in_one_folder_that_differ_in_their_setup_are_not_averaged(tmp_path):
    for number, setup in enumerate(("mini", "sd15")):
        for sla in ("none", "full"):
            choices = {"setup": setup, "sla": sla, "pwg": "none", "prompts": f"set{number}"}
            make_run(tmp_path / f"{number}{sla}", name="ablation", swept={"sla": sla}, choices=choices)
    assert sorted(labels(tmp_path)) == [
        "sla=full setup=mini", "sla=full setup=sd15", "sla=none setup=mini", "sla=none setup=sd15",
    ]  # fmt: skip
    assert len(summarise(collect(tmp_path))) == 4


def test_videos_of_different_lengths_are_variants(tmp_path):
    for count in (4, 8):
        make_run(tmp_path / str(count), num_frames=count)
    assert labels(tmp_path) == ["num_frames=4", "num_frames=8"]


def test_separate_runs_are_distinguished_by_the_first_choice_that_differs(tmp_path):
    for number, (method, sla) in enumerate([("latentman", "full"), ("t2v_zero", "none")]):
        make_run(tmp_path / str(number), choices={"method": method, "sla": sla, "sampler": "t2v_zero"})
    assert labels(tmp_path) == ["method=latentman", "method=t2v_zero"]


def test_a_choice_that_an_older_record_lacks_does_not_make_a_variant(tmp_path):
    make_run(tmp_path / "0", choices={"sla": "full"})
    make_run(tmp_path / "1", choices={"sla": "full", "noise": "shared"})
    assert variant_keys(collect(tmp_path)) == []


def test_experiments_are_separated_and_never_share_a_name(tmp_path):
    for number, name in enumerate(("ablation", "camera", "ablation")):
        make_run(tmp_path / str(number), name=name, prompt=str(number))
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "status.json").write_text("{")
    results = collect(tmp_path)
    parts = experiments(results)
    assert {name: part["folder"].to_list() for name, part in parts.items()} == {"ablation": ["0", "2"], "camera": ["1"]}
    assert labels(tmp_path)[:3] == ["name=ablation", "name=camera", "name=ablation"]


def test_a_damaged_run_belongs_to_the_only_experiment(tmp_path):
    make_run(tmp_path / "0", name="ablation")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "status.json").write_text("{")
    ((name, runs),) = experiments(collect(tmp_path)).items()
    assert (name, len(runs)) == ("ablation", 2)


def test_what_is_compared_is_what_all_variants_have_finished(tmp_path):
    for number, (sla, prompt, state) in enumerate(
        [
            ("none", "a", "done"),
            ("none", "b", "done"),
            ("full", "a", "done"),
            ("full", "b", "running"),
            ("x", "a", "failed"),
        ]
    ):
        make_run(tmp_path / str(number), swept={"sla": sla}, sla=sla, prompt=prompt, state=state)
    assert of_shared_runs(collect(tmp_path))["folder"].to_list() == ["0", "2", "3", "4"]


def test_variants_with_prompts_of_their_own_are_all_kept(tmp_path):
    for number, sla in enumerate(("none", "full")):
        make_run(tmp_path / str(number), swept={"sla": sla}, sla=sla, prompt=sla)
    assert len(of_shared_runs(collect(tmp_path))) == 2


def test_runs_that_failed_before_they_had_a_prompt_are_kept(tmp_path):
    make_run(tmp_path / "0", prompt=None, seed=None, state="failed", swept={"sla": "none"})
    assert len(of_shared_runs(collect(tmp_path))) == 1
    make_run(tmp_path / "1", swept={"sla": "full"})
    assert len(of_shared_runs(collect(tmp_path))) == 2
