"""``latentman study analyse``: from the answers to tables in Markdown, CSV and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from latentman.errors import ConfigError
from latentman.study.answer import Answer
from latentman.study.answers import ANSWERS_FILE, Kept, read_answers
from latentman.study.design import Design, read_design
from latentman.study.exchange import export_answers, import_answers, merge, write_csv
from latentman.study.preference import Preference, Share, preferences
from latentman.system.paths import write_json, write_text

FOLDER = "analysis"
MAX_DAMAGED_NAMED = 20
PAPER = (
    "The paper had 23 people judge 10 videos: its method was preferred in 66 % of the answers against MasaCtrl, and in "
    "76 % against Text2Video-Zero."
)


def analyse_study(study_dir: Path, csv_files: Sequence[Path] = (), without: Sequence[str] = ()) -> str:
    """Analyse the answers of a study and write the tables into its folder ``analysis``.

    Rows that are damaged are left out, counted and named in the tables.

    Args:
        study_dir: what ``latentman study build`` wrote.
        csv_files: answers of the same study from other machines.
        without: codes of participants who want their answers removed, or the beginning of a code as the page shows it.

    Returns:
        The Markdown, and the paths of the files.

    Raises:
        ConfigError: for a code of no participant, or of several.
        RecordError: if a file cannot be read or written.
        DataError: if a file of answers belongs to another study, or two contradict each other.
    """
    design = read_design(study_dir)
    kept = read_answers(study_dir, design)
    sources, damaged = [(str(study_dir / ANSWERS_FILE), kept.answers)], list(kept.damaged)
    for path in csv_files:
        imported, unfit = import_answers(path, design)
        sources.append((str(path), imported))
        damaged += unfit
    answers = merge(sources)
    began = _began(kept, answers)
    removed = {_participant(code, answers) for code in without}
    answers = [answer for answer in answers if answer.participant not in removed]
    results = preferences(design, answers, began)
    folder = study_dir / FOLDER
    text = to_markdown(design, results, damaged)
    write_text(folder / "preference.md", text)
    write_json(folder / "preference.json", to_json(design, results, damaged))
    write_csv(folder / "preference.csv", [_row(result) for result in results], HEADINGS)
    write_csv(folder / "prompts.csv", _prompt_rows(results), PROMPT_HEADINGS)
    export_answers(folder / "answers.csv", design, answers)
    names = ("preference.md", "preference.csv", "preference.json", "prompts.csv", "answers.csv")
    return text + "\n" + "".join(f"{folder / name}\n" for name in names)


def _began(kept: Kept, answers: Sequence[Answer]) -> dict[str, int]:
    """Return how many began each study: as recorded here, and from elsewhere all who answered at least once."""
    here = {answer.participant for answer in kept.answers}
    elsewhere = {(answer.study, answer.participant) for answer in answers if answer.participant not in here}
    return dict(Counter(kept.began) + Counter(study for study, _ in elsewhere))


def _participant(code: str, answers: Sequence[Answer]) -> str:
    found = {answer.participant for answer in answers if code and answer.participant.startswith(code.lower())}
    if len(found) != 1:
        what = "several participants" if found else "no participant with answers"
        raise ConfigError(f"--without {code} is the code of {what}: give the whole code that the page showed")
    return found.pop()


HEADINGS = (
    "baseline", "began", "finished", "excluded", "counted", "answers", "ours", "preference", "low", "high", "p_value",
    "bootstrap_low", "bootstrap_high", "alpha", "left", "left_low", "left_high", "median_seconds", "with_excluded",
    "with_all",
)  # fmt: skip
PROMPT_HEADINGS = ("baseline", "prompt", "seed", "answers", "ours", "preference", "low", "high")


def _row(result: Preference) -> list[object]:
    low, high = result.bootstrap or (None, None)
    own, left = result.preference, result.left
    people = [result.baseline, result.began, result.finished, result.excluded, result.counted]
    return [
        *people,
        *(own.total, own.count, own.share, own.low, own.high, result.p_value, low, high, result.alpha),
        *(left.share, left.low, left.high, result.seconds, result.with_excluded.share, result.with_all.share),
    ]


def _prompt_rows(results: Sequence[Preference]) -> list[list[object]]:
    return [
        [result.baseline, row.prompt, row.seed, own.total, own.count, own.share, own.low, own.high]
        for result in results
        for row in result.prompts
        for own in [row.preference]
    ]


def to_json(design: Design, results: Sequence[Preference], damaged: Sequence[str] = ()) -> dict[str, object]:
    """Return the results as an object for JSON, with the rule of exclusion and the rows that are damaged."""
    return {
        "question": design.question,
        "ours": design.ours,
        "rule": rule(design),
        "design": design.code,
        "damaged": list(damaged),
        "studies": [asdict(result) for result in results],
    }


def rule(design: Design) -> str:
    """Return the rule by which participants are counted, in words."""
    failures = "no attention check" if design.may_fail == 0 else f"at most {design.may_fail} of the attention checks"
    return f"participants count if they answered every pair and failed {failures}; the rule was set before the study"


def to_markdown(design: Design, results: Sequence[Preference], damaged: Sequence[str] = ()) -> str:
    """Return the results as Markdown: a table of the studies, damaged rows, and the details of each study."""
    lines = [
        f"# Preference for {_plain(design.ours)}",
        "",
        f"*{design.question}*",
        "",
        f"{rule(design).capitalize()}.",
        "",
    ]
    lines += [
        "| against | participants | answers | preference | 95 % (Wilson) | p (binomial) | alpha |",
        "| :-- | --: | --: | --: | --: | --: | --: |",
    ]
    for result in results:
        own = result.preference
        cells = (
            *(_plain(result.baseline), str(result.counted), str(own.total), _percent(own.share)),
            *(_interval(own.low, own.high), _p_value(result.p_value), _decimal(result.alpha)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += _damaged_lines(damaged)
    for result in results:
        lines += ["", *_details(result)]
    return "\n".join([*lines, "", PAPER]) + "\n"


def _damaged_lines(damaged: Sequence[str]) -> list[str]:
    if not damaged:
        return []
    rest = len(damaged) - MAX_DAMAGED_NAMED
    more = [f"- and {rest} more, in preference.json"] if rest > 0 else []
    head = f"**Left out:** {len(damaged)} damaged answers. A participant who lacks an answer counts as unfinished:"
    return ["", head, "", *(f"- {_plain(line)}" for line in damaged[:MAX_DAMAGED_NAMED]), *more]


def _details(result: Preference) -> list[str]:
    low, high = result.bootstrap or (None, None)
    left = result.left
    head = [
        f"## Against {_plain(result.baseline)}",
        "",
        *(f"**Note:** {note}.\n" for note in result.notes),
        f"- participants: {result.began} began, {result.finished} finished, "
        f"{result.excluded} excluded for failed checks, {result.counted} counted",
    ]
    if result.counted == 0:
        return head
    return [
        *head,
        f"- resampling participants instead of answers: {_interval(low, high)}"
        + (" (fewer than five participants)" if low is None else ""),
        f"- with participants who failed the checks: {_share(result.with_excluded)}; with unfinished ones too: "
        f"{_share(result.with_all)}",
        f"- the left video was chosen in {_share(left)}; without a bias of sides it is 50 %",
        f"- Krippendorff's alpha {_decimal(result.alpha)}; 1 is full agreement, 0 is chance"
        + ("; undefined, since all answers are alike or no pair has two answers" if result.alpha is None else ""),
        f"- median time of an answer: {_decimal(result.seconds, 1)} s",
        "",
        "| prompt | seed | answers | ours | 95 % (Wilson) |",
        "| :-- | --: | --: | --: | --: |",
        *(
            f"| {_plain(row.prompt)} | {'-' if row.seed is None else row.seed} | {row.preference.total} | "
            f"{_percent(row.preference.share)} | {_interval(row.preference.low, row.preference.high)} |"
            for row in result.prompts
        ),
    ]


def _plain(text: str) -> str:
    """Escape a user's text, so that it is not taken for Markdown and does not end the cell of a table."""
    return " ".join("".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text).split())


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"


def _share(share: Share) -> str:
    return f"{_percent(share.share)} of {share.total} ({_interval(share.low, share.high)})"


def _decimal(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _p_value(value: float | None) -> str:
    return "-" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"
