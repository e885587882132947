"""What the executor makes of the stages' declarations, and that the declarations are true."""

import copy
import logging
import shutil

import pytest

from latentman.engine.compose import compose
from latentman.pipeline.execute import _is_done, is_finished, plan_stages, run_stages
from latentman.pipeline.run import Run, describe_run
from latentman.pipeline.stages import STAGES
from latentman.record.damage import damaged_outputs
from latentman.record.local import LocalRecord
from latentman.record.metrics_file import scores_of
from latentman.system.progress import Progress
from tests.factories.tiny_model import GRID, IMAGE, save_tiny_model

SHORT = [
    f"setup.image_size={IMAGE}", f"setup.latent_size={GRID}", f"pwg.size={IMAGE}", "num_frames=2",
    "num_inference_steps=4", "paths.stage_cache=false",
]  # fmt: skip


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
    folder, model = tmp_path_factory.mktemp("runs") / "whole", tmp_path_factory.mktemp("model")
    folder.mkdir()
    save_tiny_model(model)
    run = describe_run(compose([*SHORT, f"setup.model={model}"]), folder)
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


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "removed":
        path.unlink()
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["removed", "cut", "flipped"])
def test_damaged_outputs_are_made_again_with_one_warning(done, tmp_path, caplog, how):
    folder = shutil.copytree(done.folder, tmp_path / "again")
    files = ("motion.npz", "conditions.npz", "correspondence.mp4", "metrics.json")
    for name in files:
        damage(folder / name, how)
    run, record = describe_run(done.config, folder), LocalRecord(folder, copy.deepcopy(done_status(done)))
    assert not is_finished(run, record)
    with caplog.at_level(logging.WARNING, logger="latentman"):
        run_stages(run, record, Progress())
    (message,) = [record.getMessage() for record in caplog.records if "made again" in record.getMessage()]
    assert all(name in message for name in files)
    for name in done_files(done):
        if name != "metrics.json":
            assert (folder / name).read_bytes() == (done.folder / name).read_bytes(), name
    assert is_finished(run, record)
    assert scores_of(folder / "metrics.json") == scores_of(done.folder / "metrics.json")


def done_status(run):
    return LocalRecord.open(run.folder).status


def done_files(run):
    return [name for stage in STAGES for name in stage.outputs(run)]


@pytest.mark.timeout(600)
def test_swapped_frames_are_damage(done, tmp_path):
    folder = shutil.copytree(done.folder, tmp_path / "again")
    first, second = folder / "frames" / "000.png", folder / "frames" / "001.png"
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    record = LocalRecord.open(folder)
    assert damaged_outputs(folder, record.status) == {
        "video": {"frames/000.png": "changed", "frames/001.png": "changed"}
    }


@pytest.mark.timeout(600)
def test_a_file_made_again_with_other_bytes_renews_what_was_made_from_it(done, tmp_path):
    folder = shutil.copytree(done.folder, tmp_path / "again")
    record = LocalRecord.open(folder)
    record.status["stages"]["motion"]["files"]["motion.npz"] = "0" * 64
    planned = {planned.stage.name: planned for planned in plan_stages(done)}
    run = describe_run(done.config, folder)
    assert not _is_done(planned["body"], run, record)
    assert _is_done(planned["video"], run, record), "its own inputs are as they were"


def test_a_record_of_an_earlier_version_is_trusted_by_what_is_there(tmp_path):
    (tmp_path / "motion.npz").touch()
    status = {"stages": {"motion": {"state": "done", "hash": "x"}}}
    assert damaged_outputs(tmp_path, status) == {}
