"""Event files that TensorBoard itself reads back."""

import warnings

import numpy as np
import pytest

from latentman.config.logger import LoggerConfig
from latentman.tracking.protocol import TrackedRun
from latentman.video import write_mp4

pytest.importorskip("tensorboard", reason="needs latentman[tensorboard]")


def test_everything_that_a_run_logs_can_be_read_back(tmp_path):
    from latentman.tracking.tensorboard import HPARAM_METRICS, TensorboardTracker

    frames = np.random.default_rng(0).integers(0, 255, (3, 32, 48, 3), dtype=np.uint8)
    write_mp4(tmp_path / "video.mp4", frames, fps=10, crf=17)
    run = TrackedRun(tmp_path, "id", "run", "group", "generate")
    for steps in ((1, 2), (3,)):  # the second time is a run that continues
        tracker = TensorboardTracker(LoggerConfig(name="tensorboard"), run)
        tracker.log_config({"seed": 1, "prompt": "Zoë walks", "pwg": {"window": [0.2, 0.7], "steps": None}})
        for step in steps:
            tracker.log_metrics({"denoise/guidance_loss": 0.5 * step}, step)
    tracker.log_metrics({"human_mse": 5.0})
    tracker.log_table("per_pair", ["metric", "value"], [["a|b", 1.0], ["c", None]])
    tracker.log_video("video", tmp_path / "video.mp4", "a walk")
    tracker.log_file("gallery", tmp_path / "gallery.html")
    tracker.finish("done")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the reader, which is TensorBoard's own
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        events = EventAccumulator(tracker.place, size_guidance={"images": 0, "tensors": 0, "scalars": 0}).Reload()
    assert [(e.step, e.value) for e in events.Scalars("denoise/guidance_loss")] == [(1, 0.5), (2, 1.0), (3, 1.5)]
    assert [e.value for e in events.Scalars("human_mse")] == [5.0]
    (image,) = events.Images("videos/video")
    assert (image.width, image.height) == (48, 32)
    assert image.encoded_image_string.startswith(b"GIF89a")
    data = events.summary_metadata  # written beside the scalars, so that the run is one row of the table
    start = HParamsPluginData.FromString(data["_hparams_/session_start_info"].plugin_data.content)
    values = {key: value.number_value or value.string_value for key, value in start.session_start_info.hparams.items()}
    assert values == {"seed": 1, "prompt": "Zoë walks", "pwg.window": "[0.2, 0.7]"}
    about = HParamsPluginData.FromString(data["_hparams_/experiment"].plugin_data.content).experiment
    assert [info.name.tag for info in about.metric_infos] == list(HPARAM_METRICS)
    assert "_hparams_/session_end_info" in data
    texts = {
        tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode()
        for tag in events.Tags()["tensors"]
        if "_hparams_" not in tag
    }
    assert "Zoë walks" in texts["config/text_summary"]
    assert "| a\\|b | 1 |\n| c |  |" in texts["tables/per_pair/text_summary"]
    assert texts["status/text_summary"] == "done"
