"""Pickles that are only read: what may be named, joblib's files, and small files that stand for much."""

import collections
import gzip
import io
import pickle
import time
import tracemalloc
import zlib

import numpy as np
import pytest

from latentman.body.smpl_file import read_pickle
from latentman.errors import WeightsError
from latentman.system.pickle_arrays import MOST_ELEMENTS, dtype_of, shape_of, to_array, to_objects
from latentman.system.pickle_records import (
    ARRAY_NAMES,
    JOBLIB_NAMES,
    PickleLimitError,
    RefusedNameError,
    load_records,
    read_records,
)
from latentman.system.pickled_object import Record

joblib = pytest.importorskip("joblib")

ARRAYS = {
    "small": np.arange(6, dtype=np.int16).reshape(2, 3),
    "big": np.random.default_rng(0).normal(size=(300, 72)),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "single": np.float32([1.5, -2]),
    "empty": np.zeros((0, 3)),
    "scalar": np.array(7),
}


def plain(value):
    """Every array of nested tables put together."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return to_array(value) if isinstance(value, Record) else value


def dumped(path, value, **options):
    joblib.dump(value, path, **options)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3)])
def test_joblib_s_files_of_every_protocol_are_read(tmp_path, protocol, compress):
    content = {"person": {"arrays": ARRAYS, "text": "a", 3: [1, 2.5, None, True]}, 7: ARRAYS["big"]}
    found = plain(read_records(dumped(tmp_path / "a.pkl", content, protocol=protocol, compress=compress), JOBLIB_NAMES))
    assert found["person"]["text"] == "a"
    assert found["person"][3] == [1, 2.5, None, True]
    np.testing.assert_array_equal(found[7], ARRAYS["big"])
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found["person"]["arrays"][name], array)
        assert found["person"]["arrays"][name].dtype == array.dtype


def test_joblib_s_arrays_of_objects_are_read(tmp_path):
    found = read_records(dumped(tmp_path / "a.pkl", np.array([{"a": 1}, "b"], dtype=object)), JOBLIB_NAMES)
    assert to_objects(found) == [{"a": 1}, "b"]


def test_ordered_and_default_tables_are_tables(tmp_path):
    content = collections.OrderedDict(a=1, b=collections.defaultdict(list, c=[2]))
    assert read_records(dumped(tmp_path / "a.pkl", content), JOBLIB_NAMES) == {"a": 1, "b": {"c": [2]}}


def test_numbers_of_numpy_are_keys(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({np.int64(3): 1}))
    assert read_records(path, ARRAY_NAMES) == {3: 1}


def test_names_that_are_not_listed_are_refused_and_not_imported(tmp_path):
    path = tmp_path / "a.pkl"
    for module, name in (
        ("os", "system"),
        ("builtins", "eval"),
        ("numpy", "load"),
        ("joblib.numpy_pickle", "read_array"),
    ):
        path.write_bytes(f"c{module}\n{name}\n(S'touch {tmp_path}/pwned'\ntR.".encode())
        with pytest.raises(RefusedNameError, match=f"{module}.{name}"):
            read_records(path, JOBLIB_NAMES)
    assert not (tmp_path / "pwned").exists()


def measured(run):
    """Return what a call raises, its seconds and its largest memory."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            run()
    finally:
        seconds, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return caught.value, seconds, peak


def nested_tuples(depth):
    """A key that is a tuple of the tuple before it, twice, and so on: 2^depth to hash."""
    code = b"\x80\x02}("
    code += b")"
    for _ in range(depth):
        code += b"q\x00h\x00\x86"
    return code + b"K\x01u."


def shared_lists(levels, width):
    """A list that holds one list many times, which does the same."""
    value = list(range(width))
    for _ in range(levels - 1):
        value = [value] * width
    return pickle.dumps({"v_template": value})


def frozen_tuples(depth):
    return b"\x80\x04(" + b")" + b"q\x00h\x00\x86" * depth + b"\x91."


def colliding_keys(count):
    """A dictionary whose keys all have the hash 0, written opcode by opcode: building it would take seconds too."""
    items = (pickle.dumps(n * (2**61 - 1), protocol=2)[2:-1] + b"K\x00" for n in range(1, count))
    return b"\x80\x02}(" + b"".join(items) + b"u."


def sparse(starts):
    """A model with a sparse matrix of one entry whose columns begin where ``starts`` says."""
    code = b"\x80\x02}X\x0a\x00\x00\x00v_templatecscipy.sparse.csc\ncsc_matrix\n)\x81}("
    for name, array in (("data", np.ones(1)), ("indices", np.zeros(1, np.int32)), ("indptr", np.array(starts))):
        body = pickle.dumps(array, protocol=2)[2:-1]
        code += b"X" + len(name).to_bytes(4, "little") + name.encode() + body
    return code + b"X\x06\x00\x00\x00_shapeK\x03K\x03\x86ubs."


HOSTILE = {
    "nested tuples as keys": nested_tuples(60),
    "nested tuples in a set": frozen_tuples(60),
    "a list of 10^9 by sharing": shared_lists(3, 1000),
    "lists inside each other": shared_lists(40, 2),
    "columns of 10^8 entries": sparse([0, 10**8]),
    "columns that go back": sparse([0, 1, -5, 1]),
    "colliding keys": colliding_keys(20_000),
    "a table of sets": b"\x80\x04\x8f(" + b")" + b"q\x00h\x00\x86" * 60 + b"\x90.",
    "an array of 280 TB": b"\x80\x05\x96" + b"\xff" * 6 + b"\x00\x00.",
    "bytes of 2 GB": b"\x80\x04\x8e" + (2**31).to_bytes(8, "little") + b"x.",
    "a frame of 2^60": b"\x80\x04\x95" + (2**60).to_bytes(8, "little") + b"N.",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_small_pickle_that_stands_for_much_is_refused_within_2_seconds_and_200_mb(tmp_path, case):
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(HOSTILE[case])
    error, seconds, peak = measured(lambda: read_pickle(path, ["v_template"]))
    assert isinstance(error, WeightsError)
    assert seconds < 2
    assert peak < 200e6


def test_a_file_that_decompresses_to_very_much_is_refused(tmp_path):
    path = tmp_path / "bomb.pkl"
    raw = io.BytesIO()
    joblib.dump(np.zeros(12 * 10**6), raw)
    for pack in (lambda data: zlib.compress(data, 1), lambda data: gzip.compress(data, 1)):
        path.write_bytes(pack(raw.getvalue()))
        error, seconds, peak = measured(lambda: read_records(path, JOBLIB_NAMES))
        assert isinstance(error, EOFError | PickleLimitError)
        assert seconds < 2
        assert peak < 200e6


def test_a_pickle_of_too_many_codes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("latentman.system.pickle_records.MOST_CODES", 1000)
    with pytest.raises(PickleLimitError, match="more than 1000 codes"):
        load_records(io.BytesIO(b"\x80\x02" + b"N0" * 600 + b"N."), ARRAY_NAMES)


@pytest.mark.parametrize("cut", [1, 5, 40, 200, 1000])
def test_a_truncated_file_of_joblib_is_an_error(tmp_path, cut):
    path = dumped(tmp_path / "a.pkl", ARRAYS)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(Exception):  # noqa: B017, PT011 (of any kind: the readers turn it into their own)
        read_records(path, JOBLIB_NAMES)


def test_lists_are_counted_as_often_as_they_are_held():
    row = [0.0] * 2048
    with pytest.raises(ValueError, match=f"more than {MOST_ELEMENTS} numbers"):
        to_array([row] * 2049)
    assert to_array([row] * 3).shape == (3, 2048)


@pytest.mark.parametrize("value", [[[1, 2], [3]], ["a"], [b"a"], [None], object(), {}, "text"])
def test_what_is_not_made_of_numbers_is_refused(value):
    with pytest.raises(ValueError):  # noqa: PT011
        to_array(value)


@pytest.mark.parametrize("code", ["O8", "V9", "c16", "M8[ns]", "f3", "f888888", 8, None])
def test_only_plain_numbers_are_types(code):
    record = object.__new__(Record)
    record.args, record.state = (code,), None
    with pytest.raises(ValueError, match="entries of type"):
        dtype_of(record)


@pytest.mark.parametrize("shape", [(-1, -1), (-2,), (1,) * 33])
def test_a_shape_that_cannot_be_is_refused(shape):
    with pytest.raises(ValueError, match="a shape of"):
        shape_of(shape)
