"""What ``experiments/record.py`` says of its sweeps is true of the configuration."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from latentman.composition import check_command, compose
from latentman.run_help import groups

ROOT = Path(__file__).resolve().parents[2]


def load_record() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record", ROOT / "experiments" / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["record"] = module  # its dataclass looks its own module up
    spec.loader.exec_module(module)
    return module


record = load_record()


@pytest.mark.parametrize("name", record.SWEEPS)
def test_a_recorded_sweep_has_a_page_in_the_index_and_its_commands_pass_their_checks(name: str) -> None:
    index = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "experiments" / name / "README.md").is_file()
    assert f"({name}/README.md)" in index
    for folder, arguments in record.SWEEPS[name].parts(Path("out")):
        check_command([*arguments, f"sweep_dir={folder}"])


def test_shards_share_out_every_prompt_once_and_have_folders_of_their_own() -> None:
    sweep = record.SWEEPS["correspondence"]
    parts = sweep.parts(Path("out"))
    assert len({folder for folder, _ in parts}) == sweep.shards
    shards = [compose([arguments[-1], "prompts=paper10"]).prompts for _, arguments in parts]
    dealt = []
    for prompts in shards:
        index, count = (int(part) for part in str(prompts.shard).split("/"))
        dealt += [entry.text for entry in prompts.entries[index::count]]
    assert sorted(dealt) == sorted(entry.text for entry in shards[0].entries)
    assert len(set(dealt)) == 10


@pytest.mark.parametrize("name", [name for name, sweep in record.SWEEPS.items() if sweep.pictured])
def test_the_picture_shows_prompts_that_exist(name: str) -> None:
    sweep = record.SWEEPS[name]
    entries = compose([*sweep.arguments, "hydra.mode=RUN"]).prompts.entries
    prompts = [entry.mini or entry.text for entry in entries]
    assert len(record.pictured(prompts, sweep)) == len(sweep.pictured)


def test_the_pictures_show_variants_and_methods_that_exist() -> None:
    choices = groups(ROOT / "conf")
    for sweep in record.SWEEPS.values():
        for row in sweep.rows:
            for part in row.split():
                group, _, choice = part.rpartition("=")
                if (group or "variant") in choices:
                    assert choice in choices[group or "variant"]


def test_a_long_sweep_runs_only_when_it_is_named() -> None:
    long = [name for name, sweep in record.SWEEPS.items() if not sweep.short]
    assert long == ["correspondence", "gradients", "samplers", "options", "camera"]
