"""A folder that is split into parts is restored from them byte for byte, or not at all."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.errors import ConfigError, DataError
from latentman.files.folder_parts import MANIFEST, join_parts, split_folder

FILES = {"vae/state.pt": bytes(range(200)), "empty": b"", "t2i/state.pt": b"weights" * 30}


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder of the parts of ``FILES``, at most 64 bytes each."""
    write(tmp_path / "before", FILES)
    split_folder(tmp_path / "before", FILES, tmp_path / "parts", 64)
    return tmp_path / "parts"


@given(
    st.dictionaries(st.sampled_from(["a", "b/c", "b/d", "e/f/g"]), st.binary(max_size=80)),
    st.integers(min_value=1, max_value=100),
)
def test_any_files_are_restored_from_parts_of_any_size(files: dict[str, bytes], part_bytes: int) -> None:
    with TemporaryDirectory() as name:
        root = Path(name)
        write(root / "before", files)
        split_folder(root / "before", reversed(list(files)), root / "parts", part_bytes)
        join_parts(root / "parts", root / "after")
        # The reference: all bytes in the order of the names, cut at every multiple of part_bytes.
        whole = b"".join(files[key] for key in sorted(files))
        cut = [whole[start : start + part_bytes] for start in range(0, len(whole), part_bytes)]
        assert [data for key, data in sorted(content(root / "parts").items()) if key != MANIFEST] == cut
        assert content(root / "after") == files if files else not (root / "after").exists()


def test_the_manifest_holds_the_hash_of_every_file(parts: Path) -> None:
    held = json.loads((parts / MANIFEST).read_text())["files"]
    assert {one["name"]: one["sha256"] for one in held} == {
        name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()
    }


def test_a_missing_part_is_named_and_nothing_is_written(parts: Path, tmp_path: Path) -> None:
    (parts / "part-00002.bin").unlink()
    with pytest.raises(DataError, match=r"part-00002\.bin: there is no such file.*copy all parts"):
        join_parts(parts, tmp_path / "after")
    assert not (tmp_path / "after").exists()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: bytes([data[0] ^ 1]) + data[1:]])
def test_a_damaged_part_is_named_and_nothing_is_written(parts: Path, tmp_path: Path, damage) -> None:
    path = parts / "part-00001.bin"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"part-00001\.bin is damaged"):
        join_parts(parts, tmp_path / "after")
    assert not (tmp_path / "after").exists()


def test_two_parts_that_were_swapped_are_refused(parts: Path, tmp_path: Path) -> None:
    first, second = parts / "part-00000.bin", parts / "part-00001.bin"
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    with pytest.raises(DataError, match=r"part-00000\.bin is damaged, or belongs to another piece"):
        join_parts(parts, tmp_path / "after")


def test_parts_without_their_manifest_are_called_incomplete(parts: Path, tmp_path: Path) -> None:
    (parts / MANIFEST).unlink()
    with pytest.raises(DataError, match="these parts are incomplete"):
        join_parts(parts, tmp_path / "after")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda held: held.update(format=2), "has format 2, and this version of latentman reads 1"),
        (lambda held: held.pop("files"), "it has no list of files"),
        (lambda held: held["files"][0].update(name="../outside"), "its entry '../outside' in files cannot be used"),
        (lambda held: held["parts"][0].update(name="x/y"), "it names a part in another folder"),
        (lambda held: held["files"][0].update(size=-1), "cannot be used"),
        (lambda held: held["parts"].pop(), "its files and its parts differ in length"),
        (lambda held: held["files"][1].update(name=held["files"][0]["name"]), "is there twice"),
        (lambda held: held["files"][1].update(sha256="0" * 64), "do not give"),
    ],
)
def test_a_manifest_that_cannot_be_right_is_refused(parts: Path, tmp_path: Path, change, message: str) -> None:
    held = json.loads((parts / MANIFEST).read_text())
    change(held)
    (parts / MANIFEST).write_text(json.dumps(held))
    with pytest.raises(DataError, match=message):
        join_parts(parts, tmp_path / "after")


@pytest.mark.parametrize("part_bytes", [0, -1, 2**31])
def test_a_part_size_out_of_range_is_refused(tmp_path: Path, part_bytes: int) -> None:
    with pytest.raises(ConfigError, match=f"parts of {part_bytes} bytes to .*: choose 1 to"):
        split_folder(tmp_path, [], tmp_path / "parts", part_bytes)


def test_parts_are_not_mixed_with_those_of_another_piece(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a new or empty folder"):
        split_folder(tmp_path / "before", FILES, parts, 64)
