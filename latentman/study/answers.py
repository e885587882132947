"""The answers of a study, in SQLite: what each participant saw and chose, and nothing about who they are."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from latentman.errors import RecordError
from latentman.files.json_file import parse_json
from latentman.files.sqlite_file import reading_database
from latentman.study.answer import COLUMNS, OLD_COLUMNS, Answer, checked_answer
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
  left_video TEXT NOT NULL, right_video TEXT NOT NULL, choice TEXT NOT NULL CHECK (choice IN ('left', 'right')),
  seconds REAL NOT NULL, plays INTEGER NOT NULL, changes INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (participant, pair));
"""


class UnknownCodeError(Exception):
    """A participant, pair or study that does not exist."""


class FinishedError(Exception):
    """A change of an answer after the last pair was answered."""


class FullError(Exception):
    """More participants than a table should have."""


@dataclass(frozen=True, slots=True)
class Participation:
    """What the page needs in order to continue: the plan, and what has been chosen so far, by pair."""

    participant: str
    study: str
    plan: list[Showing]
    chosen: dict[str, str]


class AnswerStore:
    """The table of answers; safe to use from several threads and from several servers of one folder."""

    def __init__(self, study_dir: Path, design: Design) -> None:
        """Open the answers of a study, or create the file.

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
                for name in sorted(_columns(self._database) & set(OLD_COLUMNS)):
                    self._database.execute(f"ALTER TABLE answers RENAME COLUMN {name} TO {OLD_COLUMNS[name]}")
                made_for = self._database.execute("SELECT design FROM made_for").fetchone()
                if made_for is None:
                    self._database.execute("INSERT INTO made_for VALUES (?)", (self._design.code,))
        except sqlite3.Error as error:
            raise _unreadable(self.path, error) from error
        if made_for is not None and made_for[0] != self._design.code:
            raise _foreign(self.path)

    def begin(self, study: Study | None, done: Collection[str] = ()) -> Participation:
        """Register a participant and draw what they will see.

        Args:
            study: which study; None takes the one with the fewest participants.
            done: codes of studies that this person has finished; they are taken only if there is no other.

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
            # The day alone: the minute could identify a person.
            today = datetime.now(UTC).date().isoformat()
            row = (participant, study.code, today, json.dumps([asdict(showing) for showing in plan]))
            self._database.execute("INSERT INTO participants VALUES (?, ?, ?, ?)", row)
        return Participation(participant, study.code, plan, {})

    def resume(self, participant: str) -> Participation:
        """Return the plan of a participant and their answers so far.

        Raises:
            UnknownCodeError: if there is no such participant.
        """
        with self._lock:
            return self._participation(participant)

    def answer(self, participant: str, pair: str, choice: str, *, seconds: float, plays: int) -> Participation:
        """Store an answer. Until the study is finished, a second answer to a pair replaces the first.

        Raises:
            UnknownCodeError: if there is no such participant, or the pair is not in their plan.
            FinishedError: if it would change an answer after the last pair was answered.
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
        """Bring everything into the one file and close it; a second call does nothing."""
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
        return Participation(participant, row[0], [Showing(**each) for each in parse_json(row[1])], dict(chosen))


def _columns(database: sqlite3.Connection) -> set[str]:
    """Return the names of the columns of the answers."""
    return {str(row[1]) for row in database.execute("PRAGMA table_info(answers)")}


@dataclass(frozen=True, slots=True)
class Kept:
    """All answers of a study folder.

    Attributes:
        answers: the answers that fit the design.
        began: how many participants began each study, by its code.
        damaged: for each row that does not fit, where it is and why, in words.
    """

    answers: list[Answer]
    began: dict[str, int]
    damaged: list[str] = field(default_factory=list)


def read_answers(study_dir: Path, design: Design) -> Kept:
    """Read the answers of a study, while it is served or not; none if it was never served.

    Raises:
        RecordError: if the file cannot be read, is damaged as a whole, or holds answers of another study.
    """
    path = study_dir / ANSWERS_FILE
    if not path.exists():
        return Kept([], {})
    with reading_database(path, advice="check its permissions and the free space") as database:
        made_for = database.execute("SELECT design FROM made_for").fetchone()
        if made_for is None or made_for[0] != design.code:
            raise _foreign(path)
        there = _columns(database)
        old = {new: name for name, new in OLD_COLUMNS.items() if name in there}
        names = ", ".join(old.get(name, name) for name in COLUMNS)
        rows = database.execute(f"SELECT rowid, {names} FROM answers ORDER BY rowid").fetchall()
        began = database.execute("SELECT study, COUNT(*) FROM participants GROUP BY study").fetchall()
    kept = Kept([], {study: count for study, count in began if isinstance(study, str)})
    for number, *values in rows:
        try:
            kept.answers.append(checked_answer(dict(zip(COLUMNS, values, strict=True)), design))
        except ValueError as error:
            kept.damaged.append(f"{path}, row {number}: {error}")
    return kept


def _unreadable(path: Path, error: sqlite3.Error) -> RecordError:
    return RecordError(f"cannot open the answers in {path}: {error}; check its permissions and the free space")


def _foreign(path: Path) -> RecordError:
    return RecordError(
        f"{path} holds answers of another study: move it to the folder of its own design.json, "
        "or build the study into a new folder"
    )
