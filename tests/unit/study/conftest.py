"""A small sweep and the study that is built from it, once; tests that change it get a copy of their own."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from latentman.study.answers import ANSWERS_FILE
from latentman.study.build import Request, build_study
from latentman.study.design import DESIGN_FILE
from tests.factories.study import BASELINES, OURS, People, make_design, make_sweep


@pytest.fixture(scope="session")
def sweep(tmp_path_factory):
    return make_sweep(tmp_path_factory.mktemp("sweep") / "sweep")


@pytest.fixture(scope="session")
def built(sweep, tmp_path_factory):
    """The folder of a study with two baselines, two pairs and two checks each; not to be changed."""
    folder = tmp_path_factory.mktemp("study") / "study"
    build_study(Request(sweep, folder, OURS, BASELINES, seed=5, checks=2))
    return folder


@pytest.fixture
def study(built, tmp_path):
    return shutil.copytree(built, tmp_path / "study")


@pytest.fixture
def people(tmp_path):
    own = People(tmp_path, make_design(4, 2, baselines=("plain | <b>", "other")))
    yield own
    own.store.close()


OLD_TABLES = """
CREATE TABLE made_for (design TEXT NOT NULL);
CREATE TABLE participants (
  participant TEXT PRIMARY KEY, study TEXT NOT NULL, began TEXT NOT NULL, plan TEXT NOT NULL);
CREATE TABLE answers (
  study TEXT NOT NULL, participant TEXT NOT NULL REFERENCES participants, pair TEXT NOT NULL, position INTEGER NOT NULL,
  left_clip TEXT NOT NULL, right_clip TEXT NOT NULL, choice TEXT NOT NULL CHECK (choice IN ('left', 'right')),
  seconds REAL NOT NULL, plays INTEGER NOT NULL, changes INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (participant, pair));
"""


@pytest.fixture
def old_study(study):
    """The study as version 1 wrote it: ``public/clips``, columns ``left_clip`` and ``right_clip``, one answer."""
    data = json.loads((study / DESIGN_FILE).read_text())
    data.pop("version")
    (study / DESIGN_FILE).write_text(json.dumps({"version": 1, **data}))
    (study / "public" / "videos").rename(study / "public" / "clips")
    first = data["studies"][0]
    pair = first["pairs"][0]
    left, right = pair["expected"], pair["other"]
    plan = [{"pair": pair["code"], "left": left, "right": right}]
    row = (first["code"], "a" * 32, pair["code"], 0, left, right, "left", 2.5, 1, 0)
    with closing(sqlite3.connect(study / ANSWERS_FILE)) as database:
        database.executescript(OLD_TABLES)
        database.execute("INSERT INTO made_for VALUES (?)", (data["code"],))
        participant = ("a" * 32, first["code"], "2026-01-02", json.dumps(plan))
        database.execute("INSERT INTO participants VALUES (?, ?, ?, ?)", participant)
        database.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.commit()
    return study
