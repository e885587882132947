from pathlib import Path

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.motion.learned.trajectory import read_trajectory


def test_a_trajectory_is_read_from_both_kinds_of_file(tmp_path):
    path = np.array([[0.0, 0.0], [0.1, 0.2], [0.2, 0.4]])
    np.save(tmp_path / "p.npy", path)
    (tmp_path / "p.csv").write_text("# metres\nx,z\n0,0\n1e-1, 0.2\n\n0.2,0.4\n", encoding="utf-8")
    np.testing.assert_array_equal(read_trajectory(str(tmp_path / "p.npy"), 196), path)
    np.testing.assert_array_equal(read_trajectory(str(tmp_path / "p.csv"), 196), path)


def test_an_invalid_trajectory_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"motion.trajectory=none.npy: there is no file"):
        read_trajectory("none.npy", 196)
    np.save("p.npy", np.zeros((200, 2)))
    with pytest.raises(DataError, match=r"for 2 to 196 frames, got \(200, 2\)"):
        read_trajectory("p.npy", 196)
    np.save("p.npy", np.full((5, 2), np.inf))
    with pytest.raises(DataError, match="row 0 is not finite"):
        read_trajectory("p.npy", 196)
    Path("p.csv").write_text("0,0\n1,2,3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"cannot read .*a .csv with x and z in metres"):
        read_trajectory("p.csv", 196)
    Path("p.csv").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"expected \(T, 2\)"):
        read_trajectory("p.csv", 196)
