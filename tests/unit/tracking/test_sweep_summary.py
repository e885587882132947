"""The summary of a sweep goes where its runs went."""

import json

import pytest

from latentman.tracking.multi import OPENERS
from latentman.tracking.sweep_summary import mirror_sweep
from tests.factories.tracking import Recorder

CONFIG = "name: ablation\ntags: [paper]\nlogger: {name: trackio, backends: [%s], from_the_future: 1}\n"


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    Recorder.opened.clear()
    monkeypatch.setitem(OPENERS, "trackio", (Recorder.__module__, "Recorder"))
    folder = tmp_path / "20260101-120000"
    for name in ("00", "01"):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.yaml").write_text(CONFIG % "trackio")
        (folder / name / "status.json").write_text(json.dumps({"started": f"2026-01-01T{name}", "stages": {}}))
    (folder / "results.csv").write_text('folder,human_mse,note\n00,1.5,"a, b"\n01,,\n')
    (folder / "table.csv").write_text("variant,H_MSE\n\nfull,1.5\nshort\n")
    (folder / "gallery.html").write_text("<p>x</p>")
    return folder


def test_tables_and_gallery_become_a_run_of_the_type_report(sweep):
    mirror_sweep(sweep)
    (mirror,) = Recorder.opened
    assert (mirror.run.job_type, mirror.run.group, mirror.run.tags) == (
        "report",
        "ablation/20260101-120000",
        ("paper",),
    )
    assert mirror.of("table") == [
        ("results", ["folder", "human_mse", "note"], [["00", 1.5, "a, b"], ["01", None, None]]),
        ("table", ["variant", "H_MSE"], [["full", 1.5], ["short", None]]),
    ]
    assert mirror.of("file") == [("gallery", sweep / "gallery.html")]
    assert mirror.calls[-1] == ("finish", "done")


def test_a_continued_sweep_is_the_same_run_and_another_folder_is_not(sweep):
    mirror_sweep(sweep)
    mirror_sweep(sweep)
    mirror_sweep(sweep.rename(sweep.with_name("20260101-130000")))
    first, again, other = (mirror.run.id for mirror in Recorder.opened)
    assert first == again != other


def test_a_sweep_without_mirrors_or_without_runs_is_left_alone(sweep, tmp_path):
    for path in sweep.glob("*/config.yaml"):
        path.write_text(CONFIG % "")
    mirror_sweep(sweep)
    (tmp_path / "empty").mkdir()
    mirror_sweep(tmp_path / "empty")
    assert Recorder.opened == []


@pytest.mark.parametrize("text", ["a: [", CONFIG % "mlflow", "logger: {backends: 3}", "- 1\n"])
def test_an_unreadable_file_gives_one_warning(sweep, caplog, text):
    for path in sweep.glob("*/config.yaml"):
        path.write_text(text)
    mirror_sweep(sweep)
    assert Recorder.opened == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(sweep) in caplog.text
