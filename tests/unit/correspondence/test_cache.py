import io
import logging
import multiprocessing
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentman.correspondence import cache as cache_module
from latentman.correspondence.cache import Cache, cache_dir, clip_key
from latentman.correspondence.match import match_clip
from latentman.system import cache_folder
from latentman.system.paths import PARTIAL

HOW = {"features": "official", "e_weight": 1.0, "solver": "scipy", "reference": "prev_new"}


def small_clip(seed, frames=3, side=12):
    rng = np.random.default_rng(seed)
    iuv = rng.integers(0, 256, (frames, side, side, 3), dtype=np.uint8)
    iuv[..., 0] = rng.integers(0, 4, (frames, side, side))
    return iuv


CLIP = small_clip(0)
KEY = clip_key(CLIP, **HOW)
FOUND = match_clip(CLIP, size=12, **HOW)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_folder, "_warned", set())
    return Cache(tmp_path / "maps")


@pytest.fixture
def entry(cache):
    cache.store(KEY, FOUND)
    return cache.folder / f"{KEY}.npz"


def content(found):
    return {name: np.asarray(array).tobytes() for name, array in found.arrays().items()}


def load(cache):
    return cache.load(KEY, CLIP, "prev_new")


def write(path, **changes):
    """Write an entry with some arrays replaced, and a checksum that fits them, as a forger would."""
    data = FOUND.arrays() | changes
    key = data.pop("key", KEY)
    np.savez(path, **data, key=np.str_(key), digest=np.str_(cache_module._digest(data)))


def test_a_map_is_found_again_with_the_same_bytes(cache, entry):
    assert content(load(cache)) == content(FOUND)
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEY}.npz"]


def test_a_certificate_is_kept(cache):
    pytest.importorskip("lapjv", reason="the extra 'lap' is not installed")
    found = match_clip(CLIP, size=12, solver="lapjv")
    cache.store(KEY, found)
    np.testing.assert_array_equal(load(cache).certificate, found.certificate)


@pytest.mark.parametrize("reference", ["prev_new", "prev", "first"])
def test_a_clip_is_searched_once(cache, reference):
    how = {**HOW, "reference": reference}
    first = match_clip(CLIP, size=6, cache=cache, **how)
    (path,) = cache.folder.iterdir()
    os.utime(path, (1000, 1000))
    calls = []
    again = match_clip(CLIP, size=6, cache=cache, progress=lambda *counts: calls.append(counts), **how)
    assert content(first) == content(again) == content(match_clip(CLIP, size=6, **how))
    assert calls == [(2, 2)]
    assert path.stat().st_mtime > 1000  # it was used


def test_nothing_is_found_in_a_folder_that_is_not_there(cache, caplog):
    assert load(cache) is None
    assert not caplog.records


@pytest.mark.parametrize(
    "change", [{"features": "paper"}, {"e_weight": 1.5}, {"solver": "lapjv"}, {"reference": "prev"}]
)
def test_every_setting_has_a_key_of_its_own(change):
    assert clip_key(CLIP, **{**HOW, **change}) != KEY


def test_other_maps_have_another_key_and_equal_ones_the_same():
    other = CLIP.copy()
    other[2, 11, 11, 2] ^= 1
    assert clip_key(other, **HOW) != KEY
    assert clip_key(CLIP[:2], **HOW) != KEY
    assert clip_key(np.asfortranarray(CLIP), **HOW) == KEY


def test_other_code_or_another_package_has_another_key(monkeypatch):
    monkeypatch.setattr(cache_folder, "code_digest", lambda places: "other")
    assert clip_key(CLIP, **HOW) != KEY
    monkeypatch.undo()
    monkeypatch.setattr(cache_folder, "package_version", lambda package: "0")
    assert clip_key(CLIP, **HOW) != KEY


def pickled(path):
    with zipfile.ZipFile(path, "w") as archive:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        archive.writestr("target.npy", buffer.getvalue())


def as_directory(path):
    path.unlink()
    path.mkdir()


def moved(array, by, at=0):
    """Return ``array`` with one row changed."""
    changed = array.copy()
    changed[at] = by
    return changed


ARRAYS = FOUND.arrays()
FOREIGN = clip_key(small_clip(1), **HOW)
DAMAGE = {
    "empty": lambda p: p.write_bytes(b""),
    "text": lambda p: p.write_text("no archive"),
    "cut short": lambda p: p.write_bytes(p.read_bytes()[:-200]),
    "half": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    "pickled": pickled,
    "directory": as_directory,
    "wrong digest": lambda p: np.savez(p, **ARRAYS, key=np.str_(KEY), digest=np.str_("0" * 64)),
    "no digest": lambda p: np.savez(p, **ARRAYS, key=np.str_(KEY)),
    "another's key": lambda p: write(p, key=FOREIGN),
    "another frame count": lambda p: write(p, **match_clip(CLIP[:2], size=12).arrays()),
    "another size": lambda p: write(p, size=np.int64(24)),
    "another reference": lambda p: write(p, reference=np.str_("prev")),
    "missing array": lambda p: np.savez(p, key=np.str_(KEY), digest=np.str_(cache_module._digest({}))),
    "outside": lambda p: write(p, target=moved(ARRAYS["target"], [0, 12])),
    "negative": lambda p: write(p, source=moved(ARRAYS["source"], [-1, 3])),
    "twice": lambda p: write(p, source=moved(ARRAYS["source"], ARRAYS["source"][1])),
    "across parts": lambda p: write(p, source=ARRAYS["source"][::-1].copy()),
    "float pixels": lambda p: write(p, target=ARRAYS["target"].astype(np.float64)),
    "cost nan": lambda p: write(p, cost=np.full(3, np.nan)),
    "cost shape": lambda p: write(p, cost=np.zeros(2)),
    "certificate shape": lambda p: write(p, certificate=np.zeros(2)),
    "certificate inf": lambda p: write(p, certificate=np.full(3, np.inf)),
    "counts": lambda p: write(p, counts=ARRAYS["counts"] + 1),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_an_entry_that_cannot_be_believed_is_told_of_and_computed_anew(cache, entry, damage, caplog):
    damage(entry)
    assert load(cache) is None
    assert "is not used, and computed anew" in caplog.records[0].getMessage()
    assert content(match_clip(CLIP, size=12, cache=cache, **HOW)) == content(FOUND)
    if entry.is_file():
        assert content(load(cache)) == content(FOUND)


def test_an_undamaged_forgery_would_be_believed(cache, entry):
    write(entry)  # so that the tests above fail for what they say
    assert content(load(cache)) == content(FOUND)


def test_the_file_of_another_clip_under_this_name_is_not_used(cache, entry, caplog):
    other = small_clip(1)
    cache.store(FOREIGN, match_clip(other, size=12, **HOW))
    (cache.folder / f"{FOREIGN}.npz").replace(entry)
    assert load(cache) is None
    assert "stored for something else" in caplog.records[0].getMessage()


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_never_changes_what_is_found(cache, place, bit):
    cache.store(KEY, FOUND)
    path = cache.folder / f"{KEY}.npz"
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    found = load(cache)
    assert found is None or content(found) == content(FOUND)  # some bytes of an archive, as its dates, mean nothing


@pytest.mark.parametrize("place", ["a file", "below a file", "the kernel's"])
def test_a_folder_that_cannot_be_used_is_told_of_once_and_stops_nothing(tmp_path, monkeypatch, caplog, place):
    monkeypatch.setattr(cache_folder, "_warned", set())
    file = tmp_path / "file"
    file.touch()
    kernels = Path("/proc/self/fdinfo")  # not even root can make a file in it
    if not kernels.is_dir():
        pytest.skip("there is no /proc")
    folder = {"a file": file, "below a file": file / "maps", "the kernel's": kernels}[place]
    cache = Cache(folder)
    for seed in (0, 1, 2):
        clip = small_clip(seed)
        assert content(match_clip(clip, size=12, cache=cache, **HOW)) == content(match_clip(clip, size=12, **HOW))
    (record,) = caplog.records
    assert f"maps cannot be kept in {folder}" in record.getMessage()
    assert "LATENTMAN_CACHE" in record.getMessage()


def numbered(cache, number, age_s):
    """Store an entry that was used ``age_s`` seconds ago."""
    key = f"{number:064x}"
    cache.store(key, FOUND)
    path = cache.folder / f"{key}.npz"
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


def test_the_entries_used_least_recently_go_first(cache):
    paths = [numbered(cache, number, age_s=100 - number) for number in range(6)]
    foreign = cache.folder / "notes.npz"
    foreign.write_bytes(bytes(100_000))
    assert load(cache) is None
    os.utime(paths[1])  # used just now
    limit = int(paths[0].stat().st_size * 3.5)
    Cache(cache.folder, limit).store(KEY, FOUND)
    left = {path.name for path in cache.folder.iterdir()}
    assert left == {paths[1].name, paths[5].name, f"{KEY}.npz", foreign.name}


def test_the_newest_entry_stays_even_if_it_alone_is_too_large(cache):
    numbered(cache, 1, age_s=-1000)
    Cache(cache.folder, limit_bytes=1).store(KEY, FOUND)
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEY}.npz"]


def test_unfinished_files_of_dead_processes_are_removed_and_fresh_ones_left(cache):
    cache.folder.mkdir()
    dead, alive = (cache.folder / f"{PARTIAL}{name}.npz" for name in ("dead", "alive"))
    dead.touch()
    alive.touch()
    os.utime(dead, (1000, 1000))
    cache.store(KEY, FOUND)
    assert not dead.exists()
    assert alive.exists()


def hammer(folder, limit, seed, results):
    """Search a few clips again and again, as jobs of a sweep do; runs in a process of its own."""
    warnings = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())
    logging.getLogger("latentman.correspondence").addHandler(handler)
    rng = np.random.default_rng(seed)
    cache, wrong = Cache(folder, limit), 0
    for _ in range(25):
        clip = small_clip(int(rng.integers(3)))
        found = match_clip(clip, size=12, cache=cache, **HOW)
        wrong += content(found) != content(match_clip(clip, size=12, **HOW))
    results.put((wrong, warnings))


@pytest.mark.parametrize("entries", [1.5, 100])
def test_processes_that_write_read_and_prune_at_once_find_the_right_maps(tmp_path, entries):
    folder = tmp_path / "maps"
    Cache(folder).store("0" * 64, FOUND)
    limit = int(entries * (folder / f"{'0' * 64}.npz").stat().st_size)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=hammer, args=(folder, limit, seed, results)) for seed in range(4)]
    for process in processes:
        process.start()
    assert [results.get(timeout=120) for _ in processes] == [(0, [])] * 4
    for process in processes:
        process.join()
    assert not list(folder.glob(f"{PARTIAL}*"))


def test_the_folder_is_in_the_users_cache_unless_the_environment_names_another(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LATENTMAN_CACHE", raising=False)
    assert cache_dir() == tmp_path / ".cache" / "latentman" / "correspondence"
    monkeypatch.setenv("LATENTMAN_CACHE", "~/fast")
    assert cache_dir() == tmp_path / "fast" / "correspondence"
