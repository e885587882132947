"""Which finished runs of a sweep can be shown side by side: same prompt, same seed, ours and one baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.errors import ConfigError, RecordError, nearest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class RunPair:
    """The folders of two runs of one prompt and seed."""

    prompt: str
    seed: int | None
    ours: Path
    baseline: Path


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs of ours against one baseline, and the reasons, in words, for runs that were not paired."""

    baseline: str
    pairs: tuple[RunPair, ...]
    skipped: tuple[str, ...]


def pair_runs(sweep_dir: Path, ours: str, baselines: Sequence[str]) -> list[Pairing]:
    """Pair the finished runs below a sweep folder, by prompt and seed, in the order of the prompts.

    If there are several finished runs of one variant, prompt and seed, the first one is used.

    Args:
        sweep_dir: the folder of a sweep.
        ours: the variant under test, named as in the table of ``latentman report``.
        baselines: the variants that it is compared with, each in a study of its own.

    Raises:
        ConfigError: for a variant that the sweep does not have, or that is named twice.
        RecordError: if there are no runs, or none that can be paired with a baseline.
    """
    from latentman.report.collect import collect
    from latentman.report.tables.variants import variant_labels

    results = collect(sweep_dir)
    results = results.assign(variant=variant_labels(results).map(str))
    _check_names(ours, baselines, list(dict.fromkeys(results["variant"])))
    return [_pairing(sweep_dir, results, ours, baseline) for baseline in baselines]


def _check_names(ours: str, baselines: Sequence[str], variants: list[str]) -> None:
    listed = "".join(f"\n  {variant}" for variant in variants)
    for option, name in [("--ours", ours), *(("--baseline", name) for name in baselines)]:
        if name not in variants:
            raise ConfigError(
                f"{option} '{name}' is not a variant of this sweep{nearest(name, variants)}\nits variants:{listed}"
            )
    named = [ours, *baselines]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"'{twice}' is named twice: a variant is compared with other variants, and with each of them once"
        )


def _pairing(sweep_dir: Path, results: pd.DataFrame, ours: str, baseline: str) -> Pairing:
    skipped: list[str] = []
    sides = [_finished(results, variant, skipped) for variant in (ours, baseline)]
    pairs = []
    for prompt, seed in dict.fromkeys([*sides[0], *sides[1]]):
        missing = [name for name, side in zip((ours, baseline), sides, strict=True) if (prompt, seed) not in side]
        if missing:
            skipped.append(f"{_what(prompt, seed)}: no finished run of {missing[0]}")
            continue
        mine, theirs = (sweep_dir / side[prompt, seed] for side in sides)
        pairs.append(RunPair(prompt, seed, mine, theirs))
    if not pairs:
        reasons = "".join(f"\n  {line}" for line in skipped)
        raise RecordError(
            f"no prompt of {sweep_dir} has finished runs of both '{ours}' and '{baseline}': "
            f"continue the sweep, or choose another --baseline{reasons}"
        )
    return Pairing(baseline, tuple(pairs), tuple(skipped))


def _finished(results: pd.DataFrame, variant: str, skipped: list[str]) -> dict[tuple[str, int | None], str]:
    """Return the folder of each prompt and seed that is done; add the others to ``skipped``."""
    found: dict[tuple[str, int | None], str] = {}
    for run in results[results["variant"] == variant].to_dict("records"):
        seed = run["seed"]
        # pandas marks missing values as not a number.
        prompt = run["prompt"] if isinstance(run["prompt"], str) else "no prompt recorded"
        key = (prompt, None if seed is None or seed != seed else int(seed))
        if run["state"] != "done":
            reason = f": {run['error']}" if isinstance(run["error"], str) else ""
            skipped.append(f"{run['folder']}: {run['state']}{reason}")
        elif key in found:
            skipped.append(f"{run['folder']}: {variant} has a run of this prompt and seed already, {found[key]}")
        else:
            found[key] = str(run["folder"])
    return found


def _what(prompt: str, seed: int | None) -> str:
    return f"'{prompt}'" + ("" if seed is None else f", seed {seed}")
