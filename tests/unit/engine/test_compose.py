"""Mistakes in a command are found before anything runs, and each message says what to do next."""

from dataclasses import fields
from pathlib import Path

import pytest

from latentman.config import Config
from latentman.engine.compose import CANNOT_BE_SWEPT, Command, check_command, compose
from latentman.engine.loader import Tree
from latentman.engine.overrides import split_arguments
from latentman.errors import ConfigError

SWEEP = "hydra.mode=MULTIRUN"


def refused(arguments: list[str]) -> str:
    """Return the message with which a command is refused."""
    with pytest.raises(ConfigError) as caught:
        check_command(split_arguments(arguments).overrides)
    message = str(caught.value)
    assert len(message.splitlines()) <= 3
    return message


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["num_frame=3"], ["num_frame=3", "unknown key or group 'num_frame'", "did you mean 'num_frames'?"]),
        (["+num_frame=3"], ["did you mean 'num_frames'?"]),
        (
            ["sla.windo=3"],
            ["unknown key 'sla.windo'", "did you mean 'sla.window'?", "sla has: blend, enabled, steps, "],
        ),
        (["exps=ablation"], ["did you mean '+exp'?"]),
        (["methods=t2v_zero"], ["did you mean 'method'?"]),
        (["qqqq=1"], ["unknown key or group 'qqqq'", "--help"]),
        (["method=latentmann"], ["unknown method", "did you mean 'latentman'?", "per_frame"]),
        (["+exp=ablaton"], ["unknown exp", "did you mean 'ablation'?"]),
        ([SWEEP, "sla=none,ful"], ["sla=ful", "did you mean 'full'?"]),
        (["exp=ablation"], ["added with a plus: +exp=ablation"]),
        (["variant=mesh"], ["added with a plus: +variant=mesh"]),
        (["variants=mesh"], ["did you mean '+variant'?"]),
        (["+variant=mash"], ["unknown variant", "did you mean 'mesh'?"]),
        (["+method=t2v_zero"], ["leave out the plus: method=t2v_zero"]),
        (["+num_frames=3"], ["leave out the plus: num_frames=3"]),
        (["~prompt"], ["cannot be deleted"]),
        (["a knight waves"], ['prompt="a knight waves"']),
        (["num_frames={"], ["cannot read the value of num_frames={"]),
        (["num_frames=abc"], ["num_frames=abc", "must be a whole number"]),
        (["num_frames=1"], ["num_frames=1", "2 or more"]),
        (["sla.window=[0,2]"], ["sla.window", "0 <= start < end <= 1"]),
        (["pwg.size=100"], ["pwg.size=100 must divide setup.image_size=256", "16, 32, 64, 128, 256"]),
        (["setup=sd15", "pwg.size=1024"], ["must divide setup.image_size=512", "256, 512"]),
        (["seed=0,1"], ["seed=0,1 is a sweep", "add -m", "seed=[...]"]),
        (["prompt="], ["prompt is empty"]),
        (["prompt=???"], ["prompt has no value"]),
        (["text.negative=null"], ["text.negative"]),
        (["hydra/launcher=slrum"], ["hydra/launcher", "basic"]),
        (["hydra.run.dirr=3"], ["hydra.run.dirr"]),
        (["+hydra.callbacks={x: {_target_: os.system}}"], ["hydra.callbacks", "cannot be set"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_mistake_is_named_with_a_way_out(arguments: list[str], parts: list[str]) -> None:
    message = refused(arguments)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("choice", ["ablation,ablation_sla", "glob(*)", "choice(ablation,ablation_sla)"])
def test_several_experiments_in_one_sweep_are_refused(choice: str) -> None:
    assert "one after another" in refused([f"+exp={choice}", SWEEP])


@pytest.mark.slow
@pytest.mark.parametrize("sweep", ["+exp=ablation_sla", SWEEP])
def test_run_dir_is_refused_in_a_sweep_in_favour_of_sweep_dir(sweep: str) -> None:
    assert "sweep_dir=" in refused([sweep, "run_dir=out/x"])
    check_command(split_arguments([sweep, "sweep_dir=out/x"]).overrides)


def test_sweep_dir_is_refused_for_a_single_run_in_favour_of_run_dir() -> None:
    assert "run_dir=" in refused(["sweep_dir=out/x"])


@pytest.mark.parametrize("key", ["run_dir", "sweep_dir"])
def test_empty_folder_name_is_refused(key: str) -> None:
    assert f"{key} is empty" in refused([f"{key}="])


@pytest.mark.parametrize(("prompts", "name"), [("prompts=quick3", "quick3"), ("+exp=ablation", "paper10")])
def test_prompt_is_refused_with_a_set_that_brings_its_own(prompts: str, name: str) -> None:
    message = refused([prompts, "prompt=a robot dances"])
    assert f"prompts={name}" in message
    assert "prompts=single" in message


def test_prompt_is_accepted_with_the_single_prompt() -> None:
    check_command(split_arguments(["prompts=single", "prompt=a robot dances"]).overrides)


def test_the_last_job_of_a_sweep_is_checked_before_the_first_starts() -> None:
    assert "num_frames=1" in refused([SWEEP, "sla=none,full", "num_frames=8,4,1"])


def test_a_value_in_the_experiment_file_is_checked_too(tmp_path: Path) -> None:
    folder = tmp_path / "exp"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper: {params: {seed: '0,-4'}}\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="seed=-4"):
        check_command(["+exp=mine"], Tree(str(tmp_path)))


def test_command_line_narrows_the_sweep_of_an_experiment() -> None:
    check_command(["+exp=ablation", "sla=full", "seed=7"])


def test_config_dir_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--config-dir .* is not a folder"):
        compose([], str(tmp_path / "absent"))


def test_a_single_run_has_no_jobs_and_a_sweep_has_the_product_of_its_values() -> None:
    assert check_command(["seed=3"]) == Command()
    sweep = check_command([SWEEP, "sla=none,full", "seed=1,2", "name=mine", "overwrite=true"])
    assert sweep.is_sweep
    assert sweep.jobs == tuple(
        (f"sla={sla}", f"seed={s}", "name=mine", "overwrite=True") for sla in ("none", "full") for s in (1, 2)
    )
    assert (sweep.name, sweep.is_new, sweep.overwrite) == ("mine", True, True)


@pytest.mark.parametrize("key", CANNOT_BE_SWEPT)
def test_every_key_that_cannot_be_swept_is_a_key(key: str) -> None:
    assert key in {item.name for item in fields(Config)}


def test_new_entries_of_a_table_are_added_with_a_plus() -> None:
    assert compose(["+setup.steps.mine=30"]).setup.steps["mine"] == 30


def test_checking_leaves_no_hydra_state_behind() -> None:
    from hydra.core.global_hydra import GlobalHydra

    check_command([])
    assert not GlobalHydra.instance().is_initialized()
