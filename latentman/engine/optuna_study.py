"""The trials of a search in ``study.sqlite``, a study of Optuna: what was tried, what it gave, and what to try next.

Every trial has a sampler of its own, whose seed is made of the study's seed and the trial's number. What a trial tries
thus depends on the earlier results alone, not on how often the search was interrupted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from latentman.engine.search import Search
from latentman.engine.search_space import Axis, Choices
from latentman.errors import MissingExtraError, RecordError
from latentman.files.opening import reading
from latentman.files.sqlite_file import reading_database

STUDY_FILE = "study.sqlite"

_NAME = "latentman"
_SEARCH = "search"
"""The attribute of the study that holds the description of its search."""

_OLDEST = 4
"""The first major version of Optuna with which this was tested."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial without a result: its number, and the value of each key as in an override."""

    number: int
    values: dict[str, str]


def check_optuna() -> None:
    """Refuse a search where Optuna is not installed, or too old.

    Raises:
        MissingExtraError: naming the extra that brings it.
    """
    advice = "pip install 'latentman[optuna]'"
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError(f"hydra/sweeper=optuna: the package optuna is not installed: {advice}") from error
    if int(optuna.__version__.partition(".")[0]) < _OLDEST:
        raise MissingExtraError(
            f"hydra/sweeper=optuna needs optuna {_OLDEST} or newer, and {optuna.__version__} is installed: {advice}"
        )


class SearchStudy:
    """The study of one search, open for reading and writing."""

    def __init__(self, path: Path, study: Any, search: Search) -> None:
        self._path = path
        self._study = study
        self._search = search

    @property
    def num_trials(self) -> int:
        """Return how many trials were begun."""
        return len(self._whole())

    @property
    def num_done(self) -> int:
        """Return how many trials have ended."""
        return sum(trial.state.is_finished() for trial in self._whole())

    def unfinished(self) -> list[Trial]:
        """Return the trials without a result, such as those of a search that was killed, in order."""
        with _used(self._path):
            return [
                Trial(trial.number, self._texts(trial.params))
                for trial in self._whole()
                if not trial.state.is_finished()
            ]

    def ask(self) -> Trial:
        """Return a new trial.

        Raises:
            RecordError: if the study cannot be written.
        """
        with _used(self._path):
            self._study.sampler = _sampler(self._search, self.num_trials)
            axes = self._search.space.axes
            trial = self._study.ask(fixed_distributions={key: _distribution(axis) for key, axis in axes.items()})
            return Trial(trial.number, self._texts(trial.params))

    def tell(self, trial: Trial, values: Sequence[float] | None) -> None:
        """Record the result of a trial.

        Args:
            trial: without a result so far.
            values: of the objectives, in their order; None if the run is done but lacks one of them.

        Raises:
            RecordError: if the study cannot be written.
        """
        from optuna.trial import TrialState

        with _used(self._path):
            if values is None:
                self._study.tell(trial.number, state=TrialState.FAIL)
            else:
                self._study.tell(trial.number, list(values))

    def _whole(self) -> list[Any]:
        """Return the trials without those that a kill cut off before all of their values were written."""
        with _used(self._path):
            trials = self._study.get_trials(deepcopy=False)
            return [trial for trial in trials if trial.params.keys() >= self._search.space.axes.keys()]

    def _texts(self, params: dict[str, Any]) -> dict[str, str]:
        """Return what Optuna chose as the values of overrides."""
        return {key: axis.text(params[key]) for key, axis in self._search.space.axes.items()}


@contextlib.contextmanager
def open_study(folder: Path, search: Search) -> Iterator[SearchStudy]:
    """Open the study in a sweep's folder, or begin one.

    Raises:
        RecordError: if the file is damaged, or holds another search.
    """
    import optuna

    path = folder / STUDY_FILE
    with contextlib.suppress(FileNotFoundError), reading_database(path, advice=_ADVICE) as database:
        found = database.execute("PRAGMA quick_check").fetchone()
        if found != ("ok",):
            raise RecordError(f"{path} is damaged; {_ADVICE}")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = None
    try:
        with _used(path):
            storage = optuna.storages.RDBStorage(f"sqlite:///{quote(str(path))}")
            study = optuna.create_study(
                storage=storage, study_name=_NAME, directions=list(search.objectives.values()), load_if_exists=True
            )
            described = study.user_attrs.get(_SEARCH)
            if described is None:
                study.set_user_attr(_SEARCH, search.description())
        if described not in (None, search.description()):
            raise RecordError(
                f"sweep_dir={folder} holds another search: a search keeps its space, objectives, sampler, seed and "
                "other settings; only hydra.sweeper.num_trials and max_batch_size may change\n"
                "give the command that began it, or choose another sweep_dir"
            )
        yield SearchStudy(path, study, search)
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()


_ADVICE = "move it away to begin the search again, or choose another sweep_dir"


def _used(path: Path) -> contextlib.AbstractContextManager[None]:
    return reading(path, error=RecordError, advice=_ADVICE, what="cannot use the study")


def _sampler(search: Search, number: int) -> Any:
    """Return the sampler of one trial."""
    import optuna

    seed = int(np.random.SeedSequence([search.seed, number]).generate_state(1)[0])
    if search.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed)


def _distribution(axis: Axis) -> Any:
    """Return an axis as Optuna knows it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(axis, Choices):
        return CategoricalDistribution(axis.values)
    if axis.is_whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.is_log)
    return FloatDistribution(axis.low, axis.high, log=axis.is_log)
