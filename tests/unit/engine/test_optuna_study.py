"""The study outlives the search: it is opened again, and what is damaged or of another search is refused in words."""

import json
import sqlite3
import sys
from dataclasses import replace

import pytest

from latentman.engine.optuna_study import STUDY_FILE, check_optuna, open_study
from latentman.engine.search import Search
from latentman.engine.search_space import Choices, Interval, Space
from latentman.errors import MissingExtraError, RecordError

optuna = pytest.importorskip("optuna")

AXES = {
    "pwg.delta": Interval(0.001, 0.1, is_log=True),
    "pwg.size": Interval(32, 256, is_whole=True),
    "sla": Choices(("none", "full")),
}
SEARCH = Search(Space(AXES, ("seed=1",)), {"human_mse": "minimize", "figure_contrast": "maximize"}, 20, "tpe", 0, 1)


def tried(folder, count, search=SEARCH):
    """Return what the next trials of a study try; each has a result."""
    with open_study(folder, search) as study:
        values = []
        for _ in range(count):
            trial = study.ask()
            values.append(trial.values)
            study.tell(trial, [float(trial.values["pwg.delta"]), float(trial.values["pwg.size"])])
        return values


def folder_of(tmp_path, name):
    (tmp_path / name).mkdir(parents=True)
    return tmp_path / name


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_seed_gives_the_same_trials_however_often_the_study_is_closed(tmp_path, sampler):
    search = replace(SEARCH, sampler=sampler)
    whole = tried(folder_of(tmp_path, "whole"), 14, search)  # more than the first ten, which are random with tpe too
    folder = folder_of(tmp_path, "parts")
    assert [*tried(folder, 5, search), *tried(folder, 1, search), *tried(folder, 8, search)] == whole
    assert tried(folder_of(tmp_path, "other"), 14, replace(search, seed=1)) != whole
    assert len({json.dumps(values) for values in whole}) == 14


def test_values_are_inside_their_space(tmp_path):
    for values in tried(tmp_path, 12):
        assert 0.001 <= float(values["pwg.delta"]) <= 0.1
        assert 32 <= int(values["pwg.size"]) <= 256
        assert values["sla"] in ("none", "full")


def test_a_trial_without_a_result_is_there_again(tmp_path):
    with open_study(tmp_path, SEARCH) as study:
        first, second = study.ask(), study.ask()
        study.tell(second, None)
    with open_study(tmp_path, SEARCH) as study:
        assert study.unfinished() == [first]
        assert (study.num_trials, study.num_done) == (2, 1)


def test_a_trial_that_was_cut_off_while_it_was_written_does_not_count(tmp_path):
    whole = tried(folder_of(tmp_path, "whole"), 3)
    folder = folder_of(tmp_path, "cut")
    tried(folder, 2)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / STUDY_FILE}")
    optuna.load_study(study_name="latentman", storage=storage).ask()
    storage.remove_session()
    storage.engine.dispose()
    with open_study(folder, SEARCH) as study:
        assert (study.unfinished(), study.num_trials) == ([], 2)
    assert tried(folder, 1) == whole[2:]


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\0" + b"\xff" * 4096], ids=["text", "header"])
def test_a_damaged_study_is_refused_with_advice(tmp_path, content):
    (tmp_path / STUDY_FILE).write_bytes(content)
    with (
        pytest.raises(RecordError, match=r"study\.sqlite.*move it away to begin the search again"),
        open_study(tmp_path, SEARCH),
    ):
        pass


def test_a_study_whose_middle_is_overwritten_is_refused(tmp_path):
    tried(tmp_path, 3)
    path = tmp_path / STUDY_FILE
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"study\.sqlite"), open_study(tmp_path, SEARCH):
        pass


def test_a_database_of_another_program_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / STUDY_FILE) as database:
        database.execute("CREATE TABLE studies (a TEXT)")
    database.close()
    with pytest.raises(RecordError, match=r"cannot use the study .*study\.sqlite"), open_study(tmp_path, SEARCH):
        pass


@pytest.mark.parametrize(
    "other",
    [
        replace(SEARCH, seed=5),
        replace(SEARCH, space=Space({**AXES, "sla": Choices(("none", "half"))}, ("seed=1",))),
        replace(SEARCH, space=Space(AXES, ("seed=2",))),
        replace(SEARCH, objectives={"human_mse": "minimize"}),
    ],
)
def test_the_study_of_another_search_is_refused(tmp_path, other):
    tried(tmp_path, 1)
    with (
        pytest.raises(RecordError, match=r"holds another search.*\n.*choose another sweep_dir"),
        open_study(tmp_path, other),
    ):
        pass
    tried(tmp_path, 1, replace(SEARCH, num_trials=99, batch_size=3))


def test_a_value_that_is_not_in_the_space_is_refused(tmp_path):
    with open_study(tmp_path, SEARCH) as study:
        study.ask()
    with sqlite3.connect(tmp_path / STUDY_FILE) as database:
        database.execute(
            "UPDATE trial_params SET distribution_json = ? WHERE param_name = 'sla'",
            ('{"name": "CategoricalDistribution", "attributes": {"choices": ["x +hydra.callbacks.a=1", "y z"]}}',),
        )
    database.close()
    with open_study(tmp_path, SEARCH) as study, pytest.raises(RecordError, match="is none of none, full"):
        study.unfinished()


@pytest.mark.parametrize("name", ["with spaces", "a%20b", "a#b", "a?b", "it's"])
def test_the_folder_may_have_any_name(tmp_path, name):
    folder = folder_of(tmp_path, name)
    tried(folder, 1)
    assert (folder / STUDY_FILE).stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_missing_optuna_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"optuna is not installed: pip install 'latentman\[optuna\]'"):
        check_optuna()


def test_an_old_optuna_is_refused(monkeypatch):
    monkeypatch.setattr(optuna, "__version__", "2.10.1")
    with pytest.raises(MissingExtraError, match=r"optuna 4 or newer, and 2\.10\.1 is installed"):
        check_optuna()
