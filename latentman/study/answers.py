"""The answers of a study, in SQLite: what each participant was shown and chose, and nothing about who that was."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from latentman.errors import RecordError
from latentman.study.design import Design, Study
from latentman.study.plan import Showing, plan_for

ANSWERS_FILE = "answers.sqlite"
MAX_PARTICIPANTS = 10_000
"""A script that begins over and over fills the table, not the disk."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS made_for (design TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS participants (
  participant TEXT PRIMARY KEY, study TEXT NOT NULL, began TEXT NOT NULL, plan TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
  study TEXT NOT NULL, participant TEXT NOT NULL REFERENCES participants, pair TEXT NOT NULL, position INTEGER NOT NULL,
  left_clip TEXT NOT NULL, right_clip TEXT NOT NULL, choice TEXT NOT NULL CHECK (choice IN ('left', 'right')),
  seconds REAL NOT NULL, plays INTEGER NOT NULL, changes INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (participant, pair));
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice: which side of a pair, and what was shown there.

    ``position`` counts from 0 within the participant's order, ``seconds`` from the first sight of the pair to the
    choice, ``plays`` how often both clips ran, ``changes`` how often the participant went back and chose otherwise.
    """

    study: str
    participant: str
    pair: str
    position: int
    left_clip: str
    right_clip: str
    choice: str
    seconds: float
    plays: int
    changes: int = 0

    @property
    def chosen(self) -> str:
        """The code of the clip that was chosen."""
        return self.left_clip if self.choice == "left" else self.right_clip


COLUMNS = tuple(field.name for field in fields(Answer))


class UnknownCodeError(Exception):
    """A participant, pair or study that does not exist."""


class FinishedError(Exception):
    """A change of an answer after the last pair was answered."""


class FullError(Exception):
    """More participants than a table should have."""


@dataclass(frozen=True, slots=True)
class Participation:
    """What the page needs in order to go on: the plan, and what has been chosen so far, by pair."""

    participant: str
    study: str
    plan: list[Showing]
    chosen: dict[str, str]


class AnswerStore:
    """The table of answers; safe to use from several threads and from several servers of one folder."""

    def __init__(self, study_dir: Path, design: Design) -> None:
        """Open the answers of a study, or begin to keep them.

        Raises:
            RecordError: if the file cannot be opened, is damaged, or holds answers of another study.
        """
        self.path = study_dir / ANSWERS_FILE
        self._design = design
        self._lock = threading.Lock()
        self._open = True
        try:
            self._database = sqlite3.connect(self.path, timeout=10, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise _unreadable(self.path, error) from error
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            # With WAL the default would lose the latest answers when the power fails.
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(SCHEMA)
            with self._changing():
                made_for = self._database.execute("SELECT design FROM made_for").fetchone()
                if made_for is None:
                    self._database.execute("INSERT INTO made_for VALUES (?)", (self._design.code,))
        except sqlite3.Error as error:
            raise _unreadable(self.path, error) from error
        if made_for is not None and made_for[0] != self._design.code:
            raise _foreign(self.path)

    def begin(self, study: Study | None, done: Collection[str] = ()) -> Participation:
        """Take in a participant and draw what they will see.

        Args:
            study: which study; None takes the one with the fewest participants.
            done: codes of studies that this person has finished, taken only if there is no other.

        Raises:
            FullError: if there are more than ``MAX_PARTICIPANTS``.
        """
        participant = secrets.token_hex(16)
        with self._changing():
            counts = dict(self._database.execute("SELECT study, COUNT(*) FROM participants GROUP BY study").fetchall())
            if sum(counts.values()) >= MAX_PARTICIPANTS:
                raise FullError
            if study is None:
                studies = self._design.studies
                left = [study for study in studies if study.code not in done] or list(studies)
                study = min(left, key=lambda one: (counts.get(one.code, 0), secrets.randbits(32)))
            plan = plan_for(study, self._design.seed, participant)
            # The day alone: the minute could tell who it was.
            today = datetime.now(UTC).date().isoformat()
            row = (participant, study.code, today, json.dumps([asdict(showing) for showing in plan]))
            self._database.execute("INSERT INTO participants VALUES (?, ?, ?, ?)", row)
        return Participation(participant, study.code, plan, {})

    def resume(self, participant: str) -> Participation:
        """Return what a participant was going to see, and the answers so far.

        Raises:
            UnknownCodeError: if there is no such participant.
        """
        with self._lock:
            return self._participation(participant)

    def answer(self, participant: str, pair: str, choice: str, *, seconds: float, plays: int) -> Participation:
        """Keep an answer; one to a pair that was answered before takes its place until the study is finished.

        Raises:
            UnknownCodeError: if there is no such participant, or the pair is not among those they see.
            FinishedError: if it would change an answer after the last one was given.
        """
        with self._changing():
            so_far = self._participation(participant)
            shown = {showing.pair: (position, showing) for position, showing in enumerate(so_far.plan)}
            if pair not in shown:
                raise UnknownCodeError("pair")
            before = so_far.chosen.get(pair)
            if before == choice:
                return so_far
            if before is not None and len(so_far.chosen) == len(so_far.plan):
                raise FinishedError
            position, showing = shown[pair]
            self._database.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET "
                "choice = excluded.choice, seconds = excluded.seconds, plays = excluded.plays, changes = changes + 1",
                (so_far.study, participant, pair, position, showing.left, showing.right, choice, seconds, plays),
            )
            return self._participation(participant)

    def counts(self) -> tuple[int, int]:
        """Return the numbers of participants and of answers."""
        with self._lock:
            query = "SELECT (SELECT COUNT(*) FROM participants), (SELECT COUNT(*) FROM answers)"
            participants, answers = self._database.execute(query).fetchone()
        return participants, answers

    def close(self) -> None:
        """Bring everything into the one file and close it; a second time does nothing."""
        with self._lock:
            if self._open:
                self._open = False
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._database.close()

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock and a transaction, which is undone if anything is raised."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    def _participation(self, participant: str) -> Participation:
        query = "SELECT study, plan FROM participants WHERE participant = ?"
        row = self._database.execute(query, (participant,)).fetchone()
        if row is None:
            raise UnknownCodeError("participant")
        chosen = self._database.execute("SELECT pair, choice FROM answers WHERE participant = ?", (participant,))
        return Participation(participant, row[0], [Showing(**each) for each in json.loads(row[1])], dict(chosen))


@dataclass(frozen=True, slots=True)
class Kept:
    """All answers of a study folder, and how many participants began each study, by its code."""

    answers: list[Answer]
    began: dict[str, int]


def read_answers(study_dir: Path, design: Design) -> Kept:
    """Read the answers of a study, while it is served or not; none if nobody has been served yet.

    Raises:
        RecordError: if the file cannot be read, is damaged, or holds answers of another study.
    """
    path = study_dir / ANSWERS_FILE
    if not path.exists():
        return Kept([], {})
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        ) as database:
            made_for = database.execute("SELECT design FROM made_for").fetchone()
            if made_for is None or made_for[0] != design.code:
                raise _foreign(path)
            rows = database.execute(f"SELECT {', '.join(COLUMNS)} FROM answers ORDER BY rowid").fetchall()
            began = database.execute("SELECT study, COUNT(*) FROM participants GROUP BY study").fetchall()
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    return Kept([Answer(*row) for row in rows], dict(began))


def _unreadable(path: Path, error: sqlite3.Error) -> RecordError:
    return RecordError(f"cannot open the answers in {path}: {error}; check who may write there, and the free space")


def _foreign(path: Path) -> RecordError:
    return RecordError(
        f"{path} holds answers of another study: move it to the folder of its own design.json, "
        "or build the study into a new folder"
    )
