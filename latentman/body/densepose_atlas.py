"""DensePose's own map of the SMPL surface, from the user's ``UV_Processed.mat``.

The file (Güler et al., CVPR 2018; in ``densepose_uv_data.tar.gz`` of the DensePose project) cuts SMPL's surface into 24
parts. Vertices on a seam are repeated, so that each has one place in each part: 7829 entries for SMPL's 6890 vertices.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latentman.errors import DataError
from latentman.files.mat_file import list_mat, load_mat
from latentman.types import NUM_PARTS, Array, BodySequence

MAX_FILE_BYTES = 64 * 2**20
MAX_ENTRIES = 10_000_000
"""Most numbers in one array; the published file has 41,322 in its largest needed one."""

_NUMERIC = ("double", "single", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_NEEDED = ("All_vertices", "All_Faces", "All_FaceIndices", "All_U_norm", "All_V_norm")


@dataclass(frozen=True, slots=True)
class DensePoseAtlas:
    """The map of one body: P points, F faces.

    ``vertex`` (P,) is the vertex of SMPL at each point; ``faces`` (F, 3) hold points; ``part`` (F,) is 1 to 24; ``uv``
    (P, 2) is 0 to 1.
    """

    path: Path
    vertex: Array
    faces: Array
    part: Array
    uv: Array


def read_atlas(reference: str) -> DensePoseAtlas:
    """Read DensePose's map of the surface; nothing in the file is executed.

    Raises:
        DataError: if the file is missing, damaged, or of another layout.
    """
    path = Path(reference).expanduser().absolute()
    data = {name: np.asarray(values) for name, values in _load(path, reference).items()}
    for name, values in data.items():
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise _layout(path, f"{name} holds values that are not finite numbers")
    vertex, part = data["All_vertices"].ravel(), data["All_FaceIndices"].ravel()
    faces, uv = data["All_Faces"], np.stack([data[f"All_{axis}_norm"].ravel() for axis in "UV"], axis=-1)
    if (uv < -1e-6).any() or (uv > 1 + 1e-6).any():
        raise _layout(path, f"All_U_norm and All_V_norm reach from {uv.min():g} to {uv.max():g} instead of 0 to 1")
    for name, values, last in (
        ("All_vertices", vertex, None), ("All_Faces", faces, len(vertex)), ("All_FaceIndices", part, NUM_PARTS),
    ):  # fmt: skip
        if (values != np.rint(values)).any() or values.min() < 1 or (last is not None and values.max() > last):
            raise _layout(path, f"{name} must hold whole numbers from 1{'' if last is None else f' to {last}'}")
    return DensePoseAtlas(
        path, vertex.astype(np.int64) - 1, faces.astype(np.int64) - 1, part.astype(np.int64), uv.clip(0, 1)
    )


def with_atlas(sequence: BodySequence, atlas: DensePoseAtlas, characters: int = 1) -> BodySequence:
    """Return a moving mesh of SMPL bodies with DensePose's parts and coordinates in place of our charts.

    A face that the map lacks (2 of SMPL's 13776) continues the neighbouring face that shares most vertices with it.

    Args:
        sequence: SMPL bodies, joined one after the other.
        atlas: the map of one body's surface.
        characters: the number of bodies; parts of body k, counted from 0, become 24 k + 1 to 24 k + 24.

    Raises:
        DataError: if the mesh is not the one that the map describes.
    """
    vertices, rest = divmod(sequence.vertices.shape[1], characters)
    count = len(sequence.faces) // characters
    if rest or atlas.vertex.max() != vertices - 1:
        raise DataError(
            f"iuv.file={atlas.path} maps a surface of {atlas.vertex.max() + 1} vertices, but the body has "
            f"{vertices}: use the UV_Processed.mat of SMPL with body=smpl"
        )
    part, corner_uv = _charts(sequence.faces[:count], atlas)
    return replace(
        sequence,
        part=np.concatenate([part + NUM_PARTS * k for k in range(characters)]),
        corner_uv=np.tile(corner_uv, (characters, 1, 1)),
    )


def _charts(faces: Array, atlas: DensePoseAtlas) -> tuple[Array, Array]:
    """Return the part (F,) and the corners' coordinates (F, 3, 2) float32 of each face of one body."""
    known = atlas.vertex[atlas.faces]
    place = {tuple(face): row for row, face in enumerate(np.sort(known, axis=1).tolist())}
    row = np.array([place.get(tuple(face), -1) for face in np.sort(faces, axis=1).tolist()])
    lacking = np.flatnonzero(row < 0)
    if len(lacking) > 0.01 * len(faces):
        raise DataError(
            f"iuv.file={atlas.path} knows {len(faces) - len(lacking)} of the body's {len(faces)} faces: it is the map "
            "of another mesh; use the UV_Processed.mat of SMPL with body=smpl"
        )
    for face in lacking:
        row[face] = np.isin(known, faces[face]).sum(1).argmax()
    # The corners of a face may be listed in another order in the map.
    same = known[row][:, None, :] == faces[:, :, None]
    corner = same.argmax(2)
    uv = atlas.uv[np.take_along_axis(atlas.faces[row], corner, axis=1)]
    shared = same.any(2)[..., None]
    middle = (uv * shared).sum(1, keepdims=True) / shared.sum(1, keepdims=True).clip(1)
    return atlas.part[row], np.where(shared, uv, middle).astype(np.float32)


def _load(path: Path, reference: str) -> dict[str, Any]:
    """Return the needed arrays; shapes are checked by the headers before any data is read."""
    if not path.is_file():
        raise DataError(f"iuv.file={reference}: there is no file {path}; it is in DensePose's densepose_uv_data.tar.gz")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise _layout(path, f"it has {path.stat().st_size} bytes, the published file has a few million")
    try:
        listed = list_mat(path)
        _check_layout(path, listed)
        found = load_mat(path, _NEEDED)
    except DataError:
        raise
    except NotImplementedError as error:
        raise _layout(path, "it is a file of MATLAB 7.3 (HDF5)") from error
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise DataError(f"cannot read iuv.file={path}: {error or type(error).__name__}; unpack it again") from error
    data = {name: found[name] for name in _NEEDED}
    for name, values in data.items():
        if not isinstance(values, np.ndarray) or values.shape != tuple(listed[name][0]):
            raise DataError(f"cannot read iuv.file={path}: {name} is damaged; unpack it again")
    return data


def _check_layout(path: Path, listed: dict[str, tuple[tuple[int, ...], str]]) -> None:
    """Refuse a file whose arrays are not those of ``UV_Processed.mat``, by their names, types and shapes."""
    lacking = [name for name in _NEEDED if name not in listed]
    if lacking:
        raise _layout(path, f"it lacks {', '.join(lacking)}")
    for name in _NEEDED:
        shape, kind = listed[name]
        if kind not in _NUMERIC:
            raise _layout(path, f"{name} is of type {kind}, not numbers")
        if len(shape) != 2 or not 0 < int(np.prod([int(n) for n in shape], dtype=object)) <= MAX_ENTRIES:
            raise _layout(path, f"{name} has the shape {tuple(shape)}")
    sizes = {name: int(np.prod(listed[name][0])) for name in _NEEDED}
    points, faces = sizes["All_vertices"], sizes["All_FaceIndices"]
    for name, needed in (("All_Faces", 3 * faces), ("All_U_norm", points), ("All_V_norm", points)):
        if sizes[name] != needed:
            raise _layout(
                path, f"{name} has {sizes[name]} values, but {needed} fit All_vertices ({points}) and All_FaceIndices "
                f"({faces})"
            )  # fmt: skip
    if listed["All_Faces"][0][1] != 3:
        raise _layout(path, f"All_Faces has the shape {tuple(listed['All_Faces'][0])}, (F, 3) is needed")


def _layout(path: Path, problem: str) -> DataError:
    return DataError(
        f"iuv.file={path} is not DensePose's UV_Processed.mat: {problem}; take the file from DensePose's "
        "densepose_uv_data.tar.gz"
    )
