"""A run ends with its video, its page and its score, next to the baseline's where there is one."""

from pathlib import Path

from latentman.engine.closing import closing_lines


def test_the_lines_give_the_video_the_page_and_the_score():
    folder = Path("out")
    assert closing_lines(folder, {"human_mse": 42.0}) == [
        "video  out/video.mp4",
        "page   out/index.html",
        "H_MSE  42.0",
    ]


def test_a_baseline_is_shown_with_the_change_in_percent():
    assert closing_lines(Path(), {"human_mse": 3.0}, 4.0)[-1] == "H_MSE  3.0  (baseline 4.0, -25.0 %)"
    assert closing_lines(Path(), {"human_mse": 3.0}, 0.0)[-1] == "H_MSE  3.0  (baseline 0.0)"


def test_a_missing_score_gives_its_reason():
    metrics = {"human_mse": None, "human_mse_reason": "no two frames have matched pixels"}
    assert closing_lines(Path(), metrics)[-1] == "H_MSE  not available (no two frames have matched pixels)"
