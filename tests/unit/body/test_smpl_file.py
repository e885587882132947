"""Pickled SMPL models: read without executing anything in them."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from latentman.body.smpl_file import read_pickle
from latentman.body.smpl_model import read_model
from latentman.errors import WeightsError
from tests.factories.smpl_files import (
    write_official_pickle,
    write_plain_pickle,
)


@pytest.mark.parametrize("write", [write_official_pickle, write_plain_pickle])
def test_a_pickle_holds_the_same_model_as_plain_arrays(tmp_path: Path, smpl: dict[str, np.ndarray], write) -> None:
    model = read_model(write(tmp_path / "SMPL_NEUTRAL.pkl", smpl))
    for field, name in ARRAYS.items():
        np.testing.assert_allclose(getattr(model, field), smpl[name], atol=1e-12)
    np.testing.assert_allclose(model.regressor, smpl["J_regressor"], atol=1e-12)
    np.testing.assert_array_equal(model.faces, smpl["f"])
    assert model.kind == "SMPL"


class Hostile:
    """An object that runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.target}",)


def test_a_file_with_a_call_is_refused_by_name_and_nothing_is_executed(tmp_path: Path) -> None:
    path, target = tmp_path / "SMPL_NEUTRAL.pkl", tmp_path / "pwned"
    path.write_bytes(pickle.dumps({"v_template": Hostile(target)}, protocol=2))
    with pytest.raises(WeightsError, match=r"refused: it contains (posix|nt)\.system.*Nothing in it was executed"):
        read_model(path)
    assert not target.exists()


@pytest.mark.parametrize(
    "name", ["builtins.eval", "builtins.getattr", "numpy.load", "subprocess.Popen", "os.path.join"]
)
def test_other_names_are_also_refused(tmp_path: Path, name: str) -> None:
    module, _, attribute = name.rpartition(".")
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(f"c{module}\n{attribute}\n(S'x'\ntR.".encode())
    with pytest.raises(WeightsError, match=f"refused: it contains {name}"):
        read_model(path)


@pytest.mark.parametrize("keep", [0, 10, 100_000])
def test_a_truncated_pickle_is_refused(tmp_path: Path, smpl: dict[str, np.ndarray], keep: int) -> None:
    path = write_official_pickle(tmp_path / "SMPL_NEUTRAL.pkl", smpl)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="is damaged or not a pickle"):
        read_model(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "contains NoneType, not a table of arrays"),  # a memo index of two billion
        (b"\x80\x05\x96" + b"\xff" * 6 + b"\x00\x00.", "is damaged or not a pickle"),  # an array of 280 TB
        (b"\x80\x02\x82\x01.", "is damaged or not a pickle"),  # a registered extension
        (b"\x80\x05\x97.", "is damaged or not a pickle"),  # an out-of-band buffer
        (b"\x80\x02U\x01xQ.", "is damaged or not a pickle"),  # a persistent object
        (b"\x80\x02]X\x01\x00\x00\x00ab.", "is damaged or not a pickle"),  # a list with a state
        (b"\x80\x02cnumpy\nndarray\n}b.", "is damaged or not a pickle"),  # a class with a state
        (b"\x80\x02]\x94.", "contains list, not a table of arrays"),
        (b"not a pickle", "is damaged or not a pickle"),
    ],
)
def test_malicious_pickles_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_model(path)


@pytest.mark.slow
def test_an_entry_that_is_not_an_array_is_named(tmp_path: Path, smpl: dict[str, np.ndarray]) -> None:
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    for entry in ("text", {"a": 1}, np.array([1, "x"], dtype=object)):
        write_plain_pickle(path, {**smpl, "weights": entry})
        with pytest.raises(WeightsError, match="is damaged: weights is not an array of numbers"):
            read_model(path)
    regressor = scipy.sparse.csc_matrix((np.ones(1), ([0], [0])), shape=(2**20, 2**20))
    write_plain_pickle(path, {**smpl, "J_regressor": regressor})
    with pytest.raises(WeightsError, match=r"J_regressor is not an array of numbers .*a matrix of 1048576 x 1048576"):
        read_model(path)
    write_plain_pickle(path, {name: smpl[name] for name in smpl if name != "posedirs"})
    with pytest.raises(WeightsError, match="lacks the array posedirs"):
        read_model(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("sparse", [scipy.sparse.csc_matrix, scipy.sparse.csr_matrix])
def test_every_protocol_and_both_sparse_forms_are_read(tmp_path: Path, protocol: int, sparse: type) -> None:
    dense = np.random.default_rng(0).integers(0, 3, (5, 7)) / 2
    content = {
        "sparse": sparse(dense), "big": dense.astype(">f8"), "fortran": np.asfortranarray(dense),
        "single": dense.astype(np.float32), "scalar": np.float64(1.5), "number": 2, "list": [[1, 2], [3, 4]],
        "indices": np.arange(6, dtype=np.uint32).reshape(2, 3),
    }  # fmt: skip
    path = tmp_path / "arrays.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    found = read_pickle(path, content)
    for name, value in content.items():
        expected = dense if name == "sparse" else np.array(value)
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_python_2_pickles_are_read(tmp_path: Path) -> None:
    """Python 2 stores an array's bytes as a string, creates old classes with copy_reg, and adds other objects."""
    numbers = np.array([1.5, -2.25e10, 3e-300])
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x03\x85cnumpy\ndtype\n"
        b"U\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x18\x00\x00\x00"
        + numbers.tobytes()
        + b"tb"
    )
    chumpy = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR}(U\x01x" + array
    chumpy += b"U\x0b_dirty_varsc__builtin__\nset\n]\x85Rub"
    path = tmp_path / "arrays.pkl"
    path.write_bytes(b"\x80\x02}(U\x05plain" + array + b"U\x06chumpy" + chumpy + b"u.")
    for found in read_pickle(path, ["plain", "chumpy"]).values():
        np.testing.assert_array_equal(found, numbers)


ARRAYS = {"v_template": "v_template", "shapedirs": "shapedirs", "posedirs": "posedirs", "weights": "weights"}
