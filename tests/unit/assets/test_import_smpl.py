"""The import of official SMPL files."""

from pathlib import Path

import numpy as np
import pytest

from latentman.assets.__main__ import main as assets
from latentman.body.build import build
from latentman.body.smpl_model import read_model
from latentman.config import BodyConfig
from latentman.errors import ConfigError, RecordError
from tests.factories.smpl_files import (
    SMPLX_SIZE,
    random_model,
    write_npz,
    write_official_pickle,
)


@pytest.fixture(scope="module")
def smpl() -> dict[str, np.ndarray]:
    return random_model()


@pytest.fixture(scope="module")
def smplx() -> dict[str, np.ndarray]:
    return random_model(SMPLX_SIZE)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENTMAN_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def test_an_official_file_is_imported_once(
    tmp_path: Path, weights: Path, smpl: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_official_pickle(tmp_path / "basicmodel_f_lbs_10_207_0_v1.1.0.pkl", smpl)
    assert assets(["import-smpl", str(source)]) == 0
    out = capsys.readouterr().out
    target = weights / "smpl" / "SMPL_FEMALE.npz"
    assert str(target) in out
    assert "6890 vertices, 24 joints" in out
    assert "must not be redistributed" in out
    np.testing.assert_allclose(read_model(target).v_template, smpl["v_template"], atol=1e-6)
    assert build(BodyConfig("smpl", "female")).joints.shape == (24, 3)
    with pytest.raises(RecordError, match=r"exists already: --force replaces it"):
        assets(["import-smpl", str(source)])
    assert assets(["import-smpl", str(source), "--force"]) == 0
    assert "smpl.is.tue.mpg.de" in out
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"cannot write .*file/out\.npz: .*; name an OUT where you may write"):
        assets(["import-smpl", str(source), str(tmp_path / "file" / "out.npz")])


@pytest.mark.slow
def test_the_gender_must_be_given_if_the_file_name_does_not_contain_it(tmp_path: Path, weights: Path, smplx) -> None:
    source = write_npz(tmp_path / "model.npz", smplx)
    with pytest.raises(ConfigError, match="does not contain a gender: add --gender"):
        assets(["import-smpl", str(source)])
    assert assets(["import-smpl", str(source), "--gender", "male"]) == 0
    assert (weights / "smplx" / "SMPLX_MALE.npz").is_file()
    with pytest.raises(ConfigError, match=r"must end in \.npz"):
        assets(["import-smpl", str(source), "out.pkl"])
    with pytest.raises(ConfigError, match="invalid choice"):
        assets(["import-smpl", str(source), "--gender", "x"])
