"""The frozen values that are passed between the stages.

Axis letters, everywhere in the project: T frames, H W image, h w latent grid, C channels, V vertices, F faces, J
joints, K matches. World: metres, Y up, the character faces +Z at rest and +X is its left (as HumanML3D and SMPL).
Camera: OpenCV axes (x right, y down, z forward); the centre of pixel (row, col) is at (col + 0.5, row + 0.5).

Arrays are NumPy arrays. They are checked when a value is created, so that a wrong shape is reported at its origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentman.errors import DataError, ShapeError

NUM_JOINTS = 22
"""Joints of the HumanML3D skeleton: rows 0 to 21 of SMPL's."""

NUM_PARTS = 24
"""Body parts of DensePose, numbered 1 to 24; 0 is the background."""

MAX_CHARACTERS = 10
"""Characters in one scene: character k, counted from 0, has the parts 24 k + 1 to 24 k + 24, which a byte must hold."""

UNMATCHED = ("outside", "occluded", "contested")
"""Why a pixel of the figure has no match in an exact map: its point is outside the reference's picture; something
else is visible there; another pixel, whose point is nearer, has the same source."""

Array = NDArray[Any]


def _expect(name: str, array: Array, axes: tuple[int | str, ...], dtype: type | None = None) -> None:
    """Raise ShapeError unless ``array`` has these axes (a string is a free length) and this kind of dtype."""
    if array.ndim != len(axes) or any(isinstance(n, int) and n != m for n, m in zip(axes, array.shape, strict=True)):
        raise ShapeError(f"{name}: expected ({', '.join(map(str, axes))}), got {tuple(array.shape)}")
    if dtype is not None and not np.issubdtype(array.dtype, dtype):
        raise ShapeError(f"{name}: expected values of kind {dtype.__name__}, got {array.dtype}")


def _expect_finite(name: str, array: Array) -> None:
    if not np.isfinite(array).all():
        bad = int(np.argwhere(~np.isfinite(array))[0][0])
        raise DataError(f"{name} holds values that are not finite, first at frame {bad}")


@dataclass(frozen=True, slots=True)
class Motion:
    """A moving skeleton: joints (T, 22, 3) in metres at ``fps`` frames a second, with the text it was made from."""

    joints: Array
    fps: float
    text: str
    source: str

    def __post_init__(self) -> None:
        _expect("motion.joints", self.joints, ("T", NUM_JOINTS, 3), np.floating)
        _expect_finite("motion.joints", self.joints)
        if len(self.joints) < 1 or not self.fps > 0:
            raise DataError(f"motion: needs at least one frame and fps > 0, got {len(self.joints)} at fps {self.fps}")

    def arrays(self) -> dict[str, Any]:
        """Return the content as plain arrays, for an npz file."""
        return {
            "joints": self.joints,
            "fps": np.float64(self.fps),
            "text": np.str_(self.text),
            "source": np.str_(self.source),
        }

    @classmethod
    def from_arrays(cls, data: Mapping[str, Array]) -> Motion:
        """Rebuild a motion from what :meth:`arrays` returned."""
        return cls(data["joints"], float(data["fps"]), str(data["text"]), str(data["source"]))


@dataclass(frozen=True, slots=True)
class BodySequence:
    """A moving mesh.

    ``vertices`` (T, V, 3) metres; ``faces`` (F, 3), counter-clockwise seen from outside; ``joints`` (T, J, 3) metres, J
    at least 22; ``part`` (F,) DensePose part 1 to 24 of each face; ``corner_uv`` (F, 3, 2) chart coordinates 0 to 1 of
    each face corner inside its part; U exceeds 0 or 1 in a face that crosses a seam (``render/iuv.py``).

    Several characters form one mesh (``body/scene.py``): parts of character k, counted from 0, are 24 k + 1 to 24 k +
    24; ``joints`` belong to the first character.
    """

    vertices: Array
    faces: Array
    joints: Array
    part: Array
    corner_uv: Array
    fps: float

    def __post_init__(self) -> None:
        _expect("body.vertices", self.vertices, ("T", "V", 3), np.floating)
        _expect_finite("body.vertices", self.vertices)
        _expect("body.faces", self.faces, ("F", 3), np.integer)
        _expect("body.joints", self.joints, (len(self.vertices), "J", 3), np.floating)
        _expect("body.part", self.part, (len(self.faces),), np.integer)
        _expect("body.corner_uv", self.corner_uv, (len(self.faces), 3, 2), np.floating)


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera of one frame: ``X_cam = rotation @ X + translation``; focal lengths and centre in pixels."""

    rotation: Array
    translation: Array
    fx: float
    fy: float
    cx: float
    cy: float
    height: int
    width: int

    def __post_init__(self) -> None:
        _expect("camera.rotation", self.rotation, (3, 3), np.floating)
        _expect("camera.translation", self.translation, (3,), np.floating)

    @property
    def intrinsics(self) -> Array:
        """Focal lengths, centre, height and width as one array (6,) float64."""
        return np.array([self.fx, self.fy, self.cx, self.cy, self.height, self.width], dtype=np.float64)

    @classmethod
    def from_arrays(cls, rotation: Array, translation: Array, intrinsics: Array) -> Camera:
        """Rebuild a camera from its rotation (3, 3), translation (3,) and :attr:`intrinsics` (6,)."""
        fx, fy, cx, cy, height, width = (float(x) for x in intrinsics)
        return cls(rotation, translation, fx, fy, cx, cy, int(height), int(width))

    def stands_at(self, other: Camera, tolerance: float = 0.0) -> bool:
        """Return whether no number of two cameras differs by more than ``tolerance``."""
        pairs = (
            (self.rotation, other.rotation),
            (self.translation, other.translation),
            (self.intrinsics, other.intrinsics),
        )
        return self is other or all(float(np.abs(a - b).max()) <= tolerance for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is behind the figures: planes around them, and the sky, infinitely far, where a ray meets no plane.

    ``planes`` (P, 4): unit normal n and offset d of each; X is inside iff n . X + d >= 0 for all of them, metres.
    ``drift`` (P, 3): metres per frame by which what a plane shows glides along it. ``turn``: degrees per frame by which
    the sky turns to the right, seen from inside.
    """

    planes: Array
    drift: Array
    turn: float = 0.0

    def __post_init__(self) -> None:
        _expect("scene.planes", self.planes, ("P", 4), np.floating)
        _expect("scene.drift", self.drift, (len(self.planes), 3), np.floating)
        if not (np.isfinite(self.planes).all() and np.isfinite(self.drift).all() and np.isfinite(self.turn)):
            raise DataError("scene holds values that are not finite")


STANDING_M = 1e-9
"""Rounding error up to which a camera counts as still, in metres, or in entries of a rotation matrix."""

_DRAWN = ("depth", "disparity", "iuv", "mask", "face", "bary")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is rendered from the mesh for every frame.

    ``depth`` (T, H, W) float32 metres, 0 outside the figure; ``disparity`` (T, H, W) float32 0 to 1, the picture that
    the ControlNet reads (near is bright, background 0); ``iuv`` (T, H, W, 3) uint8 part, U, V; ``mask`` (T, H, W)
    bool; ``face`` (T, H, W) int32 face index, -1 outside; ``bary`` (T, H, W, 3) float32 barycentric coordinates in
    that face; ``cameras`` T entries, the camera of each frame: a still camera is repeated T times; ``scene``, what is
    behind the figures, where it is known.
    """

    depth: Array
    disparity: Array
    iuv: Array
    mask: Array
    face: Array
    bary: Array
    cameras: tuple[Camera, ...]
    scene: Scene | None = None

    def __post_init__(self) -> None:
        frames, height, width = (*self.depth.shape, 0, 0, 0)[:3]
        _expect("conditions.depth", self.depth, ("T", "H", "W"), np.floating)
        _expect("conditions.disparity", self.disparity, (frames, height, width), np.floating)
        _expect("conditions.iuv", self.iuv, (frames, height, width, 3), np.uint8)
        _expect("conditions.mask", self.mask, (frames, height, width), np.bool_)
        _expect("conditions.face", self.face, (frames, height, width), np.integer)
        _expect("conditions.bary", self.bary, (frames, height, width, 3), np.floating)
        if len(self.cameras) != frames:
            raise ShapeError(
                f"conditions.cameras: expected {frames} entries, one for each frame, got {len(self.cameras)}"
            )

    @property
    def camera_moves(self) -> bool:
        """Whether the camera of some frame differs from the first, so that the background moves in the picture."""
        return not all(camera.stands_at(self.cameras[0], STANDING_M) for camera in self.cameras)

    @property
    def background_moves(self) -> bool:
        """Whether what is behind the figures moves in the picture, with the camera or by a drift of its own."""
        scene = self.scene
        return self.camera_moves or (scene is not None and (bool(scene.drift.any()) or scene.turn != 0))

    def arrays(self) -> dict[str, Any]:
        """Return the content as plain arrays, for an npz file: one camera where all are equal, else T of them."""
        cameras = self.cameras
        if all(camera.stands_at(cameras[0]) for camera in cameras):
            cameras = cameras[:1]
        seen_by = [[c.rotation for c in cameras], [c.translation for c in cameras], [c.intrinsics for c in cameras]]
        rotation, translation, intrinsics = (values[0] if len(cameras) == 1 else np.stack(values) for values in seen_by)
        drawn = {name: getattr(self, name) for name in _DRAWN}
        views = {"camera_rotation": rotation, "camera_translation": translation, "camera_intrinsics": intrinsics}
        if self.scene is None:
            return drawn | views
        behind = self.scene
        return drawn | views | {
            "scene_planes": behind.planes, "scene_drift": behind.drift, "scene_turn": np.float64(behind.turn),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, data: Mapping[str, Array]) -> Conditions:
        """Rebuild conditions from what :meth:`arrays` returned."""
        fields: dict[str, Any] = {name: data[name] for name in _DRAWN}
        views = (data["camera_rotation"], data["camera_translation"], data["camera_intrinsics"])
        if views[0].ndim == 2:
            cameras = (Camera.from_arrays(*views),) * len(fields["mask"])
        else:
            cameras = tuple(Camera.from_arrays(*view) for view in zip(*views, strict=True))
        if "scene_planes" not in data:
            return cls(**fields, cameras=cameras)
        scene = Scene(data["scene_planes"], data["scene_drift"], float(data["scene_turn"]))
        return cls(**fields, cameras=cameras, scene=scene)


def source_frame(reference: str, frame: int) -> int:
    """Return the frame that a frame takes its colours from, by the kind of reference."""
    return 0 if reference == "first" else frame - 1


@dataclass(frozen=True, slots=True)
class Correspondence:
    """The map M of the paper's section 3.3 for all frames, on a ``size`` x ``size`` grid.

    ``pairs`` has T entries; entry i is ``(target, source)``, two (K, 2) int32 arrays of (row, col): pixel
    ``target[k]`` of frame i shows the same point of the body as pixel ``source[k]`` of frame ``source_frame(i)``.
    Entry 0 is empty. Both sides are injective. ``cost`` (T,) is the total assignment cost of each pair (0 for entry
    0); ``parts_skipped`` (T,) counts the parts seen in only one frame of the pair; ``certificate`` (T,) the proven
    gap to the optimum, or None where the solver gives no proof.

    A map made from the surface itself holds more. ``positions`` has T entries (K, 2) float32: the exact place of the
    point of ``target[k]`` in the source frame, as a continuous (row, col) index of the grid, whole numbers being
    its samples; ``source[k]`` is the nearest of them. ``unmatched`` (T, 3) counts the figure's pixels that have no
    match, by the reasons of :data:`UNMATCHED`. Both are None in maps found by assignment.
    """

    pairs: tuple[tuple[Array, Array], ...]
    size: int
    reference: str
    cost: Array
    parts_skipped: Array
    certificate: Array | None = None
    positions: tuple[Array, ...] | None = None
    unmatched: Array | None = None

    def __post_init__(self) -> None:
        for i, (target, source) in enumerate(self.pairs):
            _expect(f"correspondence.pairs[{i}].target", target, ("K", 2), np.int32)
            _expect(f"correspondence.pairs[{i}].source", source, (len(target), 2), np.int32)
        if not self.pairs or len(self.pairs[0][0]) > 0:
            raise DataError("correspondence: entry 0 must be there and empty, since frame 0 has no reference")
        _expect("correspondence.cost", self.cost, (len(self.pairs),), np.floating)
        _expect("correspondence.parts_skipped", self.parts_skipped, (len(self.pairs),), np.integer)
        if self.positions is not None:
            if len(self.positions) != len(self.pairs):
                raise ShapeError(
                    f"correspondence.positions: expected {len(self.pairs)} entries, one for each pair, got "
                    f"{len(self.positions)}"
                )
            for i, (position, (target, _)) in enumerate(zip(self.positions, self.pairs, strict=True)):
                _expect(f"correspondence.positions[{i}]", position, (len(target), 2), np.float32)
        if self.unmatched is not None:
            _expect("correspondence.unmatched", self.unmatched, (len(self.pairs), len(UNMATCHED)), np.integer)

    def source_frame(self, frame_index: int) -> int:
        """Return the frame that frame ``frame_index`` takes its colours from."""
        return source_frame(self.reference, frame_index)

    @property
    def num_matches(self) -> int:
        """Matches over all pairs."""
        return sum(len(target) for target, _ in self.pairs)

    def arrays(self) -> dict[str, Any]:
        """Return the content as plain arrays, for an npz file."""
        counts = np.array([len(target) for target, _ in self.pairs], dtype=np.int64)
        data: dict[str, Any] = {
            "counts": counts,
            "target": np.concatenate([target for target, _ in self.pairs]),
            "source": np.concatenate([source for _, source in self.pairs]),
            "size": np.int64(self.size),
            "reference": np.str_(self.reference),
            "cost": self.cost,
            "parts_skipped": self.parts_skipped,
        }
        if self.certificate is not None:
            data["certificate"] = self.certificate
        if self.positions is not None:
            data["positions"] = np.concatenate(self.positions)
        if self.unmatched is not None:
            data["unmatched"] = self.unmatched
        return data

    @classmethod
    def from_arrays(cls, data: Mapping[str, Array]) -> Correspondence:
        """Rebuild a correspondence from what :meth:`arrays` returned."""
        cuts = np.cumsum(data["counts"])[:-1]
        targets, sources = np.split(data["target"], cuts), np.split(data["source"], cuts)
        return cls(
            pairs=tuple(zip(targets, sources, strict=True)),
            size=int(data["size"]),
            reference=str(data["reference"]),
            cost=data["cost"],
            parts_skipped=data["parts_skipped"],
            certificate=data.get("certificate"),
            positions=tuple(np.split(data["positions"], cuts)) if "positions" in data else None,
            unmatched=data.get("unmatched"),
        )


@dataclass(frozen=True, slots=True)
class Video:
    """The finished video: ``frames`` (T, H, W, 3) uint8 RGB, shown at ``fps`` frames a second."""

    frames: Array
    fps: float

    def __post_init__(self) -> None:
        _expect("video.frames", self.frames, ("T", "H", "W", 3), np.uint8)


COLUMNS = frozenset(
    {
        "folder", "job", "name", "state", "error", "stage", "prompt", "seed", "num_frames", "is_baseline", "weights",
        "baseline", "version", "commit", "command", "started", "finished", "variant", "metric", "index", "value",
        "per_pair", "num_prompts", "asked_seed", "varied",
    }
)  # fmt: skip
"""Names of columns in tables of runs; no score can have one of them."""

COLUMN_PREFIXES = ("choice.", "swept.")
"""What the names of further columns begin with."""


def check_score_name(name: str) -> None:
    """Refuse a name that the tables of runs use for something else.

    Raises:
        DataError: if ``name`` is that of a column, a reason or a cost.
    """
    if (
        name in COLUMNS
        or name.startswith((*COLUMN_PREFIXES, "seconds_", "peak_memory_bytes"))
        or (name.endswith("_reason"))
    ):
        raise DataError(f"score {name}: the tables of runs have a column of this name; give the score another name")


@dataclass(frozen=True, slots=True)
class Score:
    """One number of a run: ``value`` is None when it does not apply, and ``reason`` then says why."""

    name: str
    value: float | None
    unit: str = ""
    per_pair: tuple[float | None, ...] | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        check_score_name(self.name)
        if self.value is None and not self.reason:
            raise DataError(f"score {self.name}: a missing value needs a reason")
        if self.value is not None and not np.isfinite(self.value):
            raise DataError(f"score {self.name}: {self.value} is not finite; give None and a reason")
