"""Whatever is in a file, its reader ends with a value or with a LatentManError, in bounded time and memory.

Thirty inputs a reader by default, models' readers apart; the first 300 with the slow tests and ``make fuzz``.
``FUZZ=10000 make fuzz`` is the long mode. A failure names the reader and the seed.
"""

from __future__ import annotations

import json
import os
import random
import resource
import time
import warnings
import zlib
from pathlib import Path

import pytest

from latentman.errors import LatentManError
from tests.fuzz.model_readers import MODEL_READERS
from tests.fuzz.motion_readers import MOTION_READERS
from tests.fuzz.mutations import BYTES
from tests.fuzz.readers import READERS, Reader

QUICK = 30
COUNT = int(os.environ.get("FUZZ", "300"))
MAX_SECONDS = 10.0
MAX_GROWTH_BYTES = 1_000_000_000
"""By how much the process may grow over all inputs of a reader."""

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3600 if COUNT > 1000 else 300)]


def damaged(whole: bytes, reader: Reader, name: str, seed: int) -> bytes:
    """Return the input of a seed: a whole file after one to three mutations, half of them of its structure."""
    rng = random.Random(zlib.crc32(name.encode()) * 1_000_003 + seed)
    data = whole
    for _ in range(rng.choice((1, 1, 2, 3))):
        use = reader.structure if reader.structure and rng.random() < 0.5 else BYTES
        data = rng.choice(use)(data, rng)
    return data


ALL_READERS = {**READERS, **MOTION_READERS, **MODEL_READERS}


@pytest.mark.parametrize("name", [*READERS, *MOTION_READERS])
def test_an_input_ends_with_a_value_or_a_message(name: str, tmp_path: Path) -> None:
    feed(name, QUICK, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL_READERS)
def test_every_input_ends_with_a_value_or_a_message(name: str, tmp_path: Path) -> None:
    feed(name, COUNT, tmp_path)


def feed(name: str, inputs: int, tmp_path: Path) -> None:
    """Give a reader damaged files: as many as its share of the inputs."""
    reader = ALL_READERS[name]
    count = max(9, int(inputs * reader.share))
    whole = reader.whole(tmp_path)
    path = tmp_path / reader.file
    path.write_bytes(whole)
    warnings.simplefilter("ignore")
    if name not in ("answers (csv)",):  # whose rows belong to no study
        reader.read(path)  # the whole file is fine
    before, passed, refused, slowest = _peak(), 0, 0, 0.0
    for seed in range(count):
        data = damaged(whole, reader, name, seed)
        passed += reader.header(data)
        path.write_bytes(data)
        start = time.perf_counter()
        try:
            reader.read(path)
        except LatentManError as error:
            refused += 1
            assert str(error).strip()
        except BaseException as error:
            (tmp_path / "failed").write_bytes(data)
            pytest.fail(f"{name}, seed {seed}: {type(error).__name__}: {str(error)[:300]} ({tmp_path / 'failed'})")
        slowest = max(slowest, time.perf_counter() - start)
        assert slowest < MAX_SECONDS, f"{name}, seed {seed}: it took {slowest:.1f} s"
    growth = _peak() - before
    assert passed * 2 >= count, f"{name}: only {passed} of {count} inputs pass the check of the header"
    assert growth < MAX_GROWTH_BYTES, f"{name}: the process grew by {growth} bytes"
    if os.environ.get("FUZZ_TABLE"):
        row = {
            "reader": name,
            "inputs": count,
            "header": passed,
            "refused": refused,
            "slowest_s": slowest,
            "growth": growth,
        }
        with Path(os.environ["FUZZ_TABLE"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
