"""Where the jobs of a sweep run: the presets, and what is refused before anything starts."""

import os
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from hydra.errors import MissingConfigException
from hydra.types import RunMode

from latentman.engine.compose import check_command
from latentman.engine.launchers import missing_plugin
from latentman.engine.loader import composer
from latentman.errors import ConfigError, MissingExtraError
from latentman.system.paths import config_dir

PRESETS = sorted(path.stem for path in Path(config_dir(), "hydra", "launcher").glob("*.yaml"))
EXTRA_OF = {"local_procs": "joblib", "slurm": "submitit", "slurm_local": "submitit"}


def launcher(*overrides: str):
    """Return the launcher's configuration in a sweep."""
    with composer() as loader:
        cfg = loader.load_configuration("config", list(overrides), run_mode=RunMode.MULTIRUN)
        return {key: cfg.hydra.launcher[key] for key in cfg.hydra.launcher if key not in ("submitit_folder", "name")}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the programs of SLURM be on the PATH, and no others."""
    for name in ("sbatch", "srun", "sacct"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_every_preset_is_known_to_these_tests() -> None:
    assert sorted(EXTRA_OF) == PRESETS


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_composes_where_its_package_is_installed(preset: str, programs: Path) -> None:
    pytest.importorskip(EXTRA_OF[preset])
    check_command([f"hydra/launcher={preset}", "hydra.mode=MULTIRUN", "seed=0,1"])


@pytest.mark.parametrize("preset", PRESETS)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As without the package: Hydra has not heard of its configuration.
    known = ConfigStore.instance().repo["hydra"]["launcher"]
    for name in ("submitit_slurm.yaml", "joblib.yaml"):
        monkeypatch.delitem(known, name, raising=False)
    extra = {"joblib": "sweep", "submitit": "slurm"}[EXTRA_OF[preset]]
    with pytest.raises(MissingExtraError, match=rf"pip install 'latentman\[{extra}\]'") as caught:
        check_command([f"hydra/launcher={preset}", "hydra.mode=MULTIRUN", "seed=0,1"])
    assert "\n" not in str(caught.value)


def test_any_other_file_that_is_missing_is_no_missing_package() -> None:
    assert missing_plugin(MissingConfigException("no", "hydra/launcher/slrum")) is None
    assert missing_plugin(ValueError("no")) is None


def test_a_single_run_is_not_handed_to_a_launcher(programs: Path) -> None:
    pytest.importorskip("submitit")
    with pytest.raises(ConfigError, match="add -m"):
        check_command(["hydra/launcher=slurm", "seed=0"])


def test_slurm_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"sbatch, srun, sacct not found.*local_procs"):
        check_command(["hydra/launcher=slurm", "hydra.mode=MULTIRUN", "seed=0,1"])


@pytest.mark.slow
def test_the_environment_sets_what_belongs_to_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    for name in [name for name in os.environ if name.startswith("LATENTMAN_SLURM_")]:
        monkeypatch.delenv(name)
    plain = launcher("hydra/launcher=slurm")
    assert [plain[key] for key in ("partition", "account", "qos", "constraint")] == [None] * 4
    assert (plain["gpus_per_node"], plain["timeout_min"]) == (1, 240)
    values = {"PARTITION": "gpu", "ACCOUNT": "1234", "GPUS": "null", "MINUTES": "30", "PARALLEL": "2"}
    for name, value in values.items():
        monkeypatch.setenv(f"LATENTMAN_SLURM_{name}", value)
    site = launcher("hydra/launcher=slurm")
    keys = ("partition", "account", "gpus_per_node", "timeout_min", "array_parallelism")
    assert [site[key] for key in keys] == ["gpu", "1234", None, 30, 2]
    assert launcher("hydra/launcher=slurm", "hydra.launcher.partition=other")["partition"] == "other"
    assert launcher("hydra/launcher=slurm_local")["partition"] == "main"


def test_a_run_is_requeued_after_its_time_and_after_a_failure_of_its_node() -> None:
    pytest.importorskip("submitit")
    for preset in ("slurm", "slurm_local"):
        made = launcher(f"hydra/launcher={preset}")
        assert made["max_num_timeout"] > 0
        assert made["additional_parameters"]["requeue"] is True
