"""Configurations become flat keys, and what looks like a number is one only where all its values are."""

import pandas as pd
import pytest

from latentman.report.pages.facts import as_number, facts_of, flatten


def test_a_configuration_is_flattened_to_its_leaves():
    tree = {"a": {"b": 1, "c": {}}, "list": [1, {"x": "é"}], "none": None, "yes": True, "text": "x y"}
    assert dict(flatten(tree)) == {
        "a.b": "1", "a.c": "{}", "list": '[1, {"x": "é"}]', "none": "null", "yes": "true", "text": "x y",
    }  # fmt: skip
    assert list(flatten({})) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0.0), ("-3.5", -3.5), ("1e-3", 0.001), (7, 7.0), (2**53, float(2**53)), (2**53 + 1, None), ("full", None),
     ("", None), ("inf", None), (float("nan"), None), ("true", None), ("null", None)],
)  # fmt: skip
def test_only_numbers_that_a_browser_holds_exactly_are_numbers(value, expected):
    assert as_number(value) == expected


def frame(**columns):
    length = len(next(iter(columns.values())))
    leading = {"folder": [f"{i}" for i in range(length)], "variant": ["v"] * length}
    return pd.DataFrame(leading | columns)


def test_zero_is_a_number_and_a_mixed_key_is_text(tmp_path):
    results = frame(**{"swept.a": ["0", "1", "0.0"], "swept.b": ["1", "full", "2"]})
    keys, facts = facts_of(results, tmp_path)
    assert {key.name: key.numeric for key in keys} == {"swept.a": True, "swept.b": False}
    assert [record["swept.a"] for record in facts] == [0.0, 1.0, 0.0]
    assert [record["swept.b"] for record in facts] == ["1", "full", "2"]


def test_a_key_that_only_some_runs_have_distinguishes_them(tmp_path):
    keys, facts = facts_of(frame(human_mse=[1.0, None], warp_error=[2.0, 2.0]), tmp_path)
    assert [key.name for key in keys] == ["human_mse"]
    assert facts == [{"human_mse": 1.0}, {}]


def test_commits_of_digits_alone_stay_text(tmp_path):
    keys, facts = facts_of(frame(commit=["1234567", "7654321"]), tmp_path)
    assert [(key.name, key.numeric) for key in keys] == [("commit", False)]
    assert facts[0]["commit"] == "1234567"


def test_configuration_files_are_read_and_damaged_ones_skipped(tmp_path):
    for number, text in enumerate(("pwg:\n  delta: 0.01\nfps: 10\n", "pwg:\n  delta: 0.1\nfps: 10\n", "a: [", "- 1")):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "config.yaml").write_text(text)
    keys, facts = facts_of(frame(seed=[1, 1, 1, 1]), tmp_path)
    assert [key.name for key in keys] == ["config.pwg.delta", "config.fps"]
    assert [record.get("config.pwg.delta") for record in facts] == [0.01, 0.1, None, None]
