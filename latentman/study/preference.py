"""The result of the answers: who counts, how often ours was preferred, also by prompt, and what weakens the result."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latentman.study.agreement import krippendorff_alpha
from latentman.study.answer import Answer
from latentman.study.design import Design, Study
from latentman.study.proportion import binomial_test, cluster_bootstrap, wilson_interval

FEW_PARTICIPANTS = 10
"""With fewer, the result carries a note."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of ``total`` answers, their share and Wilson's 95 % interval; the last three are None for none."""

    count: int
    total: int
    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, count: int, total: int) -> Share:
        """Return the share with its interval."""
        low, high = wilson_interval(count, total) or (None, None)
        return cls(count, total, count / total if total else None, low, high)


@dataclass(frozen=True, slots=True)
class PromptRow:
    """One pair of the study and how often ours was chosen in it."""

    prompt: str
    seed: int | None
    preference: Share


@dataclass(frozen=True, slots=True)
class Preference:
    """The result of one study.

    Attributes:
        code: code of the study.
        baseline: the variant that ours was compared with.
        began: participants who began, including unfinished ones.
        finished: participants who answered every pair.
        excluded: finished participants who failed more checks than the design allows.
        counted: finished participants who were not excluded. Everything below is about them, except
            ``with_excluded`` and ``with_all``.
        preference: how often ours was chosen, over all pairs that are not checks.
        p_value: p value of the exact two-sided binomial test against an even chance.
        bootstrap: 95 % interval from resampling participants; None with too few.
        alpha: Krippendorff's alpha over the pairs; None if all answers are alike.
        left: how often the left video was chosen.
        seconds: median time of an answer.
        with_excluded: the preference if excluded participants counted.
        with_all: the preference if unfinished participants counted as well.
        prompts: a row for each pair.
        notes: what makes the result weak, in words.
    """

    code: str
    baseline: str
    began: int
    finished: int
    excluded: int
    counted: int
    preference: Share
    p_value: float | None
    bootstrap: tuple[float, float] | None
    alpha: float | None
    left: Share
    seconds: float | None
    with_excluded: Share
    with_all: Share
    prompts: tuple[PromptRow, ...]
    notes: tuple[str, ...]


def preferences(design: Design, answers: Sequence[Answer], began: dict[str, int]) -> list[Preference]:
    """Return the result of each study.

    A participant counts if they answered all pairs of the study and failed at most ``design.may_fail`` of its
    attention checks. Both rules are fixed when the study is built.

    Args:
        design: the design.
        answers: the answers to all studies, one for each participant and pair.
        began: how many participants began each study, by its code. For a study that is missing here, the
            participants with answers are counted.
    """
    return [
        _preference(design, study, [a for a in answers if a.study == study.code], began) for study in design.studies
    ]


def _preference(design: Design, study: Study, answers: Sequence[Answer], began: dict[str, int]) -> Preference:
    by_person: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_person[answer.participant].append(answer)
    finished = {person for person, own in by_person.items() if len(own) == len(study.pairs)}
    excluded = {person for person in finished if _failed_checks(study, by_person[person]) > design.may_fail}
    counted = sorted(finished - excluded)
    comparisons = {pair.code: pair for pair in study.comparisons()}

    def judged(people: set[str] | list[str]) -> list[Answer]:
        return [answer for person in people for answer in by_person[person] if answer.pair in comparisons]

    def ours(chosen: Sequence[Answer]) -> int:
        return sum(answer.chosen == comparisons[answer.pair].expected for answer in chosen)

    own = judged(counted)
    preference = Share.of(ours(own), len(own))
    of_pair = {code: [answer for answer in own if answer.pair == code] for code in comparisons}
    units = [[answer.chosen == pair.expected for answer in of_pair[code]] for code, pair in comparisons.items()]
    rows = tuple(
        PromptRow(pair.prompt, pair.seed, Share.of(ours(of_pair[code]), len(of_pair[code])))
        for code, pair in comparisons.items()
    )
    return Preference(
        code=study.code,
        baseline=study.baseline,
        began=began.get(study.code, len(by_person)),
        finished=len(finished),
        excluded=len(excluded),
        counted=len(counted),
        preference=preference,
        p_value=binomial_test(preference.count, preference.total),
        bootstrap=cluster_bootstrap([(ours(mine), len(mine)) for mine in (judged([one]) for one in counted)]),
        alpha=krippendorff_alpha(units),
        left=Share.of(sum(answer.choice == "left" for answer in own), len(own)),
        seconds=statistics.median(answer.seconds for answer in own) if own else None,
        with_excluded=_share(judged(finished), ours),
        with_all=_share(judged(set(by_person)), ours),
        prompts=rows,
        notes=_notes(len(counted), len(comparisons), study),
    )


def _share(answers: Sequence[Answer], ours: Callable[[Sequence[Answer]], int]) -> Share:
    return Share.of(ours(answers), len(answers))


def _failed_checks(study: Study, answers: Sequence[Answer]) -> int:
    checks = {pair.code: pair for pair in study.pairs if pair.is_check}
    return sum(answer.pair in checks and answer.chosen != checks[answer.pair].expected for answer in answers)


def _notes(counted: int, pairs: int, study: Study) -> tuple[str, ...]:
    notes = []
    if counted == 0:
        notes.append("no participant counts yet: there is no result")
    elif counted < FEW_PARTICIPANTS:
        notes.append(f"only {counted} participants count: too few to conclude anything about people in general")
    if pairs < 5:
        notes.append(f"only {pairs} pairs: the result may not hold for other prompts")
    if len(study.pairs) == pairs:
        notes.append("without attention checks, random answers are counted")
    return tuple(notes)
