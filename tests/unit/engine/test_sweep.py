"""A sweep's plan: which jobs it has, where they lie, and which folders it leaves alone."""

import json
from dataclasses import replace

import pytest

from latentman.engine.compose import Command, check_command
from latentman.engine.sweep import launched, left_to_do, prepare
from latentman.errors import ConfigError, RecordError
from latentman.record.sweep_plan import PLAN_FILE, PlannedJob, SweepPlan, read_plan, write_plan
from latentman.system.locks import locked

SLA = (("+exp=ablation", "sla=none"), ("+exp=ablation", "sla=full"))
NAMES = ["00_sla-none", "01_sla-full"]


def command(folder, *jobs, **fields):
    return Command(jobs=jobs, sweep_dir=str(folder), name="ablation", **fields)


def begun(folder, *jobs):
    sweep = prepare(command(folder, *jobs), ["+exp=ablation"])
    with launched(sweep):
        pass
    return sweep


def place(sweep):
    return [(job.number, job.folder) for job in sweep.asked]


def status(folder, **fields):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.json").write_text(json.dumps({"stages": {}, **fields}))


def test_a_new_sweep_plans_all_jobs_and_writes_nothing_before_it_is_launched(tmp_path):
    sweep = prepare(command(tmp_path / "s", *SLA), ["+exp=ablation", "prompt=it's"])
    assert place(sweep) == list(enumerate(NAMES))
    assert not (tmp_path / "s").exists()
    with launched(sweep):
        plan = read_plan(tmp_path / "s")
    assert plan == sweep.plan
    assert plan.command == """latentman run +exp=ablation 'prompt=it'"'"'s'"""
    assert [job.overrides for job in plan.jobs] == list(SLA)


def test_every_job_is_told_its_sweeps_folder(tmp_path):
    sweep = prepare(command("a, 'b'", ("sla=none", "sweep_dir=\"a, 'b'\"")), [])
    (overrides,) = [sweep.overrides(job) for job in sweep.asked]
    assert overrides == ["sla=none", f"sweep_dir=\"{tmp_path}/a, 'b'\""]


def test_a_new_sweep_never_shares_a_folder_with_one_of_the_same_second(tmp_path):
    begun(tmp_path / "s", *SLA)
    assert prepare(command(tmp_path / "s", *SLA, is_new=True), []).folder == tmp_path / "s-2"
    assert prepare(command(tmp_path / "s", *SLA), []).folder == tmp_path / "s"


@pytest.mark.parametrize(
    "more", ["threads=2", "device=cpu", "metrics.names=[human_mse]", "+tags=[a]", "paths.stage_cache=false"]
)
def test_what_changes_no_result_may_differ_when_a_sweep_is_continued(tmp_path, more):
    begun(tmp_path, *SLA)
    sweep = prepare(command(tmp_path, *((*job, more) for job in SLA)), ["other"])
    assert place(sweep) == list(enumerate(NAMES))
    assert sweep.plan.command == "latentman run +exp=ablation"
    assert sweep.plan.find([*SLA[1], more, "sweep_dir=x"]).number == 1


def test_a_part_of_a_sweep_keeps_its_numbers_and_the_plan_its_other_jobs(tmp_path):
    begun(tmp_path, *SLA)
    sweep = prepare(command(tmp_path, SLA[1]), [])
    assert place(sweep) == [(1, NAMES[1])]
    assert [job.folder for job in sweep.plan.jobs] == NAMES


def test_a_sweep_may_grow_at_its_end(tmp_path):
    begun(tmp_path, *SLA)
    sweep = prepare(command(tmp_path, *SLA, ("+exp=ablation", "sla=half")), [])
    assert place(sweep)[2] == (2, "02_sla-half")


def test_another_sweep_in_the_folder_is_refused_with_both_jobs_and_left_alone(tmp_path):
    begun(tmp_path, *SLA)
    before = (tmp_path / PLAN_FILE).read_bytes()
    with pytest.raises(RecordError) as caught:
        prepare(command(tmp_path, ("pwg=none",), ("pwg=full",)), [])
    for part in ("another sweep", "job 0", "sla=none", "pwg=none", "choose another sweep_dir", "latentman run +exp="):
        assert part in str(caught.value)
    assert (tmp_path / PLAN_FILE).read_bytes() == before


def test_two_jobs_that_are_the_same_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="jobs 0 and 1 of this sweep are the same: seed=1"):
        prepare(command(tmp_path, ("seed=1",), ("seed=1",)), [])


def test_a_sweep_over_what_changes_no_result_has_a_job_for_each(tmp_path):
    sweep = begun(tmp_path, ("threads=1",), ("threads=2",))
    assert place(sweep) == [(0, "00"), (1, "01")]
    assert place(prepare(command(tmp_path, ("threads=1",), ("threads=2",)), [])) == place(sweep)


def test_the_folder_of_a_sweep_without_a_plan_is_continued(tmp_path):
    for name in NAMES:
        status(tmp_path / name, state="done")
    (tmp_path / "multirun.yaml").touch()
    assert place(prepare(command(tmp_path, *SLA), [])) == list(enumerate(NAMES))
    with pytest.raises(RecordError, match="job 0 is 00_sla-none there and 00_pwg-none here"):
        prepare(command(tmp_path, ("pwg=none",)), [])


def foreign(folder):
    (folder / "thesis").mkdir()
    (folder / "thesis" / "chapter1.tex").touch()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (foreign, "holds files that are not from a sweep, such as thesis"),
        (lambda folder: status(folder, kind="run"), "is the folder of one run, not of a sweep"),
        (lambda folder: (folder / PLAN_FILE).write_text("{"), r"cannot read .*sweep\.json"),
        (lambda folder: (folder / PLAN_FILE).write_text('{"format": 1}'), r"cannot read .*sweep\.json"),
        (lambda folder: (folder / PLAN_FILE).write_text('{"format": 9}'), "has format 9"),
    ],
)
def test_a_folder_that_is_no_sweeps_is_refused_and_left_alone(tmp_path, make, message):
    make(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(RecordError, match=message):
        prepare(command(tmp_path, *SLA), [])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    "left",
    [
        [".lock"],
        [".lock", ".partial-sweep-x.json"],
        [".lock", "00_sla-none/.lock"],
        ["00_sla-none/.lock", "00_sla-none/.partial-status-x.json", "01_sla-full/status.json"],
    ],
    ids=str,
)
def test_a_sweep_that_was_killed_in_its_first_write_is_taken_over(tmp_path, left):
    for name in left:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    begun(tmp_path, *SLA)
    assert read_plan(tmp_path) is not None
    assert not list(tmp_path.glob(".partial-*"))


def test_what_a_killed_report_left_is_removed_and_a_job_at_work_left_alone(tmp_path):
    begun(tmp_path, *SLA)
    at_work, done = tmp_path / "00_sla-none", tmp_path / "01_sla-full"
    for folder in (tmp_path / "plots", at_work, done):
        folder.mkdir(exist_ok=True)
        (folder / ".partial-index-x.html").write_text("half")
    with locked(done):
        pass
    with locked(at_work):
        begun(tmp_path, *SLA)
    assert list(tmp_path.rglob(".partial-*")) == [at_work / ".partial-index-x.html"]


@pytest.mark.parametrize("name", ["2024", "2024/.lock.txt", "00_thesis/text.tex"])
def test_a_folder_with_a_number_in_its_name_is_not_a_job(tmp_path, name):
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(RecordError, match="holds files that are not from a sweep"):
        prepare(command(tmp_path, *SLA), [])


def test_a_file_is_refused_as_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="is a file"):
        prepare(command(tmp_path / "file", *SLA), [])


def test_a_plan_whose_jobs_lie_elsewhere_is_refused(tmp_path):
    write_plan(tmp_path, SweepPlan("n", "c", None, "", (PlannedJob(0, "../elsewhere", ()),)))
    with pytest.raises(RecordError, match="must be a plain name"):
        read_plan(tmp_path)


def test_one_command_at_a_time_launches_a_sweep(tmp_path):
    sweep = prepare(command(tmp_path, *SLA), [])
    with launched(sweep), pytest.raises(RecordError, match="another process is working in it"), launched(sweep):
        pass


def test_jobs_at_which_others_work_are_left_alone(tmp_path):
    sweep = begun(tmp_path, *SLA)
    assert left_to_do(sweep) == list(sweep.asked)
    with locked(tmp_path / NAMES[0]):
        assert [job.number for job in left_to_do(sweep)] == [1]


@pytest.mark.parametrize("state", ["failed", "interrupted", "running"])
def test_what_is_not_done_is_left_to_do(tmp_path, state):
    sweep = begun(tmp_path, *SLA)
    status(tmp_path / NAMES[0], state=state)
    assert left_to_do(sweep) == list(sweep.asked)


def test_a_job_that_is_done_for_another_configuration_is_left_to_do(tmp_path):
    sweep = begun(tmp_path, ("seed=3",))
    status(tmp_path / "00_seed-3", state="done", identity={"seed": 4})
    assert left_to_do(sweep) == list(sweep.asked)


def test_all_jobs_are_left_to_do_when_results_are_to_be_thrown_away(tmp_path):
    begun(tmp_path, *SLA)
    sweep = prepare(command(tmp_path, *SLA, overwrite=True), [])
    with locked(tmp_path / NAMES[0]):
        assert left_to_do(sweep) == list(sweep.asked)


def test_what_the_launcher_heard_of_a_job_adds_to_what_its_folder_says(tmp_path):
    sweep = begun(tmp_path, *SLA)
    status(tmp_path / NAMES[1], state="failed", error={"class": "DataError", "message": "its own"})
    heard = [(ConfigError("refused\nmore"), [*SLA[0], "sweep_dir=x"]), (ConfigError("other"), list(SLA[1]))]
    states = sweep.states(heard)
    assert [(job.state, job.error) for job in states] == [
        ("failed", "ConfigError: refused"),
        ("failed", "DataError: its own"),
    ]
    assert not sweep.is_done(states)


def test_a_search_adds_its_jobs_one_by_one_and_none_twice(tmp_path):
    sweep = prepare(command(tmp_path), [])
    sweep = sweep.extended([("pwg.delta=0.1",), ("pwg.delta=0.2",)])
    sweep = sweep.extended([("pwg.delta=0.2", "threads=1"), ("pwg.delta=0.3",)])
    assert [job.folder for job in sweep.plan.jobs] == ["00_pwg.delta-0.1", "01_pwg.delta-0.2", "02_pwg.delta-0.3"]
    assert place(sweep) == [(1, "01_pwg.delta-0.2"), (2, "02_pwg.delta-0.3")]
    with launched(sweep):
        assert [job.number for job in replace(sweep, plan=replace(sweep.plan, jobs=())).reread().asked] == [0, 1, 2]


@pytest.mark.slow
def test_a_sweep_does_not_continue_a_search_nor_the_other_way_round(tmp_path):
    begun(tmp_path / "s", *SLA)
    search = check_command(["+exp=search_pwg"]).search
    with pytest.raises(RecordError, match="holds another sweep; choose another sweep_dir, or give the command"):
        prepare(command(tmp_path / "s", search=search), [])
    with launched(prepare(command(tmp_path / "t", search=search), [])):
        pass
    with pytest.raises(RecordError, match="holds another search"):
        prepare(command(tmp_path / "t", *SLA), [])
