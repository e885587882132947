"""The mirror in TensorBoard: event files in ``tensorboard/`` inside the run folder.

TensorBoard does not show MP4 files but plays GIFs among its pictures, so a video becomes a GIF.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from latentman.config.logger import LoggerConfig
from latentman.tracking.protocol import TrackedRun
from latentman.video import read_mp4

HPARAM_METRICS = ("scores/human_mse", "scores/figure_contrast", "seconds/total")
"""The scalars that TensorBoard lists next to the hyper-parameters of a run."""


class TensorboardTracker:
    """Event files of one run; ``tensorboard --logdir`` on the folder of a sweep shows all its runs.

    Args:
        cfg: not used by TensorBoard.
        run: the folder.
    """

    def __init__(self, cfg: LoggerConfig, run: TrackedRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = run.folder / "tensorboard"
        self._writer = SummaryWriter(str(folder))
        self._success: Any = None
        """What ends a run that is done, for the table of hyper-parameters."""
        self.place = str(folder)

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Show the configuration as text, and its plain values as hyper-parameters."""
        from torch.utils.tensorboard.summary import hparams

        writer = self._writer.file_writer
        assert writer is not None
        experiment, start, self._success = hparams(dict(_plain(config)), dict.fromkeys(HPARAM_METRICS))
        writer.add_summary(experiment)
        writer.add_summary(start)
        self._writer.add_text("config", _indented(json.dumps(config, indent=2, ensure_ascii=False, default=str)))
        self._writer.flush()

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log scalars; a scalar of the whole run has one point, at step 0."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step or 0)
        self._writer.flush()

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show a table as text."""
        lines = [columns, ["---"] * len(columns), *rows]
        text = "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)
        self._writer.add_text(f"tables/{name}", text)

    def log_video(self, name: str, path: Path, caption: str) -> None:
        """Show a video as a GIF among the pictures."""
        from PIL import Image
        from tensorboard.compat.proto.summary_pb2 import Summary

        video = read_mp4(path)
        pictures = [Image.fromarray(frame) for frame in video.frames]
        file = io.BytesIO()
        pictures[0].save(
            file, "GIF", save_all=True, append_images=pictures[1:], duration=round(1000 / video.fps), loop=0
        )
        height, width = video.frames.shape[1:3]
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=file.getvalue())
        writer = self._writer.file_writer
        assert writer is not None  # it is None only after the end
        writer.add_summary(Summary(value=[Summary.Value(tag=f"videos/{name}", image=image)]), 0)
        self._writer.flush()

    def log_file(self, name: str, path: Path) -> None:
        """Log the path of the file, because TensorBoard does not show pages."""
        self._writer.add_text(name, _indented(str(path)))

    def finish(self, status: str) -> None:
        """Log the status and close the files."""
        if status == "done" and self._success is not None and self._writer.file_writer is not None:
            self._writer.file_writer.add_summary(self._success)
        self._writer.add_text("status", status)
        self._writer.close()


def _plain(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted keys of a configuration with their values, lists as text; TensorBoard takes no null."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _plain(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | str) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")


def _indented(text: str) -> str:
    """Return text as Markdown that is displayed verbatim."""
    return "\n".join(f"    {line}" for line in text.splitlines())
