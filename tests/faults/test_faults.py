"""A seeded sample of the faults of ``make test-faults``: nothing is lost, and the same command recovers."""

import pytest

from tests.faults.campaign import cases, judge, sample
from tests.faults.workplace import Workplace, build_library, tiny_model

CASES = 6


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sample_of_faults_loses_nothing_and_is_recovered_from(tmp_path):
    library = build_library(tmp_path)
    if library is None:
        pytest.skip("no C compiler here, or not Linux")
    place = Workplace(tmp_path / "place", library, tiny_model(tmp_path / "model"), ("start", "overwrite"))
    try:
        known = [case for case in cases(place) if case.start in ("start", "overwrite")]
        assert len(known) > 2000
        for case in sample(known, seed=7)[:CASES]:
            verdict = judge(case, place)
            bad = [*verdict.wrong, *verdict.refused, *verdict.tracebacks, *verdict.hangs]
            bad += [*verdict.untold, *verdict.unnoticed]
            assert not bad, bad
    finally:
        place.close()


def test_the_faults_do_what_they_are_called(tmp_path):
    """A campaign whose faults did nothing would find nothing."""
    import os
    import subprocess
    import sys

    library = build_library(tmp_path)
    if library is None:
        pytest.skip("no C compiler here, or not Linux")
    code = """
import ctypes, errno, os, sys
library = ctypes.CDLL(sys.argv[1])
library.faulty_arm.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int)
below = sys.argv[2]
open(below + "/x", "w").close()
os.rename(below + "/x", below + "/y")
library.faulty_arm(below.encode(), 2, 2, errno.EIO)
open(os.path.dirname(below) + "/other", "w").close()
file = open(below + "/x", "w")
try:
    file.write("a"), file.flush()
except OSError as error:
    assert error.errno == errno.EIO
else:
    raise SystemExit("no error")
file.flush()
assert library.faulty_calls() == 3, library.faulty_calls()
library.faulty_arm(below.encode(), 1, 4, 0)
assert os.write(file.fileno(), b"abcdef") == 3
library.faulty_arm(below.encode(), 1, 3, errno.ENOSPC)
for call in (lambda: os.mkdir(below + "/d"), lambda: os.unlink(below + "/y"), lambda: os.fsync(file.fileno())):
    try:
        call()
    except OSError as error:
        assert error.errno == errno.ENOSPC
    else:
        raise SystemExit("no error")
library.faulty_arm(below.encode(), 1, 1, 0)
os.unlink(below + "/x")
raise SystemExit("not killed")
"""
    folder = tmp_path / "below"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(library), str(folder)],
        env={**os.environ, "LD_PRELOAD": str(library)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["x", "y"]
