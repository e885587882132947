"""``latentman runs check``: what was lost or changed since it was written, and nothing else."""

import fcntl
import json

import pytest

from latentman import cli
from latentman.errors import RecordError
from latentman.record.damage import output_digests
from latentman.record.local import LocalRecord
from latentman.record.metrics_file import with_costs, write_means
from latentman.runs.check import check_folder
from tests.factories.record import write_sweep

FILES = ("motion.npz", "frames/000.png", "metrics.json")


def write_run(folder):
    """Write a finished run of two stages and its record."""
    (folder / "frames").mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text('{"human_mse": 4.0}' if name == "metrics.json" else name)
    record = LocalRecord.open(folder)
    for stage, names in (("motion", FILES[:1]), ("video", FILES[1:2]), ("metrics", FILES[2:])):
        record.begin(stage, "h")
        record.end(stage, 1.0, 5, files=output_digests(folder, names))
    record.write_metrics(with_costs(folder, record.status))
    record.update(kind="run", state="done")
    return folder


def found(root):
    return {(damage.path.relative_to(root).as_posix(), damage.what) for damage in check_folder(root).damage}


def test_a_whole_run_has_no_damage(tmp_path):
    write_run(tmp_path / "run")
    assert found(tmp_path) == set()
    assert cli.main(["runs", "check", str(tmp_path)]) == 0


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_is_lost_or_changed_is_listed_and_the_exit_status_says_so(tmp_path, capsys, name):
    write_run(tmp_path / "run")
    path = tmp_path / "run" / name
    data = path.read_bytes()
    for changed, what in ((None, "missing"), (data[:3], "changed"), (data.replace(b"4", b"6") + b" ", "changed")):
        path.unlink() if changed is None else path.write_bytes(changed)
        assert (f"run/{name}", what) in found(tmp_path) or name == "metrics.json"
        assert cli.main(["runs", "check", str(tmp_path)]) == 1
        assert str(path) in capsys.readouterr().out


def test_a_cost_that_is_not_the_records_is_damage(tmp_path):
    write_run(tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    (tmp_path / "metrics.json").write_text(json.dumps({**metrics, "seconds_total": 1.0}))
    assert found(tmp_path) == {("metrics.json", "changed")}


def test_damaged_records_and_plans_are_listed_with_what_to_delete(tmp_path):
    write_sweep(write_run(tmp_path / "00_sla-none").parent)
    (tmp_path / "sweep.json").write_text("{")
    (tmp_path / "00_sla-none" / "status.json").write_text("{")
    checked = check_folder(tmp_path)
    assert {damage.path.name for damage in checked.damage} == {"sweep.json", "status.json"}
    assert all(damage.remedy.startswith("delete it") for damage in checked.damage)


def test_the_means_of_a_job_are_checked_against_its_prompts(tmp_path):
    runs = [write_run(tmp_path / name) for name in ("00-a", "01-b")]
    write_means(tmp_path, runs)
    LocalRecord.open(tmp_path).update(kind="job", state="done", num_prompts=2)
    assert found(tmp_path) == set()
    (tmp_path / "metrics.json").write_text('{"human_mse": 5.0}')
    assert found(tmp_path) == {("metrics.json", "changed")}


def test_a_clearing_that_was_interrupted_is_listed(tmp_path):
    LocalRecord.open(tmp_path).update(state="running", clearing=True)
    assert [damage.remedy for damage in check_folder(tmp_path).damage] == [
        "give the same command with overwrite=true again"
    ]


def test_a_run_in_progress_and_one_of_an_earlier_version_are_counted(tmp_path):
    write_run(tmp_path / "busy")
    old = LocalRecord.open(write_run(tmp_path / "old"))
    for entry in old.status["stages"].values():
        del entry["files"]
    old.update()
    with (tmp_path / "busy" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        checked = check_folder(tmp_path)
    assert (checked.runs, checked.busy, checked.without_digests, checked.damage) == (1, 1, 1, ())


def test_a_folder_without_runs_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(RecordError, match=r"no run in|is not a folder"):
            check_folder(folder)
