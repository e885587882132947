"""A training folder from BVH files: read, retargeted, put on the floor, cut, captioned, and reported.

The layout is that of :mod:`latentman.train.motion.data`. As in HumanML3D (Guo et al., CVPR 2022), clips have 20 frames
per second and 40 to 196 frames. Unlike HumanML3D, the floor is a low percentile of a whole file instead of the lowest
joint of a clip, and files are cut where the tracking jumps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from latentman.errors import ConfigError, DataError, LatentManError
from latentman.motion.humanml3d import FPS, canonicalise, features, mirror, recover, retarget
from latentman.motion.recorded.bvh_clip import read_bvh_clip
from latentman.motion.recorded.glitches import GLITCH_SPEED, smooth_parts
from latentman.motion.recorded.resample import resample
from latentman.motion.recorded.settle import floor_height
from latentman.system.paths import write_json, write_npz, write_text
from latentman.train.motion.bvh_captions import Described, read_captions
from latentman.train.motion.data import Clip, measure, swap_sides
from latentman.types import Array

_EVERY = 100
"""Number of files between two progress lines."""

_ROUND_TRIP = 1e-3
"""Tolerance in metres between joints and their reconstruction from features."""


@dataclass(frozen=True)
class Settings:
    """The command's settings; ``skip_frames`` None looks for a rest pose, ``frame_time`` None uses the files' value."""

    captions: Path
    rig: str = "auto"
    mirror: bool = False
    skip_frames: int | None = None
    frame_time: float | None = None
    min_frames: int = 40
    max_frames: int = 196


@dataclass(frozen=True)
class Dropped:
    """A skipped item: a ``what`` of a ``file``, and ``why``."""

    file: str
    what: str
    why: str


@dataclass
class Report:
    """The outcome for the files; ``skipped`` counts the frames skipped at the start of each."""

    files: int = 0
    clips: int = 0
    minutes: float = 0.0
    skipped: dict[str, int] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)

    def text(self) -> str:
        """Return the report as lines for the terminal."""
        lines = [f"{self.clips} clips, {self.minutes:.1f} minutes, from {self.files} files"]
        if self.skipped:
            lines.append(f"left out: {sum(self.skipped.values())} frames in front of {len(self.skipped)} files")
        lines += [f"left out: {d.file}: {d.what}: {d.why}" for d in self.dropped]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Entry:
    """A clip and its origin; ``first_frame`` counts the file's frames at 20 per second."""

    clip: Clip
    name: str
    file: str
    first_frame: int
    mirrored: bool


def prepare(folder: Path, out: Path, settings: Settings, say: Callable[[str], None] = lambda line: None) -> Report:
    """Make the training folder ``out`` from the BVH files below ``folder``.

    Args:
        folder: the folder of BVH files.
        out: the folder for motions.npz, index.jsonl and report.json.
        settings: the settings.
        say: called with a progress line from time to time.

    Raises:
        ConfigError: if ``out`` already holds a training set, or the rig is not valid.
        DataError: if there are no files, the captions cannot be read, or no clip remains.
        RecordError: if ``out`` cannot be written.
    """
    if (out / "motions.npz").exists():
        raise ConfigError(f"{out} already holds a training set: give another folder, or delete it")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".bvh" and path.is_file())
    if not paths:
        raise DataError(f"there are no .bvh files below {folder}")
    captions = read_captions(settings.captions)
    report, entries = Report(files=len(paths)), []
    told = _assign(paths, folder, captions, report)
    for number, path in enumerate(paths, 1):
        if path in told:
            entries += _entries(path, folder, told[path], settings, report)
        if number % _EVERY == 0:
            say(f"{number} of {len(paths)} files, {len(entries)} clips")
    if not entries:
        reasons = "\n".join(f"{d.file}: {d.why}" for d in report.dropped[:10])
        raise DataError(f"no clip remains from the {len(paths)} files below {folder}:\n{reasons}")
    _write(out, entries, report)
    return report


def _assign(paths: list[Path], folder: Path, captions: dict[str, Described], report: Report) -> dict[Path, Described]:
    """Return the captions of each file, by its path below the folder or by its own name if that is unique."""
    stems: dict[str, list[Path]] = {}
    for path in paths:
        stems.setdefault(path.stem, []).append(path)
    told, used = {}, set()
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        key = name if name in captions else path.stem
        if key not in captions:
            report.dropped.append(Dropped(f"{name}.bvh", "the file", "it has no caption"))
        elif key != name and len(stems[path.stem]) > 1:
            why = f"{len(stems[path.stem])} files have this name: give the caption's name with its folder, as {name}"
            report.dropped.append(Dropped(f"{name}.bvh", "the file", why))
            used.add(key)
        else:
            told[path] = captions[key]
            used.add(key)
    for name in sorted(captions.keys() - used):
        report.dropped.append(Dropped(name, "the captions", "there is no such file"))
    return told


def _entries(path: Path, folder: Path, told: Described, settings: Settings, report: Report) -> list[_Entry]:
    """Return the clips of one file, and report its skipped parts."""
    file = path.relative_to(folder).as_posix()
    try:
        clip = read_bvh_clip(path, rig=settings.rig, frame_time=settings.frame_time, skip_frames=settings.skip_frames)
        joints = retarget(resample(clip.joints, clip.fps, FPS))
    except ConfigError:
        raise  # an invalid rig affects every file
    except LatentManError as error:
        report.dropped.append(Dropped(file, "the file", str(error)))
        return []
    if clip.skipped:
        report.skipped[file] = clip.skipped
    joints[..., 1] -= floor_height(joints)
    name, category = path.relative_to(folder).with_suffix("").as_posix(), told.category or told.captions[0]
    found = []
    for first, last in _pieces(joints, file, settings, report):
        for mirrored in (False, True) if settings.mirror else (False,):
            piece = joints[first:last]
            values = _features(mirror(piece) if mirrored else piece)
            if values is None:
                report.dropped.append(Dropped(file, f"frames {first} to {last}", "the features do not restore them"))
                continue
            said = tuple(map(swap_sides, told.captions)) if mirrored else tuple(told.captions)
            made = Clip(values, swap_sides(category) if mirrored else category, said)
            found.append(_Entry(made, name, file, first, mirrored))
    return found


def _pieces(joints: Array, file: str, settings: Settings, report: Report) -> Iterator[tuple[int, int]]:
    """Yield the half-open ranges of frames of a file's clips, each with the one additional frame that features need."""
    parts = smooth_parts(joints, FPS, settings.min_frames + 1)
    lost = len(joints) - sum(last - first for first, last in parts)
    if not parts and lost <= settings.min_frames:
        why = f"{len(joints) - 1} frames at {FPS:g} per second, {settings.min_frames} are needed"
        report.dropped.append(Dropped(file, "the file", why))
    elif lost:
        why = f"joints faster than {GLITCH_SPEED:g} m/s, and parts between them of under {settings.min_frames} frames"
        report.dropped.append(Dropped(file, f"{lost} of {len(joints)} frames", why))
    for first, last in parts:
        count = last - first - 1
        edges = np.linspace(first, first + count, -(-count // settings.max_frames) + 1).round().astype(int)
        for low, high in pairwise(edges):
            yield int(low), int(high) + 1


def _features(joints: Array) -> Array | None:
    """Return features (T-1, 263) of joints (T, 22, 3), heights kept; None if they do not reconstruct the joints."""
    turned = canonicalise(joints, grounded=False)
    values = features(turned).astype(np.float32)
    error = np.linalg.norm(recover(values) - turned[:-1], axis=-1).max()
    return values if error < _ROUND_TRIP else None


def _mirror_name(name: str) -> str:
    """Return the name of a motion's mirror image, with an M before its last part, as in HumanML3D."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}M{last}"


def _write(out: Path, entries: list[_Entry], report: Report) -> None:
    clips = [entry.clip for entry in entries]
    statistics = measure(clips)
    lines, offset = [], 0
    for entry in entries:
        length = len(entry.clip.features)
        row = {
            "name": _mirror_name(entry.name) if entry.mirrored else entry.name,
            "source": "bvh",
            "category": entry.clip.category,
            "offset": offset,
            "length": length,
            "captions": list(entry.clip.captions),
            "file": entry.file,
            "first_frame": entry.first_frame,
            "mirrored": entry.mirrored,
        }
        lines.append(json.dumps(row, ensure_ascii=False))
        offset += length
    report.clips, report.minutes = len(clips), offset / FPS / 60
    write_text(out / "index.jsonl", "\n".join(lines) + "\n")
    write_json(out / "report.json", asdict(report))
    arrays = {"features": np.concatenate([clip.features for clip in clips])}
    arrays["mean"], arrays["std"] = (a.astype(np.float32) for a in (statistics.mean, statistics.std))
    # Written last, since it marks the folder as complete.
    write_npz(out / "motions.npz", arrays)
