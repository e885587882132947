"""A report on whatever a folder holds: partial, mixed, foreign, or of a later version."""

import json
import re

import pandas as pd
import pytest

from latentman.errors import RecordError
from latentman.record.sweep_plan import PlannedJob, SweepPlan, write_plan
from latentman.report.build import joined_markdown, sections_of, write_report
from latentman.report.results import read_pairs, read_results
from tests.factories.report import make_run, make_search, make_sweep

SCORES = {("none", "none"): {"a": 10.0, "b": 20.0}, ("full", "none"): {"a": 5.0, "b": 10.0}}


def report(root, **options):
    return write_report(root, **{"gallery": False, "plots": False, **options})


@pytest.mark.slow
def test_several_experiments_have_a_table_and_plots_each_and_are_never_compared(tmp_path):
    make_sweep(tmp_path / "a", SCORES)
    make_run(tmp_path / "b", name="odd/name", human_mse=7.0)
    done = report(tmp_path, plots=True)
    text = (tmp_path / "table.md").read_text()
    first, second = text.split("## odd/name\n\n")
    assert first.startswith("## ablation\n\n| variant |")
    assert "| sla=full | 7.5 ± 3.5 | -50.0 % |" in first
    assert "| odd/name | 7.0 | - |" in second
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["experiment"].to_list() == ["ablation", "ablation", "odd/name"]
    assert (tmp_path / "table.tex").read_text().count(r"\begin{tabular}") == 2
    names = {path.relative_to(tmp_path).as_posix() for path in done.files}
    assert {"plots/ablation/human_mse_bars.png", "plots/ablation/human_mse_bars.pdf"} <= names
    assert "plots/odd_name/human_mse_bars.png" in names
    assert "the folder holds runs of 2 experiments, each with its own table: ablation, odd/name" in "\n".join(
        done.remarks
    )
    assert len(read_results(tmp_path)) == 5


def test_the_report_of_a_running_sweep_covers_the_finished_runs(tmp_path):
    make_sweep(tmp_path, SCORES)
    make_run(tmp_path / "02" / "00", name="ablation", swept={"sla": "odd", "pwg": "none"}, state="running")
    done = report(tmp_path)
    assert "1 not finished yet" in "\n".join(done.remarks)
    assert "| sla=odd | - | - |" in done.table
    assert done.failures == ()


def test_the_status_of_another_program_is_skipped_and_named(tmp_path):
    make_sweep(tmp_path, SCORES)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "status.json").write_text('{"ok": true}')
    done = report(tmp_path)
    assert f"skipped, because its status.json is not latentman's: {tmp_path / 'other'}" in "\n".join(done.remarks)
    assert len(read_results(tmp_path)) == 4


def test_a_folder_with_only_another_programs_status_is_refused_and_unchanged(tmp_path):
    (tmp_path / "status.json").write_text('{"ok": true}')
    with pytest.raises(RecordError, match=r"no runs of latentman.*is not latentman's"):
        report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_run_of_a_later_version_stops_the_report_before_it_writes(tmp_path):
    make_sweep(tmp_path, SCORES)
    make_run(tmp_path / "new", format=99, versions={"latentman": "9.8.7"})
    with pytest.raises(RecordError, match=r"new/status\.json has format 99, written by latentman 9\.8\.7"):
        report(tmp_path)
    assert not (tmp_path / "table.md").exists()


def test_runs_of_format_1_and_2_share_one_table(tmp_path):
    make_sweep(tmp_path, SCORES)
    make_run(tmp_path / "02", format=2, name="ablation", swept={"sla": "x", "pwg": "none"}, sla="x", prompt="a")
    assert "| sla=x | 42.5 | +325.0 % |" in report(tmp_path).table


@pytest.mark.parametrize("text", [None, "{", "[]"], ids=["missing", "cut off", "no object"])
def test_a_finished_run_without_its_metrics_is_listed_as_damaged(tmp_path, text):
    make_sweep(tmp_path, SCORES)
    path = tmp_path / "01_sla-full_pwg-none" / "00-prompt" / "metrics.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    done = report(tmp_path)
    (line,) = done.failures
    assert "01_sla-full_pwg-none/00-prompt: damaged" in line
    assert re.search(r"cannot read .*metrics\.json: ", line)
    assert "| 1 | 1 |" in done.table


def test_a_sweep_without_its_baseline_explains_the_missing_change(tmp_path):
    make_sweep(tmp_path, {("full", "none"): {"a": 5.0}, ("full", "full"): {"a": 5.0}})
    assert (
        'without a run of the baseline {"pwg": "none", "sla": "none"} there is no change'
        in report(tmp_path).remarks[-1]
    )


def test_the_series_of_the_runs_are_written_next_to_the_results(tmp_path):
    make_sweep(tmp_path, SCORES, num_frames=4)
    report(tmp_path)
    pairs = read_pairs(tmp_path).merge(read_results(tmp_path), on="folder")
    assert pairs.groupby("prompt").size().to_dict() == {"a": 6, "b": 6}


def test_a_users_paper_csv_appears_in_the_table(tmp_path):
    make_sweep(tmp_path, SCORES)
    (tmp_path / "paper.csv").write_text("variant,human_mse,note\nsla=full,12.3,*a note*\n")
    report(tmp_path)
    assert "| 12.3 |" in (tmp_path / "table.md").read_text()
    assert pd.read_csv(tmp_path / "table.csv")["paper_human_mse"].to_list() == ["-", "12.3"]


@pytest.mark.slow
def test_malformed_metrics_and_series_are_skipped(tmp_path):
    odd = {"per_pair": {"human_mse": [1.0, "x", None, 2.0], "other": "text"}, "text": "words"}
    make_run(tmp_path / "0", metrics=odd)
    make_run(tmp_path / "1", prompt="b", metrics={"per_pair": [1]})
    report(tmp_path, plots=True)
    pairs = read_pairs(tmp_path)
    assert pairs["value"].isna().to_list() == [False, True, True, False]
    assert json.loads((tmp_path / "0" / "metrics.json").read_text())["text"] == "words"


@pytest.mark.slow
def test_the_report_of_a_search_has_its_front_and_its_plot(tmp_path):
    make_search(tmp_path, [(10.0, 30.0), (12.0, 20.0), (9.0, 10.0)])
    done = report(tmp_path, gallery=True, plots=True)
    assert {path.name for path in done.files if path.parent.name == "plots"} == {"search_front.png", "search_front.pdf"}
    assert "The 2 of 3 trials that no other trial beats in every objective" in (tmp_path / "table.md").read_text()
    page = (tmp_path / "report.html").read_text()
    assert ">The trials that no other trial beats in every objective" in page
    assert "search: every trial; the numbered ones" in page


def test_a_damaged_plan_costs_the_report_its_front_alone(tmp_path):
    make_search(tmp_path, [(10.0, 30.0), (12.0, 20.0)])
    (tmp_path / "sweep.json").write_text("{")
    assert "no other trial beats" not in report(tmp_path).table


def test_an_interrupted_run_is_not_counted_as_failed(tmp_path):
    make_sweep(tmp_path, SCORES)
    make_run(tmp_path / "02" / "00", name="ablation", swept={"sla": "odd", "pwg": "none"}, state="interrupted")
    done = report(tmp_path)
    assert done.failures == ()
    assert "1 interrupted: the same command continues where it stopped" in done.remarks
    assert "| n | failed | interrupted |" in done.table
    assert "| sla=odd | - | - |" in done.table
    assert "| 0 | 0 | 1 |" in done.table


def test_variants_have_the_names_of_their_plan_when_only_one_job_has_begun(tmp_path):
    make_run(tmp_path / "00_sla-none", name="ablation", swept={"sla": "none", "pwg": "none"})
    jobs = [PlannedJob(n, f"0{n}_sla-{sla}", (f"sla={sla}", "pwg=none")) for n, sla in enumerate(("none", "full"))]
    write_plan(tmp_path, SweepPlan("ablation", "latentman run", None, "", tuple(jobs)))
    assert "| sla=none | 42.5 |" in report(tmp_path).table
    assert "| sla=none | 42.5 |" in joined_markdown(sections_of(read_results(tmp_path)))


@pytest.mark.slow
def test_the_page_of_one_experiment_has_its_name_in_one_heading(tmp_path):
    make_sweep(tmp_path, SCORES)
    report(tmp_path, gallery=True, plots=True)
    headings = re.findall("<h[12][^>]*>(.+?)</h", (tmp_path / "report.html").read_text())
    assert headings.count("ablation") == 1
    assert [text for text in headings if "ablation:" in text] == []
    assert len(set(headings)) == len(headings)
