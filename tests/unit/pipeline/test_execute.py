"""What the executor makes of the stages' declarations, and that the declarations are true."""

import shutil

import pytest

from latentman.engine.compose import compose
from latentman.pipeline.execute import plan_stages, run_stages
from latentman.pipeline.run import Run, describe_run
from latentman.pipeline.stages import STAGES
from latentman.record.local import LocalRecord
from latentman.system.progress import Progress

SHORT = ["setup=mini_fast", "num_frames=2", "num_inference_steps=4", "paths.stage_cache=false"]


def run_in(folder, *overrides):
    config = compose(["num_frames=2", *overrides])
    return Run(config, folder, config.prompt, "a person walks", {}, lambda: pytest.fail("no network is needed"))


def hashes(folder, *overrides):
    return {planned.stage.name: planned.hash for planned in plan_stages(run_in(folder, *overrides))}


def test_stages_read_only_earlier_ones():
    earlier = set()
    for stage in STAGES:
        assert set(stage.reads) <= earlier
        earlier.add(stage.name)


def test_no_two_stages_write_one_file(tmp_path):
    files = [name for stage in STAGES for name in stage.outputs(run_in(tmp_path))]
    assert len(files) == len(set(files))


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ("seed=7", {"motion", "body", "render", "correspondence", "denoise", "video", "metrics"}),
        ("body.shape=male", {"body", "render", "correspondence", "denoise", "video", "metrics"}),
        ("camera.distance=9", {"render", "correspondence", "denoise", "video", "metrics"}),
        ("solver=greedy", {"correspondence", "denoise", "video", "metrics"}),
        ("pwg.delta=0.02", {"denoise", "video", "metrics"}),
        ("metrics.names=[human_mse]", {"metrics"}),
    ],
)
def test_a_setting_changes_the_stages_that_depend_on_it_directly_or_through_others(tmp_path, change, stages):
    before, after = hashes(tmp_path), hashes(tmp_path, change)
    assert {name for name in before if before[name] != after[name]} == stages


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run whose stages were all made."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    folder.mkdir()
    run = describe_run(compose(SHORT), folder)
    run_stages(run, LocalRecord.open(folder), Progress())
    return run


@pytest.mark.timeout(600)
def test_every_stage_is_made_from_the_files_that_it_declares(done, tmp_path):
    for planned in plan_stages(done):
        folder = tmp_path / planned.stage.name
        for name in planned.inputs:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(done.folder / name, folder / name)
        planned.stage.make(describe_run(done.config, folder), lambda finished, total: None)
        for name in planned.stage.outputs(done):
            assert (folder / name).read_bytes() == (done.folder / name).read_bytes(), (planned.stage.name, name)


@pytest.mark.timeout(600)
def test_unfinished_work_on_other_inputs_is_removed(done, tmp_path):
    folder = shutil.copytree(done.folder, tmp_path / "again")
    for stage in STAGES:
        for name in stage.unfinished:
            (folder / name).mkdir()
            (folder / name / "state.safetensors").write_text("of other inputs")
    record = LocalRecord.open(folder)
    record.status["stages"]["denoise"]["hash"] = "another"
    run_stages(describe_run(done.config, folder), record, Progress())
    assert not any((folder / name).exists() for stage in STAGES for name in stage.unfinished)
    assert (folder / "latents.safetensors").read_bytes() == (done.folder / "latents.safetensors").read_bytes()
