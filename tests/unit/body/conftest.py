"""SMPL and SMPL-X models of random numbers."""

from pathlib import Path

import numpy as np
import pytest

from tests.factories.smpl_files import (
    SMPLX_SIZE,
    human_model,
    random_model,
    write_npz,
)


@pytest.fixture(scope="module")
def smpl() -> dict[str, np.ndarray]:
    return random_model()


@pytest.fixture(scope="module")
def smplx() -> dict[str, np.ndarray]:
    return random_model(SMPLX_SIZE)


@pytest.fixture(scope="module")
def human(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_npz(tmp_path_factory.mktemp("human") / "SMPL_NEUTRAL.npz", human_model())
