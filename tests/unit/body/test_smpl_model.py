"""Model files: the arrays that they must hold."""

from pathlib import Path

import numpy as np
import pytest

from latentman.body.skeleton import PARENTS
from latentman.body.smpl import make_body
from latentman.body.smpl_model import read_model
from latentman.errors import WeightsError
from tests.factories.smpl_files import (
    random_model,
    write_npz,
)


@pytest.mark.slow
def test_300_betas_and_smplx_are_read(tmp_path: Path, smplx: dict[str, np.ndarray]) -> None:
    many = read_model(write_npz(tmp_path / "a.npz", random_model(betas=300)))
    assert many.shapedirs.shape == (6890, 3, 300)
    assert make_body(many).shape_directions.shape == (6890, 3, 10)
    assert make_body(many, 40).shape_directions.shape == (6890, 3, 40)
    assert read_model(write_npz(tmp_path / "b.npz", smplx)).kind == "SMPL-X"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"v_template": np.zeros((6889, 3))}, r"v_template has shape \(6889, 3\), \(6890, 3\) is needed"),
        ({"weights": np.zeros((6890, 23))}, r"weights has shape \(6890, 23\)"),
        ({"posedirs": np.zeros((6890, 3, 9))}, r"posedirs has shape .* \(6890, 3, 207\) is needed"),
        ({"shapedirs": np.full((6890, 3, 10), np.nan)}, "shapedirs holds values that are not finite"),
        ({"f": np.full((4, 3), 6890)}, "f names vertices that do not exist"),
        ({"weights": np.full((6890, 24), 0.5)}, "weights are not shares that sum to 1"),
        ({"kintree_table": np.zeros((2, 24), int)}, "kintree_table is another tree of joints"),
        ({"kintree_table": np.stack([PARENTS, [0] * 24])}, "kintree_table is another tree of joints"),
        ({"kintree_table": np.zeros((2, 24))}, "kintree_table holds float64, not indices"),
        ({"f": np.zeros((0, 3), int)}, r"f has shape \(0, 3\), \(any, 3\) is needed"),
        ({"v_template": np.full((6890, 3), "x")}, "v_template holds <U1, not numbers"),
        ({"J_regressor": np.full((24, 6890), 0.01)}, "J_regressor puts joints outside the body"),
        ({"posedirs": None}, "it lacks posedirs"),
    ],
)
def test_arrays_that_are_not_a_model_are_refused(
    tmp_path: Path, smpl: dict[str, np.ndarray], changes: dict[str, np.ndarray | None], message: str
) -> None:
    model = {key: value for key, value in {**smpl, **changes}.items() if value is not None}
    with pytest.raises(WeightsError, match=message):
        read_model(write_npz(tmp_path / "SMPL_NEUTRAL.npz", model))


def test_a_single_array_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "lone.npy", np.zeros(3))
    (tmp_path / "lone.npy").rename(tmp_path / "lone.npz")
    with pytest.raises(
        WeightsError, match=r"cannot read .*lone\.npz: File is not a zip file; convert the official file again"
    ):
        read_model(tmp_path / "lone.npz")
    with pytest.raises(WeightsError, match=r"there is no SMPL model .*absent\.npz"):
        read_model(tmp_path / "absent.npz")
    with pytest.raises(WeightsError, match=r"cannot read the SMPL model .*absent\.pkl"):
        read_model(tmp_path / "absent.pkl")


def test_an_npz_with_pickled_objects_is_refused(tmp_path: Path, smpl: dict[str, np.ndarray]) -> None:
    path = tmp_path / "SMPL_NEUTRAL.npz"
    np.savez(path, **{**smpl, "f": np.array([object()])}, allow_pickle=True)
    with pytest.raises(
        WeightsError, match=r"cannot read .*NEUTRAL\.npz: f\.npy: it holds Python objects, which are never loaded"
    ):
        read_model(path)
