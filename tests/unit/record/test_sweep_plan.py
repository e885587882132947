"""A sweep's plan survives on disk, and finds its jobs by the overrides that matter."""

from dataclasses import replace

import pytest

from latentman.errors import RecordError
from latentman.record.sweep_plan import PLAN_FILE, PlannedJob, SweepPlan, exact_key, job_key, read_plan, write_plan

PLAN = SweepPlan(
    "n", "latentman run", "abc", "2026", (PlannedJob(0, "00", ("sla=none",)), PlannedJob(1, "01", ("sla=full",)))
)


def test_a_plan_is_read_as_it_was_written(tmp_path):
    write_plan(tmp_path, PLAN)
    assert read_plan(tmp_path) == PLAN


def test_the_objectives_of_a_search_are_in_its_plan(tmp_path):
    search = replace(PLAN, objectives={"human_mse": "minimize"})
    write_plan(tmp_path, search)
    assert read_plan(tmp_path) == search


def test_a_folder_without_a_plan_has_none(tmp_path):
    assert read_plan(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"cannot read .*sweep\.json.*give the same command again"),
        ('{"format": 1}', r"cannot read .*sweep\.json"),
        ('{"format": "1"}', r"cannot read .*sweep\.json"),
        ('{"format": 9}', "has format 9; this latentman reads formats up to 1"),
    ],
)
def test_a_damaged_plan_and_one_of_a_later_version_are_refused(tmp_path, text, message):
    (tmp_path / PLAN_FILE).write_text(text)
    with pytest.raises(RecordError, match=message):
        read_plan(tmp_path)


@pytest.mark.parametrize("folder", ["../elsewhere", "a/b", "", ".", ".."])
def test_a_job_in_another_folder_is_refused(tmp_path, folder):
    write_plan(tmp_path, SweepPlan("n", "c", None, "", (PlannedJob(0, folder, ()),)))
    with pytest.raises(RecordError, match="must be a plain name"):
        read_plan(tmp_path)


def test_a_job_is_found_whatever_the_order_and_whatever_changes_no_result():
    assert PLAN.find(["threads=2", "+sla=full", "sweep_dir=x"]) == PLAN.jobs[1]
    assert PLAN.find(["sla=half"]) is None
    assert job_key(["b=1", "+a=2", "threads=3", "paths.cache=x"]) == ("a=2", "b=1")
    assert exact_key(["b=1", "+a=2", "threads=3", "sweep_dir=x"]) == ("a=2", "b=1", "threads=3")


def test_a_job_that_differs_only_in_threads_is_found_by_all_its_overrides():
    jobs = tuple(PlannedJob(number, f"{number:02d}", (f"threads={number}",)) for number in (1, 2))
    assert SweepPlan("n", "c", None, "", jobs).find(["threads=2"]) == jobs[1]


def test_a_plan_knows_in_which_keys_its_jobs_differ():
    jobs = (
        PlannedJob(0, "00", ("+exp=a", "sla=none", "seed=1")),
        PlannedJob(1, "01", ("+exp=a", "sla=full", "+tags=[x]")),
    )
    assert replace(PLAN, jobs=jobs).varied() == ["sla", "seed", "tags"]
