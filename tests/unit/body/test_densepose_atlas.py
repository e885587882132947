"""DensePose's map of the SMPL surface: looked up face by face, and refused unless it is that map."""

from contextlib import suppress

import numpy as np
import pytest

from latentman.body.densepose_atlas import read_atlas, with_atlas
from latentman.errors import DataError
from latentman.types import BodySequence
from tests.factories.densepose_files import atlas_of, write_mat


def body_of(seed=0, vertices=120, faces=400, copies=1):
    """Return a mesh of random faces, no two of the same vertices."""
    rng = np.random.default_rng(seed)
    triples = np.unique(np.sort(rng.integers(0, vertices, (2 * faces, 3)), axis=1), axis=0)
    triples = triples[(np.diff(triples, axis=1) > 0).all(1)][:faces]
    triples[0, 2] = vertices - 1
    rng.shuffle(triples, axis=0)
    every = np.concatenate([triples + vertices * k for k in range(copies)])
    count = len(every)
    return BodySequence(
        np.zeros((2, vertices * copies, 3)), every, np.zeros((2, 22, 3)), np.ones(count, np.int64),
        np.zeros((count, 3, 2), np.float32), 10.0,
    )  # fmt: skip


def slow_lookup(arrays, faces):
    """Return part and corner coordinates of each face by search, None for a face that is not in the map."""
    vertex, uv = arrays["All_vertices"][0] - 1, np.hstack([arrays["All_U_norm"], arrays["All_V_norm"]])
    found = []
    for face in faces:
        hit = None
        for points, part in zip(arrays["All_Faces"].astype(int) - 1, arrays["All_FaceIndices"].ravel(), strict=True):
            place = {int(vertex[point]): uv[point] for point in points}
            if set(place) == set(face.tolist()):
                hit = int(part), np.array([place[int(corner)] for corner in face])
        found.append(hit)
    return found


def test_each_face_has_the_part_and_the_places_of_its_own_corners(tmp_path):
    body = body_of()
    arrays = atlas_of(body.faces, 120)
    charted = with_atlas(body, read_atlas(str(write_mat(tmp_path / "UV.mat", arrays))))
    lookup = slow_lookup(arrays, body.faces)
    assert [hit is None for hit in lookup].count(True) == 2
    for hit, part, corner_uv in zip(lookup, charted.part, charted.corner_uv, strict=True):
        if hit is not None:
            assert part == hit[0]
            assert np.allclose(corner_uv, hit[1], atol=1e-6)
    assert ((charted.part >= 1) & (charted.part <= 24)).all()
    assert ((charted.corner_uv >= 0) & (charted.corner_uv <= 1)).all()


@pytest.mark.slow
def test_a_lacking_face_has_the_part_of_a_neighbour_and_its_places_at_shared_corners(tmp_path):
    body = body_of()
    arrays = atlas_of(body.faces, 120)
    charted = with_atlas(body, read_atlas(str(write_mat(tmp_path / "UV.mat", arrays))))
    for lacking in (-1, -2):
        shared = [len({*body.faces[lacking]} & {*face}) for face in body.faces[:-2].tolist()]
        neighbours = np.flatnonzero(np.array(shared) == max(shared))
        assert charted.part[lacking] in charted.part[neighbours]


def test_every_character_has_parts_of_its_own(tmp_path):
    alone, pair = body_of(), body_of(copies=2)
    atlas = read_atlas(str(write_mat(tmp_path / "UV.mat", atlas_of(alone.faces, 120))))
    one, two = with_atlas(alone, atlas), with_atlas(pair, atlas, 2)
    assert np.array_equal(two.part, np.concatenate([one.part, one.part + 24]))
    assert np.array_equal(two.corner_uv, np.concatenate([one.corner_uv, one.corner_uv]))


@pytest.mark.slow
def test_the_map_of_another_mesh_is_refused(tmp_path):
    atlas = read_atlas(str(write_mat(tmp_path / "UV.mat", atlas_of(body_of().faces, 120))))
    with pytest.raises(DataError, match="120 vertices, but the body has 130"):
        with_atlas(body_of(vertices=130), atlas)
    with pytest.raises(DataError, match="map of another mesh"):
        with_atlas(body_of(seed=5), atlas)


def good():
    return atlas_of(body_of().faces, 120)


@pytest.mark.parametrize(("change", "message"), [
    ({"All_Faces": None}, "lacks All_Faces"),
    ({"All_U_norm": np.zeros((3, 1))}, "All_U_norm has 3 values"),
    ({"All_U_norm": "text"}, "All_U_norm is of type char"),
    ({"All_V_norm": {"a": 1}}, "All_V_norm is of type struct"),
    ({"All_vertices": np.array([[1 + 2j]])}, "UV_Processed.mat"),
    ({"All_vertices": np.zeros((0, 0))}, r"All_vertices has the shape \(0, 0\)"),
])  # fmt: skip
def test_another_layout_is_refused_naming_the_array(tmp_path, change, message):
    arrays = {name: values for name, values in {**good(), **change}.items() if values is not None}
    with pytest.raises(DataError, match=message):
        read_atlas(str(write_mat(tmp_path / "UV.mat", arrays)))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value", "message"), [
    ("All_FaceIndices", 25, "whole numbers from 1 to 24"),
    ("All_FaceIndices", 0, "whole numbers from 1 to 24"),
    ("All_Faces", 0, "All_Faces must hold whole numbers"),
    ("All_Faces", 1e6, "All_Faces must hold whole numbers"),
    ("All_Faces", 1.5, "All_Faces must hold whole numbers"),
    ("All_vertices", 0, "All_vertices must hold whole numbers"),
    ("All_U_norm", 1.5, "instead of 0 to 1"),
    ("All_V_norm", np.nan, "not finite"),
])  # fmt: skip
def test_values_out_of_range_are_refused(tmp_path, name, value, message):
    arrays = good()
    arrays[name] = arrays[name].astype(np.float64)
    arrays[name].flat[3] = value
    with pytest.raises(DataError, match=message):
        read_atlas(str(write_mat(tmp_path / "UV.mat", arrays)))


@pytest.mark.slow
def test_damaged_files_are_refused_whatever_the_library_raises(tmp_path):
    path = write_mat(tmp_path / "UV.mat", good(), do_compression=True)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for length in (0, 10, 127, 128, 200, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"UV\.mat"):
            read_atlas(str(path))
    for _ in range(8):  # the fuzz tests read hundreds
        broken = bytearray(content)
        for place in rng.integers(0, len(broken), 4):
            broken[place] = rng.integers(256)
        path.write_bytes(broken)
        with suppress(DataError):  # a change in an array that is not read does no harm
            read_atlas(str(path))


def test_a_missing_file_and_one_of_matlab_7_3_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"iuv\.file=.*there is no file .*densepose_uv_data"):
        read_atlas(str(tmp_path / "no.mat"))
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512)
    (tmp_path / "UV.mat").write_bytes(header)
    with pytest.raises(DataError, match=r"7\.3"):
        read_atlas(str(tmp_path / "UV.mat"))
