"""One of our runs as the reference of a video that follows it: its body, camera, map M and prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from latentman.errors import DataError, RecordError, ShapeError
from latentman.files.run_file import read_body, read_conditions, read_correspondence
from latentman.metrics.grid import metric_grid
from latentman.record.local import read_object
from latentman.types import BodySequence, Camera, Conditions, Correspondence


@dataclass(frozen=True, slots=True)
class FollowedRun:
    """What a run provides to judge a video that follows it; ``correspondence`` is its map M on its metric grid."""

    folder: Path
    prompt: str | None
    body: BodySequence
    conditions: Conditions
    correspondence: Correspondence

    @property
    def side(self) -> int:
        """Height and width of the run's own frames."""
        return int(self.conditions.mask.shape[1])


def read_run(folder: Path) -> FollowedRun:
    """Read a finished run, or an unfinished one that already has its map M.

    Raises:
        RecordError: if the folder is not a run, holds several runs, or lacks a file that is needed.
    """
    status = read_object(folder / "status.json")
    if not (folder / "body.npz").is_file():
        inside = sorted(path.parent.name for path in folder.glob("*/body.npz"))
        advice = (
            f"it holds several runs: choose one, such as {folder / inside[0]}" if inside else "finish the run first"
        )
        raise RecordError(f"--run {folder} has no body.npz: {advice}")
    conditions = read_conditions(folder / "conditions.npz")
    size = metric_grid(conditions.mask.shape[1])
    return FollowedRun(
        folder=folder,
        prompt=status.get("prompt"),
        body=read_body(folder / "body.npz"),
        conditions=conditions,
        correspondence=read_correspondence(folder / f"correspondence_{size}.npz"),
    )


def conditions_at(run: FollowedRun, frames: int, height: int, width: int) -> Conditions:
    """Return the run's conditions in the size of a video that follows it, rendered again if the sizes differ.

    The cameras stay where they are and see the same, in more or fewer pixels. Conditions rendered again have no
    disparity.

    Raises:
        DataError: if the video has another number of frames, is not square, or its size is not a whole multiple or
            fraction of the run's.
    """
    if frames != len(run.conditions.mask):
        raise DataError(
            f"the video has {frames} frames, the run {run.folder} has {len(run.conditions.mask)}: only a video that "
            "follows the run frame by frame can be judged by it"
        )
    if height != width or max(height, run.side) % min(height, run.side):
        raise DataError(
            f"the video is {width}x{height}, the run's frames are {run.side}x{run.side}: the ratio must be a whole "
            f"number, as for {2 * run.side}x{2 * run.side}; crop or resize the video, without changing what it shows"
        )
    return run.conditions if height == run.side else _draw(run, height)


def map_at(run: FollowedRun, side: int) -> Correspondence | None:
    """Return the run's map M if its grid divides frames of this side, so that H_MSE can be measured on them."""
    return run.correspondence if side % run.correspondence.size == 0 else None


def grid_reason(side: int) -> str | None:
    """Return why frames of this side have no metric grid; None if they have one."""
    try:
        metric_grid(side)
    except ShapeError as error:
        return str(error)
    return None


def _draw(run: FollowedRun, side: int) -> Conditions:
    """Render the run again. Its depth encoding is not known here, and no metric uses it."""
    from latentman.render.conditions import draw_seen

    drawn = draw_seen(run.body, [_zoom(camera, side) for camera in run.conditions.cameras])
    return replace(drawn, scene=run.conditions.scene)


def _zoom(camera: Camera, side: int) -> Camera:
    """Return a camera that sees the same in frames of another side; pixel centres are at half-integers."""
    factor = side / camera.height
    lens = {name: getattr(camera, name) * factor for name in ("fx", "fy", "cx", "cy")}
    return replace(camera, height=side, width=side, **lens)
