"""What the readers must catch: each of these was seen, and each ends in a message that names the file and the place."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from latentman.errors import DataError, RecordError, WeightsError
from latentman.files.image_file import read_image
from latentman.files.json_file import read_json
from latentman.files.npz_file import read_npy, read_npz
from latentman.files.run_file import read_motion
from latentman.files.safetensors_file import read_table
from latentman.files.torch_file import read_torch
from latentman.files.yaml_file import read_yaml
from latentman.types import Motion


def npy(header: str) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
        "(" * 5000,
        "[" * 3000,
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,)}",
    ],
)
def test_a_header_cannot_ask_for_more_than_the_file_holds(tmp_path, header):
    (tmp_path / "x.npy").write_bytes(npy(header))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"cannot read .*x\.npy: "):
        read_npy(tmp_path / "x.npy")
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def archive(members, kind=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as file:
        for name, content in members:
            file.writestr(name, content)
    return bytearray(out.getvalue())


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_are_stored_or_deflated(tmp_path, kind):
    (tmp_path / "x.npz").write_bytes(archive([("a.npy", npy("{}"))], kind))
    with pytest.raises(DataError, match=r"'a\.npy' is compressed in an unknown way"):
        read_npz(tmp_path / "x.npz")


def test_encrypted_members_and_members_that_are_no_arrays_are_refused(tmp_path):
    data = archive([("a.npy", npy("{}"))])
    data[data.find(b"PK\x01\x02") + 8] |= 1
    for content, message in (
        (data, "is encrypted"),
        (archive([("a.txt", b"x")]), "is not an array"),
        (archive([("../a.npy", b"x")]), "is not an array"),
        (archive([("a.npy", b"x")]), "does not begin as an array"),
    ):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_npz(tmp_path / "x.npz")


def test_a_whole_file_is_read_as_numpy_reads_it(tmp_path):
    arrays = {
        "a": np.arange(12.0).reshape(3, 4),
        "f": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "t": np.str_("é"),
        "e": np.zeros((0, 3)),
    }
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    found = read_npz(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as expected:
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name], strict=True)


def test_an_impossible_frame_rate_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", **{**Motion(np.zeros((2, 22, 3)), 20.0, "a", "b").arrays(), "fps": 1e-9})
    with pytest.raises(RecordError, match=r"x\.npz: fps holds values beyond"):
        read_motion(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "deep"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ("NaN", "NaN"),
        ('"\\ud800"', "UTF-8"),
        ("1e999", "too large"),
        ("9" * 5000, "digits"),
        ("\0", "NUL"),
    ],
)
def test_json_is_strict(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=rf"cannot read .*x\.json: .*{message}"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a:\n\t- b", "line 2"),
        (b"a: 1\na: 2", "line 2: the key 'a' is there twice"),
        (b"a: \0", "NUL"),
        (b"a: \xff", "not UTF-8"),
        (b"a: !!bool maybe", "type"),
        (b"a: &a [*a]", "alias"),
        (b"[" * 1000, "deep"),
        (b"a: !!python/object:os.system {}", "constructor"),
    ],
)
def test_yaml_is_plain(tmp_path, data, message):
    (tmp_path / "x.yaml").write_bytes(data)
    with pytest.raises(DataError, match=rf"cannot read .*x\.yaml: .*{message}"):
        read_yaml(tmp_path / "x.yaml")


@pytest.mark.parametrize("offsets", ["[0]", "[0, 8, 16]", '"x"', "[0.0, 8]", "[8, 0]", "[-8, 0]", "null", "[0, 1e3]"])
def test_offsets_of_tensors_are_two_numbers_that_fit(tmp_path, offsets):
    header = f'{{"a": {{"dtype": "F32", "shape": [2], "data_offsets": {offsets}}}}}'.encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(WeightsError, match=r"x\.safetensors: 'a' has"):
        read_table(tmp_path / "x.safetensors")


def test_a_whole_table_is_read(tmp_path):
    save_file({"a": torch.zeros(2, 3), "b": torch.ones(())}, tmp_path / "x.safetensors", {"format": "pt"})
    table = read_table(tmp_path / "x.safetensors")
    assert (table["a"]["shape"], table["b"]["shape"], table["__metadata__"]) == ([2, 3], [], {"format": "pt"})


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("ran",)

    torch.save({"a": Evil()}, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match=r"x\.pt is refused: besides tensors it holds .*print"):
        read_torch(tmp_path / "x.pt")


def test_a_picture_is_known_by_its_content_and_has_a_limit(tmp_path):
    (tmp_path / "x.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(DataError, match=r"cannot read .*x\.png"):
        read_image(tmp_path / "x.png")
    Image.new("1", (9000, 9000)).save(tmp_path / "x.png")
    with pytest.raises(DataError, match="9000x9000 pixels, and at most 64000000"):
        read_image(tmp_path / "x.png")


def test_a_fifo_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(DataError, match="it is not a file"):
        read_json(tmp_path / "x.json")
