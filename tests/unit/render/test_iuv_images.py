"""I, U and V from a detector's files: taken as they are, or refused with the file and what is wrong with it."""

import re

import numpy as np
import pytest
from PIL import Image

from latentman.errors import DataError
from latentman.render.iuv_images import find_maps, read_maps

FRAMES, SIZE = 3, 8


def maps_of(frames=FRAMES, size=SIZE, seed=0):
    """Return random maps whose background is 0 in all channels."""
    rng = np.random.default_rng(seed)
    part = rng.integers(0, 25, (frames, size, size, 1))
    uv = rng.integers(0, 256, (frames, size, size, 2))
    return np.concatenate([part, np.where(part > 0, uv, 0)], axis=-1).astype(np.uint8)


def write_pngs(folder, maps, name="{}.png"):
    folder.mkdir(exist_ok=True)
    for index, one in enumerate(maps):
        Image.fromarray(one).save(folder / name.format(index))
    return str(folder)


def read(reference, **more):
    return read_maps(reference, **{"frames": FRAMES, "size": SIZE, **more})


def test_pngs_npys_and_one_npy_give_the_same_maps(tmp_path):
    maps = maps_of()
    np.save(tmp_path / "all.npy", maps)
    (tmp_path / "npy").mkdir()
    for index, one in enumerate(maps):
        np.save(tmp_path / "npy" / f"{index}.npy", one)
    for reference in (write_pngs(tmp_path / "png", maps), str(tmp_path / "npy"), str(tmp_path / "all.npy")):
        assert np.array_equal(read(reference), maps)


def test_pictures_written_by_opencv_have_their_channels_reversed(tmp_path):
    maps = maps_of()
    assert np.array_equal(read(write_pngs(tmp_path / "cv2", maps[..., ::-1]), channels="vui"), maps)


def test_frames_are_ordered_by_their_numbers(tmp_path):
    maps = maps_of(frames=12)
    folder = write_pngs(tmp_path / "png", maps, "frame_{}_IUV.png")
    assert [path.name for path in find_maps(folder)] == [f"frame_{index}_IUV.png" for index in range(12)]
    assert np.array_equal(read(folder, frames=12), maps)


def test_a_pattern_chooses_among_a_detectors_files(tmp_path):
    maps = maps_of()
    folder = write_pngs(tmp_path / "out", maps, "{}_IUV.png")
    write_pngs(tmp_path / "out", maps_of(seed=1), "{}_INDS.png")
    assert np.array_equal(read(f"{folder}/*_IUV.png"), maps)


@pytest.mark.parametrize("name", ["my maps, take 2", "a=b", "[1]", "'quoted'", "Größe*?"])
def test_a_folder_that_exists_is_never_taken_for_a_pattern(tmp_path, name):
    maps = maps_of()
    assert np.array_equal(read(write_pngs(tmp_path / name, maps)), maps)


def test_the_background_has_no_coordinates(tmp_path):
    maps = maps_of()
    noisy = np.where(maps[..., :1] > 0, maps, [0, 7, 9]).astype(np.uint8)
    assert np.array_equal(read(write_pngs(tmp_path / "png", noisy)), maps)


def test_another_number_of_pictures_is_refused_with_both_numbers(tmp_path):
    with pytest.raises(DataError, match="holds 3 pictures, but num_frames=4"):
        read(write_pngs(tmp_path / "png", maps_of()), frames=4)
    np.save(tmp_path / "all.npy", maps_of())
    with pytest.raises(DataError, match="holds 3 pictures, but num_frames=2"):
        read(str(tmp_path / "all.npy"), frames=2)


def test_another_size_is_refused_with_both_sizes(tmp_path):
    with pytest.raises(DataError, match=r"0\.png is 8x8 pixels.*16x16 \(setup\.image_size\)"):
        read(write_pngs(tmp_path / "png", maps_of()), size=16)
    odd = write_pngs(tmp_path / "odd", maps_of())
    Image.fromarray(maps_of()[0, :6]).save(tmp_path / "odd" / "1.png")
    with pytest.raises(DataError, match=r"1\.png is 8x6 pixels.*8x8"):
        read(odd)


def test_a_part_beyond_24_is_refused_and_the_other_order_named_where_it_would_fit(tmp_path):
    maps = maps_of()
    wrong = maps.copy()
    wrong[1, 2, 3] = (25, 200, 200)
    with pytest.raises(DataError, match=r"1\.png: I, the first channel.* is 25 .*0 to 24: check what"):
        read(write_pngs(tmp_path / "wrong", wrong))
    with pytest.raises(DataError, match=r"set iuv\.channels=vui"):
        read(write_pngs(tmp_path / "reversed", maps[..., ::-1]))


@pytest.mark.parametrize("array", [
    np.zeros((8, 8), np.uint8), np.zeros((3, 8, 8, 4), np.uint8), np.ones((3, 8, 8, 3), np.float32),
    np.ones((3, 8, 8, 3), np.int64), np.array([{}], dtype=object), np.zeros((0, 8, 8, 3), np.uint8),
])  # fmt: skip
def test_arrays_of_another_shape_or_type_are_refused(tmp_path, array):
    np.save(tmp_path / "all.npy", array)
    with pytest.raises(DataError, match=re.escape(str(tmp_path / "all.npy"))):
        read(str(tmp_path / "all.npy"))


def test_files_that_are_damaged_or_of_another_kind_are_refused(tmp_path):
    folder = tmp_path / "png"
    write_pngs(folder, maps_of())
    for content in (b"", b"\x89PNG\r\n\x1a\n", (folder / "0.png").read_bytes()[:-60]):
        (folder / "1.png").write_bytes(content)
        with pytest.raises(DataError, match=r"cannot read .*1\.png"):
            read(str(folder))
    Image.fromarray(maps_of()[0, ..., 0]).save(folder / "1.png")
    with pytest.raises(DataError, match=r"1\.png has pixels of kind L"):
        read(str(folder))


def test_missing_empty_and_mixed_folders_are_refused_naming_the_key(tmp_path):
    (tmp_path / "empty").mkdir()
    mixed = write_pngs(tmp_path / "mixed", maps_of())
    np.save(tmp_path / "mixed" / "all.npy", maps_of())
    for reference, what in ((str(tmp_path / "no"), "there is no file"), (str(tmp_path / "empty"), "holds no .png"),
                            (mixed, "holds PNG and npy files")):  # fmt: skip
        with pytest.raises(DataError, match=f"iuv.folder=.*{what}"):
            read(reference)


def test_maps_without_any_part_are_refused(tmp_path):
    with pytest.raises(DataError, match="no picture shows a body part"):
        read(write_pngs(tmp_path / "png", np.zeros((3, 8, 8, 3), np.uint8)))
