"""What is raised while a file is read names the file, unless it ends the process."""

from pathlib import Path

import pytest

from latentman.files.opening import reading


@pytest.mark.parametrize("end", [SystemExit(-1), KeyboardInterrupt()])
def test_a_signal_that_ends_the_process_is_not_a_damaged_file(tmp_path: Path, end: BaseException) -> None:
    """SLURM's plugin raises SystemExit in its handler, wherever the job is, after it has asked to be queued again."""
    with pytest.raises(type(end)) as raised, reading(tmp_path / "weights"):
        raise end
    assert raised.value is end
