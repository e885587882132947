"""Statistics of motion models: where they are found, and which are refused."""

import numpy as np
import pytest

from latentman.errors import WeightsError
from latentman.motion.learned.statistics_file import ABSOLUTE, find_statistics
from tests.factories.motion_checkpoints import (
    HUMANML_STD,
    write_statistics,
)


def test_statistics_are_found_next_to_the_checkpoint_then_in_the_weights_folder(tmp_path):
    checkpoint = tmp_path / "mdm" / "a" / "model.pt"
    write_statistics(tmp_path / "humanml3d")
    assert find_statistics(None, checkpoint, tmp_path).mean[3] == pytest.approx(0.93855)
    write_statistics(checkpoint.parent)
    np.save(checkpoint.parent / "Mean.npy", np.ones(263))
    assert find_statistics(None, checkpoint, tmp_path).mean[3] == 1.0
    assert find_statistics(str(tmp_path / "humanml3d"), checkpoint, tmp_path).mean[0] == 0.0


def test_missing_statistics_are_reported_with_files_places_and_origin(tmp_path):
    checkpoint = tmp_path / "mdm" / "model.pt"
    with pytest.raises(WeightsError) as caught:
        find_statistics(None, checkpoint, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"Mean.npy and Std.npy not found in {tmp_path / 'mdm'} or {tmp_path / 'humanml3d'}")
    assert "HumanML3D" in message
    assert "motion.statistics" in message
    assert "needs no SMPL" in message
    write_statistics(tmp_path / "humanml3d")
    (tmp_path / "humanml3d" / "Std.npy").unlink()
    with pytest.raises(WeightsError, match=r"^Std.npy not found in .*humanml3d; "):
        find_statistics(None, checkpoint, tmp_path)
    with pytest.raises(
        WeightsError, match=r"motion.statistics=elsewhere: Mean_abs_3d.npy and Std_abs_3d.npy not found"
    ):
        find_statistics("elsewhere", checkpoint, tmp_path, names=ABSOLUTE)


@pytest.mark.parametrize(
    ("std", "message"),
    [
        (np.full(263, np.nan), "not finite"),
        (np.zeros(263), "above 0"),
        (np.ones(251), r"expected \(263,\), got \(251,\)"),
    ],
)
def test_invalid_statistics_are_refused(tmp_path, std, message):
    write_statistics(tmp_path)
    np.save(tmp_path / "Std.npy", std)
    with pytest.raises(WeightsError, match=f"the statistics in .* cannot be used: .*{message}"):
        find_statistics(None, tmp_path / "m.pt", tmp_path)


def test_damaged_statistics_are_named(tmp_path):
    write_statistics(tmp_path)
    (tmp_path / "Std.npy").write_bytes(b"no numbers")
    with pytest.raises(WeightsError, match=r"cannot read .*Std.npy"):
        find_statistics(None, tmp_path / "m.pt", tmp_path)


def test_the_evaluators_statistics_are_recognised(tmp_path, caplog):
    write_statistics(tmp_path)
    find_statistics(None, tmp_path / "m.pt", tmp_path)
    assert not caplog.records
    evaluators = HUMANML_STD.copy()
    evaluators[[0, 1, 2, 3, 259, 260, 261, 262]] /= 25
    np.save(tmp_path / "Std.npy", evaluators)
    find_statistics(None, tmp_path / "m.pt", tmp_path)
    assert "looks like the statistics of HumanML3D's evaluators" in caplog.text
