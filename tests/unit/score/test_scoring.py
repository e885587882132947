"""``latentman score``: videos alone, with a mask, and against a run of ours that they follow."""

import csv
import io
import json
import re

import numpy as np
import pytest

from latentman.cli import main
from latentman.files.run_file import read_correspondence
from latentman.metrics.compute import compute
from latentman.metrics.evidence import Evidence, Networks
from latentman.score.followed_run import conditions_at, read_run
from latentman.score.scoring import NAMES
from latentman.video import write_mp4, write_png_frames
from tests.factories.clip_weights import write_clip
from tests.factories.lpips_weights import write_lpips
from tests.unit.score.conftest import FRAMES, SIDE, painted

OF_THE_MESH = ["human_mse_mesh", "warp_error", "psnr_aligned", "ssim_aligned", "background_warp_error"]
OF_THE_MASK = ["background_flicker", "figure_contrast", "figure_overlap"]
OF_THE_MAP = ["human_mse", "human_mse_official_uint8"]
LEARNED = ["lpips_aligned", "clip_text", "clip_frames", "lpips_frames"]


@pytest.fixture
def score(tmp_path, capsys, monkeypatch):
    """Run the command for JSON and return its exit status, the records, and what it said on stderr."""
    monkeypatch.setenv("LATENTMAN_WEIGHTS", str(tmp_path / "no-weights"))

    def run_command(*arguments):
        status = main(["score", *map(str, arguments), "--json", "-"])
        printed = capsys.readouterr()
        return status, json.loads(printed.out) if printed.out else None, printed.err

    return run_command


def present(record):
    return sorted(name for name in NAMES if record[name] is not None)


def test_a_bare_video_has_the_flicker_and_reasons_that_tell_what_to_add(score, tmp_path, run):
    write_mp4(tmp_path / "theirs.mp4", run.frames, 8, crf=17)
    status, [record], _ = score(tmp_path / "theirs.mp4")
    assert status == 0
    assert (record["num_frames"], record["height"], record["width"], record["fps"]) == (FRAMES, SIDE, SIDE, 8)
    assert present(record) == ["flicker"]
    assert "--run" in record["human_mse_reason"]
    assert "--mask" in record["figure_contrast_reason"]
    assert "--prompt" in record["clip_text_reason"]
    assert "no LPIPS weights" in record["lpips_frames_reason"]


def test_a_mask_adds_figure_and_background(score, tmp_path, run):
    mask = np.repeat(run.conditions.mask[..., None], 3, axis=3).astype(np.uint8) * 255
    write_png_frames(tmp_path / "mask", mask)
    _, [record], _ = score(run.folder / "frames", "--mask", tmp_path / "mask")
    assert present(record) == sorted(["flicker", *OF_THE_MASK])
    assert record["background_flicker"] == 0


def test_frames_of_a_run_have_the_scores_that_the_run_itself_has(score, run):
    _, [record], _ = score(run.folder / "frames", "--run", run.folder)
    assert present(record) == sorted(["flicker", *OF_THE_MASK, *OF_THE_MESH, *OF_THE_MAP])
    found = read_correspondence(run.folder / f"correspondence_{SIDE}.npz")
    nowhere = Networks(run.folder / "none", run.folder / "none")
    evidence = Evidence(
        run.frames, nowhere, "", run.conditions.mask, False, run.conditions, run.body, found
    )  # fmt: skip
    for expected in compute([*OF_THE_MASK, *OF_THE_MESH, *OF_THE_MAP, "flicker"], evidence):
        assert record[expected.name] == expected.value
        assert record["per_pair"][expected.name] == list(expected.per_pair)


def test_what_is_drawn_anew_for_another_size_is_the_same_view(run):
    drawn, own = conditions_at(read_run(run.folder), FRAMES, 3 * SIDE, 3 * SIDE), run.conditions
    assert drawn.mask.shape == (FRAMES, 3 * SIDE, 3 * SIDE)
    # The middle pixel of each block of 3 x 3 looks along the ray of the run's own pixel.
    assert (drawn.mask[:, 1::3, 1::3] != own.mask).mean() < 1e-4
    both = drawn.mask[:, 1::3, 1::3] & own.mask
    assert (drawn.face[:, 1::3, 1::3] == own.face)[both].mean() > 0.99
    assert np.abs(drawn.depth[:, 1::3, 1::3] - own.depth)[both].max() < 1e-3


def test_a_larger_video_is_judged_in_its_own_size(score, tmp_path, run):
    drawn = conditions_at(read_run(run.folder), FRAMES, 2 * SIDE, 2 * SIDE)
    frames = painted(run.body, drawn)
    write_png_frames(tmp_path / "large", frames)
    torn = frames.copy()
    for frame, mask in zip(torn, drawn.mask, strict=True):
        frame[mask] = np.random.default_rng(0).permutation(frame[mask])
    write_png_frames(tmp_path / "torn", torn)
    status, [steady, broken], _ = score(tmp_path / "large", tmp_path / "torn", "--run", run.folder)
    assert status == 0
    for name in ("human_mse", "human_mse_mesh", "warp_error"):
        assert steady[name] < 0.08 * broken[name], name
    assert steady["psnr_aligned"] > broken["psnr_aligned"] + 10
    assert steady["ssim_aligned"] > broken["ssim_aligned"] + 0.5
    assert steady["background_flicker"] == 0


def test_a_smaller_video_is_judged_by_the_mesh_but_not_by_the_finer_map(score, tmp_path, run):
    write_png_frames(tmp_path / "small", run.frames[:, ::2, ::2])
    _, [record], _ = score(tmp_path / "small", "--run", run.folder)
    assert all(record[name] is not None for name in OF_THE_MESH)
    assert record["human_mse"] is None
    assert f"grid of {SIDE}, which does not divide frames of {SIDE // 2}" in record["human_mse_reason"]


def test_weights_and_the_runs_prompt_add_the_learned_scores(score, tmp_path, run):
    for name, write in (("clip", write_clip), ("lpips", write_lpips)):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    _, [record], _ = score(run.folder / "frames", "--run", run.folder, "--weights", tmp_path)
    assert present(record) == sorted(NAMES)
    _, [other], _ = score(run.folder / "frames", "--run", run.folder, "--weights", tmp_path, "--prompt", "a cat")
    assert other["clip_text"] != record["clip_text"]
    assert other["clip_frames"] == record["clip_frames"]
    _, [few], _ = score(run.folder / "frames", "--metrics", "clip_frames,flicker", "--clip", tmp_path / "clip")
    assert few["clip_frames"] == pytest.approx(record["clip_frames"])
    assert "human_mse" not in few


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frames: frames[:2], r"the video has 2 frames, the run .*ours has 3: only a video that follows"),
        (lambda frames: frames[:, :, :96], r"the video is 96x128, the run's frames are 128x128"),
        (lambda frames: np.pad(frames, ((0, 0), (0, 64), (0, 64), (0, 0))), r"192x192.*whole number, as for 256x256"),
    ],
)
def test_a_video_that_does_not_follow_the_run_is_refused_and_the_others_are_scored(
    score, tmp_path, run, change, message
):
    write_png_frames(tmp_path / "odd", change(run.frames))
    status, [bad, good], said = score(tmp_path / "odd", run.folder / "frames", "--run", run.folder)
    assert status == 2
    assert good["human_mse"] is not None
    assert re.search(message, bad["error"])
    assert bad["error"] in said


def test_a_folder_that_is_no_run_is_refused(score, tmp_path, run):
    status, _, said = score(run.folder / "frames", "--run", tmp_path)
    assert (status, "is this the folder of a run?" in said) == (2, True)
    (tmp_path / "status.json").write_text("{}")
    (tmp_path / "00-a").mkdir()
    (tmp_path / "00-a" / "body.npz").touch()
    assert f"it holds several runs: choose one, such as {tmp_path / '00-a'}" in score(run.folder, "--run", tmp_path)[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mask", "m", "--run", "r"], "--mask or --run, not both"),
        (["--metrics", "human_mes"], "did you mean 'human_mse'"),
        (["--metrics", "coverage"], "judges a run's map, not a video"),
        (["--clip", "nowhere"], "--clip nowhere: no CLIP model"),
        (["--csv", "-"], "both write to the screen"),
        (["--device", "abacus"], "abacus"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(score, run, arguments, message):
    status, out, said = score(run.folder / "frames", *arguments)
    assert (status, out) == (2, None)
    assert message in said


def test_files_that_exist_are_never_overwritten(tmp_path, run, capsys):
    kept = tmp_path / "scores.json"
    kept.write_text("mine")
    assert main(["score", str(run.folder / "frames"), "--json", str(kept)]) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert kept.read_text() == "mine"


def test_csv_has_a_row_for_each_video_and_the_table_a_column(tmp_path, run, capsys):
    frames, csv_file = str(run.folder / "frames"), tmp_path / "scores.csv"
    assert (
        main(["score", frames, frames, str(tmp_path / "none"), "--run", str(run.folder), "--csv", str(csv_file)]) == 2
    )
    printed = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(csv_file.read_text())))
    assert [row["video"] for row in rows] == [frames, frames, str(tmp_path / "none")]
    assert float(rows[0]["human_mse"]) == float(rows[1]["human_mse"])
    assert rows[0]["clip_text"] == ""
    assert "there is no file or folder" in rows[2]["error"]
    line = next(line for line in printed.out.splitlines() if line.startswith("flicker"))
    assert line.split()[1] == line.split()[2]
    assert "clip_text" in printed.out
    assert "there is no file or folder" in printed.err
