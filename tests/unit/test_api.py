"""The Python API gives what the command line gives, with the same checks and messages."""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import latentman
from latentman.api import make_body, make_correspondence, make_motion, make_render
from latentman.errors import ConfigError, LatentManError, RecordError
from latentman.types import Motion
from latentman.video import read_mp4
from tests.factories.program import tiny_settings

MODEL, *SIZES = tiny_settings(num_frames=2)
SHORT = ["prompt=a red robot, walking", MODEL, *SIZES, "seed=2"]
"""A run of a tiny model with random weights: 64 x 64 pixels, latents of 8 x 8."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> latentman.Run:
    return latentman.generate(SHORT, folder=tmp_path_factory.mktemp("api") / "run")


@pytest.fixture(scope="module")
def pipe() -> latentman.LatentManPipeline:
    return latentman.LatentManPipeline.from_pretrained(
        MODEL.partition("=")[2], settings=["setup=mini", *SIZES[:3], "threads=1"]
    )


def call(pipe: latentman.LatentManPipeline, **changes: object) -> latentman.LatentManOutput:
    given = {"num_frames": 2, "num_inference_steps": 4, "generator": 2, **changes}
    return pipe("a red robot, walking", **given)


def test_no_exported_name_is_a_submodules() -> None:
    folder = Path(latentman.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert not set(latentman.__all__) & modules
    assert all(getattr(latentman, name) is not None for name in latentman.__all__)


def test_importing_latentman_imports_neither_torch_nor_hydra() -> None:
    code = "import latentman, sys; print({'torch', 'hydra', 'numpy', 'pandas'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="LatentManPipelin"):
        latentman.LatentManPipelin  # noqa: B018


def test_generate_gives_the_frames_of_the_command_line(
    run: latentman.Run, tmp_path: Path, command_environment: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "latentman.run", *SHORT, f"run_dir={tmp_path / 'cli'}"]
    subprocess.run(command, env=command_environment, capture_output=True, check=True)
    theirs = latentman.open_run(tmp_path / "cli")
    np.testing.assert_array_equal(run.frames, theirs.frames)
    assert run.video.read_bytes() == theirs.video.read_bytes()
    costs = ("seconds", "peak_memory")
    mine, other = ({k: v for k, v in r.metrics.items() if not k.startswith(costs)} for r in (run, theirs))
    assert mine == other
    assert run.status["command"] == theirs.status["command"]


def test_the_pipeline_gives_the_frames_of_the_command_line(
    run: latentman.Run, pipe: latentman.LatentManPipeline
) -> None:
    output = call(pipe, generator=torch.Generator().manual_seed(2))
    np.testing.assert_array_equal(output.frames, run.frames)
    assert output.fps == 10


def test_a_generator_that_was_used_stands_for_its_seed_still(pipe: latentman.LatentManPipeline) -> None:
    used = torch.Generator().manual_seed(2)
    torch.rand(5, generator=used)
    np.testing.assert_array_equal(call(pipe, generator=used).frames, call(pipe).frames)


def test_toggles_are_the_ablation(pipe: latentman.LatentManPipeline) -> None:
    plain = call(pipe, sla=False, pwg=False).frames
    baseline = call(pipe, settings=["method=t2v_zero"]).frames
    np.testing.assert_array_equal(plain, baseline)
    np.testing.assert_array_equal(plain[0], call(pipe).frames[0])
    assert (call(pipe, sla={"window": [0, 1]}, pwg=False).frames[1] != plain[1]).any()


@pytest.mark.slow
def test_output_types_hold_the_same_pictures(pipe: latentman.LatentManPipeline) -> None:
    array = call(pipe).frames
    np.testing.assert_array_equal(np.stack([np.asarray(p) for p in call(pipe, output_type="pil").frames]), array)
    tensor = call(pipe, output_type="pt").frames
    np.testing.assert_array_equal((tensor * 255).round().permute(0, 2, 3, 1).numpy().astype(np.uint8), array)
    assert call(pipe, output_type="latent").frames.shape == (2, 4, 8, 8)


def test_a_callback_hears_of_every_step(pipe: latentman.LatentManPipeline) -> None:
    heard: list[tuple[int, int]] = []
    call(pipe, callback_on_step_end=lambda p, step, t, values: heard.append((step, t)))
    assert [step for step, _ in heard] == [0, 1, 2, 3]
    assert [t for _, t in heard] == sorted((t for _, t in heard), reverse=True)


def test_a_motion_of_ones_own_drives_the_character(pipe: latentman.LatentManPipeline) -> None:
    motion = make_motion(latentman.compose(["prompt=a person waves", "num_frames=3"]))
    output = call(pipe, num_frames=None, motion=motion)
    assert len(output.frames) == 3
    assert output.motion is motion


def test_the_stages_alone_make_what_the_run_wrote(run: latentman.Run) -> None:
    config = latentman.compose(SHORT)
    motion = make_motion(config)
    body = make_body(config, motion)
    conditions = make_render(config, body)
    maps = make_correspondence(config, conditions, body, size=8)
    for name, arrays in {
        "motion": motion.arrays(), "conditions": conditions.arrays(), "correspondence_8": maps.arrays()
    }.items():  # fmt: skip
        with np.load(run.folder / f"{name}.npz") as stored:
            for key in stored.files:
                np.testing.assert_array_equal(stored[key], arrays[key])


@pytest.mark.slow
def test_a_configuration_that_was_changed_is_recorded_with_the_settings_that_make_it(tmp_path: Path) -> None:
    config = latentman.compose(SHORT)
    config.seed, config.sla = 3, replace(config.sla, blend=0.5)
    run = latentman.generate(config, folder=tmp_path / "run")
    assert run.status["seed"] == 3
    assert "sla.blend=0.5" in run.status["command"]


def test_a_finished_run_is_opened_without_work(run: latentman.Run) -> None:
    before = (run.folder / "video.mp4").stat().st_mtime_ns
    again = latentman.generate(SHORT, folder=run.folder)
    assert (again.folder / "video.mp4").stat().st_mtime_ns == before
    assert again.state == "done"


def test_a_run_plays_in_a_notebook(run: latentman.Run, tmp_path: Path) -> None:
    html = run._repr_html_()
    data = html.partition("data:video/mp4;base64,")[2].partition('"')[0]
    (tmp_path / "video.mp4").write_bytes(base64.b64decode(data))
    assert len(read_mp4(tmp_path / "video.mp4").frames) == 2
    assert "a red robot, walking" in html


@pytest.mark.slow
def test_a_set_of_prompts_is_a_run_of_runs(tmp_path: Path) -> None:
    run = latentman.generate(["prompts=quick3", *SHORT[1:]], folder=tmp_path / "set")
    assert len(run.runs) == 3
    assert run.runs[0].frames.shape == (2, 64, 64, 3)
    with pytest.raises(RecordError, match=r"runs\[0\]"):
        _ = run.frames


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sed": 3}, "(?s)no argument 'sed'.*settings"),
        ({"num_inferense_steps": 3}, "did you mean 'num_inference_steps'"),
        ({"generator": -1}, "2\\*\\*32"),
        ({"generator": [1, 2]}, "one seed"),
        ({"output_type": "gif"}, "output_type"),
        ({"sla": "yes"}, "True, False"),
        ({"sla": {"windw": [0, 1]}}, "windw"),
        ({"motion": "no_such"}, "neither a motion source nor a file"),
        ({"num_frames": 1}, "num_frames=1"),
        ({"settings": ["setup.dtype=float16"]}, "belong to the pipeline"),
        ({"settings": ["prompts=quick3"]}, "one at a time|exclude each other"),
    ],
)
def test_mistakes_in_a_call_are_told_as_on_the_command_line(
    pipe: latentman.LatentManPipeline, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        call(pipe, **change)


def test_a_motion_of_another_length_is_refused(pipe: latentman.LatentManPipeline) -> None:
    motion = Motion(np.zeros((5, 22, 3)), 10.0, "stands", "a test")
    with pytest.raises(ConfigError, match="5 frames, but num_frames=2"):
        call(pipe, motion=motion)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["sede=3"], "did you mean"),
        (["seed=1,2"], "add -m"),
        ("seed=1", "must be a list"),
        (["hydra.mode=MULTIRUN", "seed=1,2"], "sweep"),
    ],
)
def test_mistakes_in_settings_are_latentman_errors(settings: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(LatentManError, match=message):
        latentman.generate(settings, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RecordError, match="not the folder of a run"):
        latentman.open_run(tmp_path)
    with pytest.raises(RecordError, match="files that"):
        latentman.generate(SHORT, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """Close a folder to everybody; root becomes another user for the time."""
    is_root, mode = os.geteuid() == 0, folder.stat().st_mode
    folder.chmod(0)
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(mode)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="folders are closed in another way here")
def test_a_closed_run_folder_is_told_with_its_path(
    run: latentman.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")  # the test's own folder is closed too
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    opened = latentman.open_run(folder)
    for call in (
        lambda: latentman.open_run(folder), lambda: latentman.generate(SHORT, folder=folder), lambda: opened.frames,
        lambda: opened.metrics, lambda: opened.video, opened._repr_html_,
    ):  # fmt: skip
        with closed(folder), pytest.raises(LatentManError, match=r"Permission denied \(/.*\); check the permissions"):
            call()


def test_a_run_folder_that_was_removed_is_told(run: latentman.Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    opened = latentman.open_run(folder)
    shutil.rmtree(folder)
    for name in ("frames", "metrics", "video"):
        with pytest.raises(LatentManError, match=str(folder)):
            getattr(opened, name)
    with pytest.raises(RecordError, match="not the folder of a run"):
        latentman.open_run(folder)


def test_a_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(LatentManError, match="choose a shorter name"):
        latentman.open_run(tmp_path / ("a" * 300))
    with pytest.raises(LatentManError, match="the longest part of 300"):
        latentman.generate(SHORT, folder=tmp_path / ("a" * 300))


def test_a_pipeline_of_a_folder_finds_its_setup() -> None:
    from latentman.system.paths import asset

    pipe = latentman.LatentManPipeline.from_pretrained(asset("mini-sd"))
    assert pipe.config.setup.name == "mini"
    assert pipe.to("cpu").device.type == "cpu"
