"""From one composed configuration to the prompts it asks for and the folders they go to."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from latentman.config import NOT_PART_OF_THE_RESULT, Config, PromptEntry, resolve
from latentman.engine.overrides import quote
from latentman.errors import ConfigError
from latentman.record.sweep_plan import PlannedJob, read_plan
from latentman.system.paths import user_path

NOT_A_VARIANT = (*NOT_PART_OF_THE_RESULT, "exp", "prompt", "prompts.shard")
"""Overrides that do not make a job a variant of its sweep: jobs that differ only in them are not compared."""

NOT_IN_NAMES = ("num_frames", "num_inference_steps")
"""Overrides that most often hold for a whole sweep, and would only lengthen the names of its folders."""


@dataclass(frozen=True)
class Job:
    """What Hydra started: a single run, or one job of a sweep."""

    folder: Path
    sweep_dir: Path | None
    number: int
    overwrite: bool
    choices: dict[str, str]
    overrides: list[str]
    swept: dict[str, str]
    baseline: dict[str, Any]
    name: str
    plain: dict[str, Any]
    text: str

    def facts(self) -> dict[str, Any]:
        """Return what every status file below this job says of it."""
        return {
            "name": self.name,
            "asked_seed": self.plain.get("seed"),
            "choices": self.choices,
            "overrides": self.overrides,
            "swept": self.swept,
            "baseline": self.baseline,
            "commit": commit(),
        }


@dataclass(frozen=True)
class Task:
    """One prompt in one folder."""

    config: Config
    folder: Path
    plain: dict[str, Any]
    text: str
    command: str


def describe_job(cfg: Any, config: Config) -> Job:
    """Read from Hydra the choices, the overrides and the sweep, and so the folder.

    Raises:
        ConfigError: if ``run_dir`` is given for a sweep, or ``prompt`` together with a set of prompts.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if not HydraConfig.initialized():
        return make_job(cfg, config)
    hydra = HydraConfig.get()
    choices = {k: str(v) for k, v in hydra.runtime.choices.items() if not k.startswith("hydra/") and k != "local"}
    overrides = list(hydra.overrides.task)
    if hydra.mode != RunMode.MULTIRUN:
        return make_job(cfg, config, choices, overrides)
    number, sweep_dir = int(hydra.job.num), user_path(str(config.sweep_dir)).absolute()
    plan = read_plan(sweep_dir)
    planned = plan.find(overrides) if plan is not None else None
    if planned is None:  # a sweeper that decides as it goes
        planned = PlannedJob(number, folder_name(number, overrides), tuple(overrides))
    return make_job(cfg, config, choices, overrides, sweep_dir, planned)


def make_job(
    cfg: Any,
    config: Config,
    choices: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    sweep_dir: Path | None = None,
    planned: PlannedJob | None = None,
) -> Job:
    """Return a job from what is known of it.

    Args:
        cfg: the composed configuration.
        config: the same, resolved.
        choices: the options of all groups.
        overrides: of this job.
        sweep_dir: the folder of its sweep; None for a single run.
        planned: its place in the sweep.

    Raises:
        ConfigError: as :func:`describe_job`.
    """
    if sweep_dir is not None and config.run_dir is not None:
        raise ConfigError(
            "run_dir names the folder of one run, and this is a sweep; name its folder with sweep_dir=..."
        )
    if config.prompts.entries and any(re.match(r"\+*prompt=", override) for override in overrides):
        raise ConfigError(
            f"prompt=... and prompts={config.prompts.name} cannot be combined: the set brings its own prompts"
        )
    plain, text = _plain(cfg)
    return Job(
        folder=run_folder(config) if sweep_dir is None or planned is None else sweep_dir / planned.folder,
        sweep_dir=sweep_dir,
        number=0 if planned is None else planned.number,
        overwrite=config.overwrite,
        choices=dict(choices or {}),
        overrides=list(overrides),
        swept=_swept(overrides) if sweep_dir else {},
        baseline=dict(config.baseline),
        name=config.name,
        plain=plain,
        text=text,
    )


def folder_name(number: int, overrides: Sequence[str]) -> str:
    """Return the name of the folder of a sweep's job: its number, and what makes it a variant."""
    label = "_".join(f"{key}-{value}" for key, value in _swept(overrides).items() if key not in NOT_IN_NAMES)
    return f"{number:02d}_{slug(label, 60)}" if label else f"{number:02d}"


def run_folder(config: Config) -> Path:
    """Return the folder of a single run: ``run_dir``, else a new one under ``paths.runs``, named after the time."""
    if config.run_dir is not None:
        return user_path(config.run_dir).absolute()
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return unused(user_path(config.paths.runs).absolute() / config.name / stamp)


def unused(folder: Path) -> Path:
    """Return a folder that is not there yet, so that two runs started in one second do not share one."""
    candidate, number = folder, 2
    while candidate.exists():
        candidate, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    return candidate


def _swept(overrides: Sequence[str]) -> dict[str, str]:
    """Return the overrides of a sweep's job; the table finds which of them differ between jobs."""
    pairs = (override.lstrip("+").partition("=") for override in overrides)
    return {key: value for key, _, value in pairs if not {key, key.partition(".")[0]} & set(NOT_A_VARIANT)}


def plan_tasks(cfg: Any, config: Config, job: Job) -> list[Task]:
    """Return the prompts of a job; a single prompt takes the job's own folder."""
    if not config.prompts.entries:
        typed = {key: value for key, value in _free_text(config).items() if _overridden(key, job.overrides)}
        return [Task(config, job.folder, job.plain, job.text, _command(job.overrides, typed))]
    entries = list(enumerate(config.prompts.entries))
    if config.prompts.shard is not None:
        index, count = (int(x) for x in config.prompts.shard.split("/"))
        entries = entries[index::count]
        if not entries:
            raise ConfigError(
                f"prompts.shard={config.prompts.shard} holds none of the {len(config.prompts.entries)} prompts"
            )
    alone = len(entries) == 1 and len(config.prompts.entries) == 1
    return [_task(cfg, config, entry, job, None if alone else number) for number, entry in entries]


def _task(cfg: Any, config: Config, entry: PromptEntry, job: Job, number: int | None) -> Task:
    """Return an entry of a prompt set as a run of its own, with the configuration it would have alone."""
    from omegaconf import OmegaConf

    prompt = entry.mini if config.setup.name == "mini" and entry.mini else entry.text
    seed = config.seed + (entry.seed or 0)
    changes: dict[str, Any] = {
        "prompt": prompt,
        "seed": seed,
        "prompts": {"name": "single", "entries": [], "shard": None},
    }
    if entry.motion is not None and config.motion.text is None:
        changes["motion"] = {"text": entry.motion}
    own = OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.to_container(cfg, resolve=True), changes)
    folder = job.folder if number is None else job.folder / f"{number:02d}-{slug(prompt)}"
    plain, text = _plain(own)
    resolved = resolve(own)
    typed = {key: value for key, value in _free_text(resolved).items() if _overridden(key, job.overrides)}
    extra = {"prompts": "single", **typed, "prompt": prompt, "seed": str(seed)}
    if resolved.motion.text is not None:
        extra["motion.text"] = resolved.motion.text
    return Task(resolved, folder, plain, text, _command(job.overrides, extra))


def _free_text(config: Config) -> dict[str, str]:
    """Return the values that are typed as they are, where the overrides hold them quoted for Hydra."""
    text = {
        "prompt": config.prompt,
        "motion.text": config.motion.text,
        "text.suffix": config.text.suffix,
        "text.negative": config.text.negative,
    }
    return {key: value for key, value in text.items() if value is not None}


def _overridden(key: str, overrides: list[str]) -> bool:
    return any(override.lstrip("+").partition("=")[0] == key for override in overrides)


def _command(overrides: list[str], extra: dict[str, str]) -> str:
    """Return the command that makes the same pictures again; ``extra`` takes the place of overrides of the same key."""
    dropped = {"run_dir", "sweep_dir", "overwrite", "prompts.shard", *extra}
    kept = [override for override in overrides if override.lstrip("+").partition("=")[0] not in dropped]
    # One pair of quotes around a whole value would be taken off: a text with quotes of its own needs Hydra's around it.
    values = {key: quote(value) if value[:1] in ("'", '"') else value for key, value in extra.items()}
    return shlex.join(["python", "-m", "latentman.run", *kept, *(f"{key}={value}" for key, value in values.items())])


def _plain(cfg: Any) -> tuple[dict[str, Any], str]:
    """Return a composed configuration as plain data and as YAML text."""
    from omegaconf import OmegaConf

    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}, OmegaConf.to_yaml(OmegaConf.create(plain))


def slug(text: str, length: int = 40) -> str:
    """Return a text as part of a folder name: ASCII letters, digits, dot, dash and underscore."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    return safe[:length].rstrip("-.") or "x"


def commit() -> str | None:
    """Return the commit of the checkout that this package runs from, marked when it has changes; None elsewhere."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=root, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
