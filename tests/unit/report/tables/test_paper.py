"""The paper's numbers: shown as printed, next to the right rows, and refused where a file is damaged."""

import re

import pytest

from latentman.errors import RecordError
from latentman.report.collect import collect
from latentman.report.tables.latex import to_latex
from latentman.report.tables.paper import FOLDER, paper_of, read_paper
from latentman.report.tables.table import summarise, to_markdown
from tests.factories.report import make_sweep

SCORES = {
    ("none", "none"): {name: 20.0 + number for number, name in enumerate("abcdefgh")},
    ("none", "full"): {name: 19.0 + 1.9 * number for number, name in enumerate("abcdefgh")},
    ("full", "full"): {name: 10.0 + number for number, name in enumerate("abcdefgh")},
    ("odd", "none"): {name: 10.0 + number for number, name in enumerate("abcdefgh")},
}


@pytest.fixture
def summary(tmp_path):
    return summarise(collect(make_sweep(tmp_path / "sweep", SCORES)))


def test_table_2_has_the_papers_values_and_n_a_for_unreadable_ones(summary):
    lines = to_markdown(summary, paper_of("ablation")).splitlines()
    assert lines[0].endswith("| paper: H_MSE | paper: change | paper: seconds | paper: peak memory |")
    ends = [" | ".join(line.split(" | ")[-4:]) for line in lines[2:6]]
    assert ends == [
        "84.87 | - | n/a | n/a |", "≈ 82.7 | -2.6 % | n/a | n/a |", "76.41 | -10.0 % | n/a | n/a |", "- | - | - | - |",
    ]  # fmt: skip
    assert "could not be read" in lines[-1]


def test_table_1_has_the_papers_scores_and_votes():
    paper = paper_of("table1")
    assert list(paper.columns) == ["human_mse", "change", "preference"]
    rows = ["method=masactrl", "method=latentman_masactrl", "method=t2v_zero", "method=latentman"]
    assert [[paper.cell(column, row) for row in rows] for column in paper.columns] == [
        ["88.19", "79.88", "84.87", "76.41"], ["-", "-9.4 %", "-", "-10.0 %"], ["34 %", "66 %", "24 %", "76 %"],
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.csv")), ids=lambda path: path.stem)
def test_every_file_that_ships_can_be_read(path):
    assert read_paper(path).columns["human_mse"]


def test_an_experiment_without_numbers_has_none_and_a_users_file_comes_first(tmp_path):
    assert paper_of("options") is None
    assert paper_of("../paper/ablation") is None
    (tmp_path / "paper.csv").write_text("variant,human_mse\npwg=full sla=full,7\n")
    assert paper_of("ablation", tmp_path).cell("human_mse", "sla=full pwg=full") == "7"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line is empty"),
        ("human_mse\n1\n", "first line is human_mse"),
        ("variant,human_mse,speed\na,1,2\n", "it must name variant and any of human_mse"),
        ("variant,human_mse,human_mse\na,1,2\n", "each once"),
        ("variant,human_mse\na,1,2\n", "row 2: 3 cells"),
        ("variant,human_mse\nb a,1\na b,2\n", "names a variant twice"),
        ('variant,human_mse\n"a,1\n', "cannot read"),
    ],
)
def test_a_damaged_file_is_refused_by_its_name(tmp_path, text, said):
    (tmp_path / "paper.csv").write_text(text)
    with pytest.raises(RecordError, match=said) as refusal:
        paper_of("ablation", tmp_path)
    assert str(tmp_path / "paper.csv") in str(refusal.value)


def cell_count(line):
    """Count the columns that a line of a tabular fills."""
    cells = line.removesuffix(r"\\").replace(r"\&", "").split("&")
    return sum(int(match[1]) if (match := re.match(r"\s*\\multicolumn{(\d+)}", cell)) else 1 for cell in cells)


def test_latex_is_a_whole_booktabs_table_with_the_papers_columns_under_their_heading(summary):
    latex = to_latex(summary, paper_of("ablation"))
    body = latex.splitlines()
    count = 1 + body[1].count("r", body[1].index("{l"))
    lines = [line for line in body if line.endswith(r"\\")]
    assert [cell_count(line) for line in lines] == [count] * 6
    assert rf"\cmidrule(lr){{2-{count - 4}}} \cmidrule(lr){{{count - 3}-{count}}}" in latex
    assert all(rule in latex for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    assert r"$\approx$ 82.7" in latex
    assert "$^{**}$" in latex
    assert latex.count("{") == latex.count("}")
    assert re.findall(r"(?<!\\)[#_~%]", "\n".join(body[1:])) == []


def test_latex_separates_baselines_from_the_rows_above(tmp_path):
    scores = {("none", "none"): {"a": 1.0}, ("full", "none"): {"a": 2.0}}
    first = to_latex(summarise(collect(make_sweep(tmp_path / "0", scores))))
    assert r"\addlinespace" not in first
    assert r"\cmidrule" not in first
    scores = {("full", "none"): {"a": 2.0}, ("none", "none"): {"a": 1.0}}
    assert r"\addlinespace" in to_latex(summarise(collect(make_sweep(tmp_path / "1", scores))))
