"""metrics.json holds scores with costs; a job's file holds the means over its prompts."""

import json

import pytest

from latentman.record.metrics_file import read_metrics, with_costs, write_means


def write_metrics(folder, **metrics):
    folder.mkdir(exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


@pytest.mark.parametrize("text", [None, "", "{", "[1]"])
def test_missing_and_damaged_metrics_are_empty(tmp_path, text):
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    assert read_metrics(tmp_path) == {}


def test_costs_come_from_the_finished_stages_and_replace_earlier_ones(tmp_path):
    folder = write_metrics(tmp_path, human_mse=2.0, seconds_old=9.0, seconds_total=9.0, peak_memory_bytes=9)
    stages = {
        "motion": {"state": "done", "seconds": 1.0, "peak_memory_bytes": 5},
        "denoise": {"state": "done", "seconds": 2.5, "peak_memory_bytes": 7},
        "video": {"state": "running", "seconds": None, "peak_memory_bytes": None},
    }
    assert with_costs(folder, {"stages": stages}) == {
        "human_mse": 2.0, "seconds_motion": 1.0, "seconds_denoise": 2.5, "seconds_total": 3.5,
        "peak_memory_bytes_motion": 5, "peak_memory_bytes_denoise": 7, "peak_memory_bytes": 7,
    }  # fmt: skip


def test_means_are_over_the_prompts_that_have_a_score_and_the_reason_counts_them(tmp_path):
    a = write_metrics(tmp_path / "a", human_mse=1.0, warp_error=4.0, clip_text=None, clip_text_reason="no CLIP")
    b = write_metrics(tmp_path / "b", human_mse=3.0, warp_error=None, warp_error_reason="no pair", clip_text=None)
    means = write_means(tmp_path, [a, b])
    assert means == {
        "num_prompts": 2, "human_mse": 2.0, "warp_error": 4.0, "clip_text": None, "clip_text_reason": "no CLIP",
        "warp_error_reason": "mean of the 1 of 2 prompts that have it",
    }  # fmt: skip
    assert read_metrics(tmp_path) == means
