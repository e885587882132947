"""A run from the command line: what it writes, what it skips, and how it continues after being killed."""

import os
import re
import shutil
import signal
import time

import pytest
import yaml

from latentman.files.run_file import read_correspondence
from latentman.video import read_mp4
from tests.factories.program import Program, tiny_settings
from tests.factories.quick import slow_except
from tests.factories.tiny_model import GRID, IMAGE

from .conftest import latentman, read_json, result_bytes, short_run

MOMENTS = ["conditions.npz", "latents/state.safetensors", "frames/001.png"]
STAGES = ["motion", "body", "render", "correspondence", "denoise", "video", "metrics"]


@pytest.fixture(params=["tiny", pytest.param("embedded", marks=pytest.mark.slow)])
def whole(request):
    """A finished run, with the sizes of its latents and of its pictures."""
    if request.param == "tiny":
        return request.getfixturevalue("finished"), GRID, IMAGE
    return request.getfixturevalue("embedded"), 64, 256


def test_a_run_writes_its_complete_record(whole):
    folder, _, size = whole
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    expected = {
        "video.mp4", "frames/000.png", "frames/002.png", "conditions/depth.mp4", "conditions/iuv.mp4", "motion.npz",
        "metrics.json", "config.yaml", "status.json", "index.html", "log.txt", "correspondence.mp4",
    }  # fmt: skip
    assert expected <= names
    status = read_json(folder / "status.json")
    assert status["state"] == "done"
    assert [s for s in STAGES if status["stages"][s]["state"] == "done"] == STAGES
    assert status["texts"]["negative"] == "low quality, blurry"
    assert status["weights"]["model"]
    assert read_mp4(folder / "video.mp4").frames.shape == (3, size, size, 3)
    assert yaml.safe_load((folder / "config.yaml").read_text())["num_inference_steps"] == 4
    assert not (folder / "latents").exists()


def test_metrics_are_flat_numbers_with_reasons_for_missing_ones(whole):
    folder, *_ = whole
    metrics = read_json(folder / "metrics.json")
    assert metrics["human_mse"] > 0
    assert 0 < metrics["human_mse_official_uint8"] < 255
    assert len(metrics["per_pair"]["human_mse"]) == 2
    for name in ("human_mse_mesh", "warp_error", "background_flicker", "coverage", "map_error_px"):
        assert metrics[name] > 0
        assert len(metrics["per_pair"][name]) == 2
    assert all(metrics[f"seconds_{stage}"] >= 0 for stage in STAGES)
    assert metrics["peak_memory_bytes"] > 100e6
    assert all(v is None or isinstance(v, int | float | str) for k, v in metrics.items() if k != "per_pair")


def test_correspondences_are_kept_on_both_grids(whole):
    folder, *sizes = whole
    for size in sizes:
        matches = read_correspondence(folder / f"correspondence_{size}.npz")
        assert (matches.size, len(matches.pairs)) == (size, 3)
        assert matches.num_matches > size * size / 20


@pytest.mark.slow
@pytest.mark.parametrize(("correspondence", "size"), [("densepose_lap", 64), ("mesh", 32)])
def test_guidance_has_a_map_on_its_own_grid_up_to_the_size_of_the_picture(tmp_path, correspondence, size):
    folder = tmp_path / "guided"
    short_run(folder, f"pwg.size={size}", f"correspondence={correspondence}", "num_frames=2")
    guide = read_correspondence(folder / f"correspondence_{size}.npz")
    assert guide.size == size
    assert guide.num_matches > size * size / 20
    assert (guide.positions is not None) == (correspondence == "mesh")
    assert read_json(folder / "metrics.json")["map_error_px"] >= 0


def test_a_finished_run_is_skipped_and_unchanged(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "again")
    # The folder is not part of the result, so the copy counts as the same run.
    before = {
        p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.suffix in {".png", ".mp4", ".npz", ".safetensors"}
    }
    short_run(folder)
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_same_seed_same_bytes(finished, tmp_path):
    folder = tmp_path / "second"
    short_run(folder)
    assert result_bytes(folder) == result_bytes(finished)


def wait_until(reached, process):
    """Wait until a condition holds while the run is still going on."""
    for _ in range(10_000):
        if reached():
            break
        assert process.poll() is None, "the run ended before the condition held"
        time.sleep(0.01)
    assert process.poll() is None, "the run ended before it could be stopped"


def kill_when(folder, reached, *more):
    """Start the run and kill it with SIGKILL as soon as ``reached()`` holds."""
    process = Program(*tiny_settings(), f"run_dir={folder}", *more, cwd=folder.parent)
    try:
        wait_until(reached, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("moment", slow_except(MOMENTS, "latents/state.safetensors"))
def test_a_killed_run_continues_to_the_same_bytes(finished, tmp_path, moment):
    folder = tmp_path / "killed"
    kill_when(folder, (folder / moment).exists)
    assert read_json(folder / "status.json")["state"] == "running"
    short_run(folder)
    assert result_bytes(folder) == result_bytes(finished)
    assert read_json(folder / "status.json")["state"] == "done"


def test_denoising_continues_from_its_last_step(tmp_path):
    folder = tmp_path / "killed"
    state = folder / "latents" / "state.safetensors"

    def third_step():
        return state.exists() and b'"step":"3"' in state.read_bytes()[:300]

    kill_when(folder, third_step, "num_inference_steps=12")
    short_run(folder, "num_inference_steps=12")
    found = re.search(r"denoise: continues at step (\d+) of 12", (folder / "log.txt").read_text())
    assert 3 <= int(found[1]) < 12
    fresh = tmp_path / "fresh"
    short_run(fresh, "num_inference_steps=12")
    assert result_bytes(folder) == result_bytes(fresh)


def test_sigterm_is_recorded_as_an_interruption(tmp_path):
    folder = tmp_path / "stopped"
    process = Program(*tiny_settings(), f"run_dir={folder}", "num_inference_steps=200", cwd=tmp_path)
    wait_until((folder / "conditions.npz").exists, process)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "same command continues" in stderr
    assert "Traceback" not in stderr
    assert read_json(folder / "status.json")["state"] == "interrupted"


def test_a_folder_with_another_configuration_is_refused_and_unchanged(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "mine")
    before = result_bytes(folder)
    done = short_run(folder, "seed=9", check=False)
    assert done.returncode == 2
    assert "belongs to another configuration: seed is 1 there and 9 here" in done.stderr
    assert "overwrite=true" in done.stderr
    assert "Traceback" not in done.stderr
    assert result_bytes(folder) == before
    assert read_json(folder / "status.json")["state"] == "done"


def test_overwrite_replaces_the_run(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "mine")
    (folder / "notes.txt").write_text("the user's own")
    short_run(folder, "seed=9", "overwrite=true")
    assert result_bytes(folder)["video.mp4"] != result_bytes(finished)["video.mp4"]
    assert (folder / "notes.txt").read_text() == "the user's own"


@pytest.mark.parametrize("more", [[], ["overwrite=true"]])
def test_a_folder_with_foreign_files_is_refused_and_unchanged(tmp_path, more):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter1.tex").write_text("words")
    done = short_run(folder, *more, check=False)
    assert done.returncode == 2
    assert "holds files that no run wrote, such as chapter1.tex" in done.stderr
    assert [p.name for p in folder.iterdir()] == ["chapter1.tex"]


def test_a_folder_in_use_is_refused(finished, tmp_path):
    import fcntl

    folder = shutil.copytree(finished, tmp_path / "busy")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = short_run(folder, check=False)
    assert done.returncode == 2
    assert "another process is working in it" in done.stderr


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    done = latentman(*tiny_settings(), f"run_dir={tmp_path / 'file' / 'run'}", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "cannot write to run_dir" in done.stderr
    assert "Traceback" not in done.stderr


def _small_files():
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@pytest.mark.slow
def test_a_full_disk_stops_the_run_naming_the_file_and_the_run_continues_later(finished, tmp_path):
    folder = tmp_path / "full"
    done = short_run(folder, check=False, first=_small_files, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert str(folder) in done.stderr
    assert "Traceback" not in done.stderr
    assert read_json(folder / "status.json")["state"] == "failed"
    short_run(folder)
    assert result_bytes(folder) == result_bytes(finished)


def test_a_character_outside_the_picture_is_a_valid_run_with_a_warning_and_no_score(tmp_path):
    folder = tmp_path / "outside"
    short_run(folder, "camera.distance=0.05", "motion.text=a person stands")
    status, metrics = read_json(folder / "status.json"), read_json(folder / "metrics.json")
    assert status["state"] == "done"
    assert any("partly outside the picture in 3 of 3 frames" in warning for warning in status["warnings"])
    assert any("have no matches with their reference" in warning for warning in status["warnings"])
    assert metrics["num_matches"] == 0
    assert metrics["human_mse"] is None
    assert "no two frames" in metrics["human_mse_reason"]
    assert metrics["figure_contrast"] is None
    assert metrics["figure_contrast_reason"]


def test_a_prompt_that_is_too_long_is_cut_with_a_warning(tmp_path):
    folder = tmp_path / "long"
    short_run(folder, "prompt=" + "a very red robot " * 40 + "walks")
    assert any("longer than the 77 tokens" in w for w in read_json(folder / "status.json")["warnings"])
