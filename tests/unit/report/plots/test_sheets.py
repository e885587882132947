"""Sheets hold every frame where it belongs, and fit into the size they were given."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from latentman.report.plots.sheets import FEWEST_FRAMES, SHEET_PIXELS, Form, gather, make_sheet, plan_for
from latentman.video import write_mp4, write_png_frames


def pixels(sheet):
    data = base64.b64decode(sheet.source.split(",", 1)[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def cut(sheet, index):
    row, column = divmod(index, sheet.columns)
    top, left = row * sheet.height, column * sheet.width
    return pixels(sheet)[top : top + sheet.height, left : left + sheet.width]


def noise(num_frames, height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num_frames, height, width, 3), np.uint8)


def write_run(folder, frames):
    write_png_frames(folder / "frames", frames)
    return folder


@pytest.mark.parametrize("num_frames", [1, 2, 5, 9, 10])
def test_a_lossless_sheet_gives_every_frame_back(num_frames):
    frames = noise(num_frames, 20, 30)
    sheet = make_sheet(frames, Form(512, None))
    assert (sheet.count, sheet.width, sheet.height) == (num_frames, 30, 20)
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(cut(sheet, index), frame)


def test_wide_frames_are_reduced_and_keep_their_proportions():
    sheet = make_sheet(noise(3, 100, 200), Form(64, 90))
    assert (sheet.width, sheet.height) == (64, 32)


def test_few_small_runs_are_lossless_and_without_error(tmp_path):
    folders = [write_run(tmp_path / f"{i}", noise(3, 40, 40, i)) for i in range(3)]
    pictures = gather(folders)
    assert pictures.plan.form.quality is None
    assert pictures.plan.error == 0
    assert pictures.note() == "Pictures are 40 pixels wide, lossless."


@pytest.mark.parametrize("limit", [600_000, 150_000, 60_000])
def test_the_pictures_fit_into_the_limit(tmp_path, limit):
    folders = [write_run(tmp_path / f"{i}", noise(6, 160, 160, i)) for i in range(4)]
    pictures = gather(folders, limit=limit)
    size = sum(len(sheet.source) for sheet in pictures.sheets if sheet)
    assert size < 1.2 * limit
    assert size > 0.1 * limit, "smaller than it had to be"


def test_long_videos_lose_frames_before_they_are_left_out(tmp_path):
    folders = [write_run(tmp_path / f"{i}", noise(16, 128, 128, i)) for i in range(2)]
    pictures = gather(folders, limit=100_000)
    assert pictures.plan.every > 1
    assert all(sheet.count == -(-16 // pictures.plan.every) >= FEWEST_FRAMES for sheet in pictures.sheets)
    assert f"One of every {pictures.plan.every} frames is kept." in pictures.note()


def test_runs_that_do_not_fit_after_every_reduction_are_left_out_with_a_reason(tmp_path):
    folders = [write_run(tmp_path / f"{i}", noise(4, 128, 128, i)) for i in range(4)]
    pictures = gather(folders, limit=60_000)
    kept = [sheet is not None for sheet in pictures.sheets]
    assert kept == sorted(kept, reverse=True)
    assert 1 <= sum(kept) < 4
    assert all(reason.startswith("left out") for reason in pictures.missing if reason)
    assert [reason is None for reason in pictures.missing] == kept


def test_a_sheet_stays_small_enough_to_be_decoded(tmp_path):
    counts = [400]
    folder = write_run(tmp_path / "long", noise(4, 300, 300))
    plan, _ = plan_for([folder], counts, 10**12)
    assert -(-400 // plan.every) * plan.form.width**2 <= SHEET_PIXELS


def test_the_mp4_replaces_missing_frames(tmp_path):
    frames = noise(1, 32, 32).repeat(3, 0)
    write_mp4(tmp_path / "run" / "video.mp4", frames, fps=10, crf=17)
    pictures = gather([tmp_path / "run", tmp_path / "nothing"])
    assert [sheet and sheet.count for sheet in pictures.sheets] == [3, None]
    assert pictures.missing[0] is None
    assert "neither frames/ nor video.mp4" in pictures.missing[1]


def test_no_runs_at_all_is_not_an_error():
    pictures = gather([])
    assert pictures.sheets == ()
    assert pictures.note() == ""
