"""The sweeps of ``experiments/record.py`` agree with the configuration, and the recorded tables with the results."""

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import yaml

from latentman.engine.compose import compose
from latentman.engine.help import groups
from latentman.report.results import read_results
from latentman.report.tables.paper import read_paper
from latentman.report.tables.table import summarise
from tests.factories.commands import check
from tests.factories.report import make_run, make_sweep

ROOT = Path(__file__).resolve().parents[2]


def load_record() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record", ROOT / "experiments" / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(ROOT / "experiments"))  # as for a script in that folder
    spec.loader.exec_module(module)
    return module


record = load_record()


@pytest.mark.slow
@pytest.mark.parametrize("name", record.SWEEPS)
def test_a_recorded_sweep_has_a_page_in_the_index_and_its_commands_pass_their_checks(name: str) -> None:
    index = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "experiments" / name / "README.md").is_file()
    assert f"({name}/README.md)" in index
    for folder, arguments in record.SWEEPS[name].parts(Path("out")):
        check([*arguments, f"sweep_dir={folder}"])


def test_shards_divide_the_prompts_without_overlap_and_have_separate_folders() -> None:
    sweep = record.SWEEPS["correspondence"]
    parts = sweep.parts(Path("out"))
    assert len({folder for folder, _ in parts}) == sweep.shards
    shards = [compose([arguments[-1], "prompts=paper10"]).prompts for _, arguments in parts]
    dealt = []
    for prompts in shards:
        index, count = (int(part) for part in str(prompts.shard).split("/"))
        dealt += [entry.text for entry in prompts.entries[index::count]]
    assert sorted(dealt) == sorted(entry.text for entry in shards[0].entries)
    assert len(set(dealt)) == 10


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, sweep in record.SWEEPS.items() if sweep.pictured])
def test_the_picture_shows_prompts_that_exist(name: str) -> None:
    sweep = record.SWEEPS[name]
    entries = compose([*sweep.arguments, "hydra.mode=RUN"]).prompts.entries
    prompts = [entry.mini or entry.text for entry in entries]
    assert len(record.pictured(prompts, sweep)) == len(sweep.pictured)


def test_the_pictures_show_variants_and_methods_that_exist() -> None:
    choices = groups(ROOT / "conf")
    for sweep in record.SWEEPS.values():
        for row in sweep.rows:
            for part in row.split():
                group, _, choice = part.rpartition("=")
                if (group or "variant") in choices:
                    assert choice in choices[group or "variant"]


def test_a_long_sweep_runs_only_when_it_is_named() -> None:
    long = [name for name, sweep in record.SWEEPS.items() if not sweep.short]
    assert [name for name, sweep in record.SWEEPS.items() if sweep.short] == ["default_run", "on_the_spot"]
    assert len(long) == len(record.SWEEPS) - 2


@pytest.mark.parametrize("page", record.PAGES)
def test_the_tables_of_pages_match_the_recorded_results(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert record.page_with_tables(text, page) == text, "run `make tables`"
    for mark in record.PAGES[page]:
        name, make = record.MARKS[mark]
        table = make(ROOT / "experiments" / name) or f"Not recorded yet: `python experiments/record.py {name}`.\n"
        assert f"<!-- {mark} -->\n{table}<!-- end of {mark} -->" in text


@pytest.mark.parametrize("page", record.PAGES)
def test_a_number_that_was_changed_by_hand_is_restored(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| sla=full pwg=full | "))
    changed = text.replace(row, row.replace("| sla=full pwg=full | ", "| sla=full pwg=full | 1"))
    assert record.page_with_tables(changed, page) == text


def test_the_summary_holds_the_numbers_of_the_whole_table() -> None:
    folder = ROOT / "experiments" / "table2_ablation"
    whole = record.recorded_table(folder)
    for line in record.recorded_summary(folder).splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert f"| {' | '.join(cells[:3])} |" in whole


@pytest.mark.parametrize("page", record.PAGES)
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=f"{page} lacks the marks <!-- {record.PAGES[page][0]} -->"):
        record.page_with_tables("no marks", page)


@pytest.mark.parametrize("name", record.SWEEPS)
def test_every_recorded_table_is_made_from_the_results_next_to_it(name: str) -> None:
    folder = ROOT / "experiments" / name
    table = record.recorded_table(folder)
    if table is None:
        assert not (folder / "table.md").exists()
        return
    assert (folder / "table.md").read_text(encoding="utf-8") == table, "run `make tables`"
    # A column without any value is None in one and NaN in the other.
    results, rows = read_results(folder), read_results(folder / "results.csv")
    known = results.columns[results.notna().any()]
    pd.testing.assert_frame_equal(results[known], rows[known], check_dtype=False)
    assert set(rows.columns) == set(results.columns)


def test_the_papers_numbers_next_to_the_results_equal_the_shipped_ones() -> None:
    shipped = {path.stem for path in record.PAPER.glob("*.csv")}
    shown = {record.experiment(sweep): name for name, sweep in record.SWEEPS.items()}
    assert {"table1", "ablation"} <= shipped & shown.keys()
    for experiment in shipped & shown.keys():
        copy = ROOT / "experiments" / shown[experiment] / "paper.csv"
        assert copy.read_bytes() == (record.PAPER / f"{experiment}.csv").read_bytes(), "run `make tables`"


@pytest.mark.parametrize("path", sorted(record.PAPER.glob("*.csv")), ids=lambda path: path.stem)
def test_the_papers_rows_are_rows_of_their_experiment(path: Path) -> None:
    """A misspelt variant would silently leave out its numbers."""
    axes = yaml.safe_load((ROOT / "conf" / "exp" / f"{path.stem}.yaml").read_text(encoding="utf-8"))["hydra"]["sweeper"]
    swept = {key: values.split(",") for key, values in axes["params"].items() if key != "seed"}
    rows = {frozenset(map("=".join, zip(swept, row, strict=True))) for row in itertools.product(*swept.values())}
    for values in read_paper(path).columns.values():
        assert set(values) <= rows


@pytest.mark.slow
def test_a_sweep_from_another_machine_can_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {
        ("none", "none"): {"a superhero x": 10.0, "a dancer": 20.0},
        ("full", "full"): {"a superhero x": 5.0, "a dancer": 8.0},
    }
    out = make_sweep(tmp_path / "out", scores, pictures=True, num_frames=3)
    (tmp_path / "experiments" / "table2_ablation").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    for page, marks in record.PAGES.items():
        (tmp_path / page).write_text("".join(f"<!-- {mark} -->\n<!-- end of {mark} -->\n" for mark in marks))
    monkeypatch.setattr(record, "HERE", tmp_path / "experiments")
    monkeypatch.setattr(record, "ROOT", tmp_path)
    record.main(["table2_ablation", "--from", str(out)])
    folder = tmp_path / "experiments" / "table2_ablation"
    expected = [
        "results.csv",
        "results.parquet",
        "per_pair.parquet",
        "table.md",
        "table.tex",
        "strip.png",
        "paper.csv",
    ]
    assert set(expected) | {"environment.json", "plots"} == {path.name for path in folder.iterdir()}
    page = (tmp_path / "docs" / "results.md").read_text(encoding="utf-8")
    assert (folder / "table.md").read_text(encoding="utf-8") in page
    assert "| -56.7 % |" in page
    assert "Not recorded yet: `python experiments/record.py table1`" in page
    assert "| -56.7 % |" in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("state", ["running", "failed"])
def test_an_unfinished_sweep_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    out = make_sweep(tmp_path / "out", {("none", "none"): {"a superhero x": 10.0}})
    make_run(out / "01", swept={"sla": "full", "pwg": "full"}, name="ablation", state=state)
    monkeypatch.setattr(record, "HERE", tmp_path / "experiments")
    with pytest.raises(SystemExit, match=rf"1 of 2 runs are not done, such as 01 \({state}\)"):
        record.main(["table2_ablation", "--from", str(out)])
    assert not (tmp_path / "experiments").exists()
    assert not (out / "table.md").exists()


def test_an_unknown_name_and_a_folder_for_several_sweeps_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in ((["tabel1"], "unknown sweep tabel1"), (["table1", "camera", "--from", "x"], "name it")):
        with pytest.raises(SystemExit):
            record.main(arguments)
        assert said in capsys.readouterr().err


def changes_of(name: str) -> dict[str, tuple[float, float, float]]:
    summary = summarise(read_results(ROOT / "experiments" / name))
    assert set(summary["prompts"]) == {10}
    assert set(summary["n"]) == {30}
    columns = ["change_percent", "change_low", "change_high"]
    return {str(row["variant"]): tuple(row[columns]) for _, row in summary.iterrows() if not row["is_baseline"]}


def test_the_recorded_ablation_has_the_papers_order_and_every_interval_excludes_zero() -> None:
    changes = changes_of("table2_ablation")
    rows = ("sla=none pwg=full", "sla=full pwg=none", "sla=full pwg=full")
    guidance, alignment, both = (changes[row] for row in rows)
    assert 0 > guidance[0] > alignment[0] >= both[0]
    assert all(high < 0 for _, _, high in changes.values())


def test_the_method_helps_both_samplers_in_the_recorded_table_1_and_both_intervals_exclude_zero() -> None:
    changes = changes_of("table1")
    assert set(changes) == {"method=latentman_masactrl", "method=latentman"}
    assert all(high < 0 for _, _, high in changes.values())
