"""Files of an earlier run are taken over only if they are what the run would have made itself."""

import ast
import json
import logging
import multiprocessing
import os
import threading
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentman.engine.compose import compose
from latentman.pipeline import stage_cache as module
from latentman.pipeline.execute import plan_stages
from latentman.pipeline.run import Run
from latentman.pipeline.stage import COMMON_CODE
from latentman.pipeline.stage_cache import Entry, StageCache, heard_warnings, pack, shared_cache, stage_key
from latentman.pipeline.stages import STAGES
from latentman.system import cache_folder
from latentman.system.meter import Reading
from latentman.system.paths import PACKAGE, PARTIAL

KEY = "ab" * 32
ENTRY = Entry(
    files={"conditions.npz": b"\x00\x01" * 500, "conditions/depth.mp4": b"mp4"},
    seconds=1.25,
    peak_memory_bytes=4096,
    warnings=(("latentman.render", "partly outside the picture"),),
)
NAMES = list(ENTRY.files)
STAGE = {stage.name: stage for stage in STAGES}
SHARED = ("motion", "body", "render", "correspondence")


@pytest.fixture
def cache(tmp_path):
    return StageCache(tmp_path / "stages")


@pytest.fixture
def entry(cache):
    cache.store(KEY, ENTRY)
    return cache.folder / f"{KEY}.zip"


def run_in(folder, *overrides):
    config = compose(["num_frames=2", *overrides])
    return Run(config, folder, config.prompt, "a person walks", {}, lambda: pytest.fail("no network is needed"))


def test_an_entry_comes_back_as_it_was_stored(cache, entry):
    assert cache.load(KEY, NAMES) == ENTRY


def test_unpacking_writes_the_files_and_repeats_the_warnings(tmp_path, caplog):
    ENTRY.unpack(tmp_path / "run")
    assert {name: (tmp_path / "run" / name).read_bytes() for name in NAMES} == ENTRY.files
    assert [(r.name, r.getMessage()) for r in caplog.records] == list(ENTRY.warnings)


def test_nothing_is_found_in_a_folder_that_is_not_there(cache, caplog):
    assert cache.load(KEY, NAMES) is None
    assert not caplog.records


def rewritten(path, change):
    """Write an entry again, changed; its checksums stay as they are."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def changed_about(**fields):
    def change(parts):
        parts["entry.json"] = json.dumps({**json.loads(parts["entry.json"]), **fields}).encode()

    return lambda path: rewritten(path, change)


DAMAGE = {
    "empty": lambda p: p.write_bytes(b""),
    "text": lambda p: p.write_text("no archive"),
    "cut short": lambda p: p.write_bytes(p.read_bytes()[:-30]),
    "another file": lambda p: rewritten(p, lambda parts: parts.update({"conditions.npz": b"\x00\x02" * 500})),
    "a file missing": lambda p: rewritten(p, lambda parts: parts.pop("conditions.npz")),
    "no description": lambda p: rewritten(p, lambda parts: parts.pop("entry.json")),
    "seconds": changed_about(seconds=0.0),
    "warnings": changed_about(warnings=[]),
    "another's key": changed_about(key="cd" * 32),
    "more files": changed_about(files={"../../.bashrc": "0" * 64}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_reported_and_not_used(cache, entry, damage, caplog):
    damage(entry)
    assert cache.load(KEY, NAMES) is None
    assert "is not used, and is computed again" in caplog.records[0].getMessage()
    cache.store(KEY, ENTRY)
    assert cache.load(KEY, NAMES) == ENTRY


@pytest.mark.slow
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_never_changes_what_is_found(cache, place, bit):
    cache.store(KEY, ENTRY)
    path = cache.folder / f"{KEY}.zip"
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    assert cache.load(KEY, NAMES) in (None, ENTRY)


def test_an_entry_of_another_name_or_with_other_files_is_not_used(cache, entry):
    entry.rename(cache.folder / f"{'cd' * 32}.zip")
    assert cache.load("cd" * 32, NAMES) is None
    cache.store(KEY, ENTRY)
    assert cache.load(KEY, [*NAMES, "more.npz"]) is None


@pytest.mark.parametrize("place", ["a file", "below a file", "the kernel's"])
def test_a_folder_that_cannot_be_used_is_reported_once_and_stops_nothing(tmp_path, monkeypatch, caplog, place):
    monkeypatch.setattr(cache_folder, "_warned", set())
    (tmp_path / "file").touch()
    if not Path("/proc/self/fdinfo").is_dir():
        pytest.skip("there is no /proc")
    file = tmp_path / "file"
    places = {"a file": file, "below a file": file / "stages", "the kernel's": Path("/proc/self/fdinfo")}
    cache = StageCache(places[place])
    for _ in range(3):
        assert cache.load(KEY, NAMES) is None
        with cache.made_once(KEY):
            cache.store(KEY, ENTRY)
    (record,) = caplog.records
    assert str(cache.folder) in record.getMessage()
    assert "LATENTMAN_CACHE" in record.getMessage()


def test_an_error_while_an_entry_is_made_goes_through_and_frees_the_lock(cache):
    with pytest.raises(ZeroDivisionError), cache.made_once(KEY):
        raise ZeroDivisionError
    assert not list(cache.folder.iterdir())


def test_the_entries_used_least_recently_are_removed_first(tmp_path):
    size = 1500
    cache = StageCache(tmp_path, limit_bytes=4 * size)
    keys = [f"{number:064x}" for number in range(6)]
    for age, key in enumerate(keys[:3]):
        cache.store(key, Entry({"a": bytes(900)}, 1.0, 1))
        os.utime(tmp_path / f"{key}.zip", (1000 + age, 1000 + age))
    assert cache.load(keys[0], ["a"])  # now it is the newest
    (tmp_path / "notes.txt").write_bytes(bytes(10 * size))
    for key in keys[3:]:
        cache.store(key, Entry({"a": bytes(900)}, 1.0, 1))
    left = {path.stem for path in tmp_path.glob("*.zip")}
    assert keys[1] not in left
    assert {keys[0], keys[5]} <= left
    assert sum(path.stat().st_size for path in tmp_path.glob("*.zip")) <= 4 * size
    assert (tmp_path / "notes.txt").exists()


def test_the_newest_entry_stays_even_if_it_alone_is_too_large(tmp_path):
    cache = StageCache(tmp_path, limit_bytes=1)
    for key in ("12" * 32, KEY):
        cache.store(key, ENTRY)
    assert [path.name for path in tmp_path.iterdir()] == [f"{KEY}.zip"]


def test_unfinished_files_of_dead_processes_are_removed_and_recent_ones_kept(cache):
    cache.folder.mkdir()
    dead, alive = (cache.folder / f"{PARTIAL}{name}.zip" for name in ("dead", "alive"))
    dead.touch()
    alive.touch()
    os.utime(dead, (1000, 1000))
    cache.store(KEY, ENTRY)
    assert not dead.exists()
    assert alive.exists()


def numbered(number):
    """Return one of a few entries, whose content follows from its number."""
    return f"{number:064x}", Entry({"a": bytes([number]) * 900}, float(number), number)


def use_again_and_again(folder, limit, seed, results):
    """Take a few entries, or make them, as jobs of a sweep do; runs in a process of its own."""
    warnings = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())
    cache_folder.log.addHandler(handler)
    cache, wrong = StageCache(folder, limit), 0
    for turn in range(25):
        key, entry = numbered((seed + turn * turn) % 3)
        with cache.made_once(key):
            found = cache.load(key, ["a"])
            if found is None:
                cache.store(key, entry)
        wrong += found not in (None, entry)
    results.put((wrong, warnings))


@pytest.mark.slow
@pytest.mark.parametrize("entries", [1.5, pytest.param(100, marks=pytest.mark.slow)])
def test_processes_that_write_read_and_prune_at_once_find_the_right_entries(tmp_path, entries):
    StageCache(tmp_path).store(*numbered(9))
    limit = int(entries * (tmp_path / f"{9:064x}.zip").stat().st_size)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=use_again_and_again, args=(tmp_path, limit, n, results)) for n in range(3)]
    for process in processes:
        process.start()
    assert [results.get(timeout=240) for _ in processes] == [(0, [])] * 3
    for process in processes:
        process.join()
    assert not list(tmp_path.glob(f"{PARTIAL}*"))


def test_the_folder_is_in_the_users_cache_unless_the_environment_names_another(monkeypatch, tmp_path):
    run = run_in(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LATENTMAN_CACHE", raising=False)
    assert shared_cache(STAGE["motion"], run).folder == tmp_path / ".cache" / "latentman" / "stages"
    monkeypatch.setenv("LATENTMAN_CACHE", "~/fast")
    assert shared_cache(STAGE["motion"], run).folder == tmp_path / "fast" / "stages"


def test_while_one_makes_an_entry_another_waits_and_then_finds_it(cache, monkeypatch):
    made, waited = [], []

    def make():
        with cache.made_once(KEY):
            if cache.load(KEY, NAMES) is None:
                time.sleep(0.3)
                made.append(1)
                cache.store(KEY, ENTRY)
            else:
                waited.append(1)

    threads = [threading.Thread(target=make) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(waited)) == (1, 2)


def test_waiting_has_an_end(cache, monkeypatch, caplog):
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    with cache.made_once(KEY), cache.made_once(KEY):
        pass
    assert "continuing without it" in caplog.text


def motion_key(folder, *overrides, chained="0" * 16):
    return stage_key(STAGE["motion"], run_in(folder, *overrides), chained, ())


def test_a_key_stands_for_settings_code_packages_and_machine(tmp_path, monkeypatch):
    own = motion_key(tmp_path)
    assert motion_key(tmp_path) == own
    assert motion_key(tmp_path, chained="1" * 16) != own
    for owner, name, value in [
        (cache_folder, "code_digest", lambda places, suffixes=(): "other"),
        (cache_folder, "package_version", lambda package: "0"),
        (module, "_machine", lambda device: {"processor": "another"}),
        (module, "_FORMAT", 99),
    ]:
        with monkeypatch.context() as changed:
            changed.setattr(owner, name, value)
            assert motion_key(tmp_path) != own, name


def test_a_key_stands_for_the_bytes_that_a_stage_reads(tmp_path):
    run = run_in(tmp_path)
    (tmp_path / "motion.npz").write_bytes(b"as it was made")
    own = stage_key(STAGE["body"], run, "0", ["motion.npz"])
    (tmp_path / "motion.npz").write_bytes(b"changed by hand")
    assert stage_key(STAGE["body"], run, "0", ["motion.npz"]) != own
    (tmp_path / "body.npz").write_bytes(b"left by an earlier start")
    (tmp_path / "motion.npz").write_bytes(b"as it was made")
    assert stage_key(STAGE["body"], run, "0", ["motion.npz"]) == own


@pytest.mark.parametrize(
    ("overrides", "stages"),
    [
        ([], SHARED),
        (["paths.stage_cache=false"], ()),
        (["correspondence.cache=false"], ("motion", "body", "render")),
    ],
)
def test_only_the_first_stages_are_shared_and_it_can_be_turned_off(tmp_path, overrides, stages):
    run = run_in(tmp_path, *overrides)
    assert tuple(stage.name for stage in STAGES if shared_cache(stage, run)) == stages


def test_turning_it_off_changes_neither_a_runs_identity_nor_a_stage(tmp_path):
    runs = [run_in(tmp_path), run_in(tmp_path, "paths.stage_cache=false")]
    for stage in STAGES:
        assert stage.settings(runs[0]) == stage.settings(runs[1])
    from latentman.record.run_folder import NOT_PART_OF_THE_RESULT

    assert "paths" in NOT_PART_OF_THE_RESULT


def test_a_stages_warnings_are_kept_but_none_about_a_cache():
    with heard_warnings() as heard:
        logging.getLogger("latentman.render").warning("outside in %d frames", 3)
        logging.getLogger("latentman.render").warning("outside in %d frames", 3)
        logging.getLogger("latentman.render").info("no warning")
        cache_folder.log.warning("the disk is full")
    logging.getLogger("latentman.render").warning("later")
    assert heard == [("latentman.render", "outside in 3 frames")]


def test_what_a_stage_left_is_packed_with_what_it_cost(tmp_path):
    (tmp_path / "body.npz").write_bytes(b"mesh")
    packed = pack(STAGE["body"], run_in(tmp_path), Reading(2.0, 77), [("latentman", "w")])
    assert packed == Entry({"body.npz": b"mesh"}, 2.0, 77, (("latentman", "w"),))
    with pytest.raises(OSError, match=r"motion\.npz"):
        pack(STAGE["motion"], run_in(tmp_path), Reading(), [])


def map_key(folder, *overrides):
    planned = {planned.stage.name: planned for planned in plan_stages(run_in(folder, *overrides))}["correspondence"]
    return stage_key(planned.stage, run_in(folder, *overrides), planned.hash, planned.inputs)


@pytest.mark.parametrize(
    "change",
    [
        "correspondence.features=paper", "correspondence.e_weight=1.5", "correspondence=densepose_lap", "solver=greedy",
        "reference=prev", "pwg.size=128", "camera.distance=9", "body.shape=male", "num_frames=3",
    ],
)  # fmt: skip
def test_every_setting_that_a_map_depends_on_has_a_key_of_its_own(tmp_path, change):
    assert map_key(tmp_path, change) != map_key(tmp_path)


def test_settings_that_change_no_map_leave_its_key(tmp_path):
    same = ["sla=none", "pwg.delta=0.02", "text.suffix=x", "correspondence.workers=3", "metrics=all"]
    assert map_key(tmp_path, *same) == map_key(tmp_path)


def test_a_map_depends_on_the_bytes_of_the_pictures_that_it_joins(tmp_path):
    (tmp_path / "conditions.npz").write_bytes(b"one")
    before = map_key(tmp_path)
    (tmp_path / "conditions.npz").write_bytes(b"two")
    assert map_key(tmp_path) != before


IN_THE_KEY_OTHERWISE = {
    "latentman.errors",  # messages
    "latentman.system.device",  # which device: part of the key
    "latentman.system.log",  # what is shown
    "latentman.metrics.grid",  # a size: in the settings
    "latentman.networks.backbone",  # for types alone
    "latentman.networks.resolved",  # describes the run; its digests are settings of a later stage
    "latentman.networks.loaded",  # likewise
    "latentman.motion.text",  # its result is a setting of the motion stage
    "latentman",
}


def imports_of(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("latentman"):
            if node.module == "latentman":
                yield from (f"latentman.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("latentman"))


@pytest.mark.parametrize("name", SHARED)
def test_all_code_that_makes_a_shared_stage_is_in_its_key(name):
    code = (*COMMON_CODE, *STAGE[name].sharing.code)
    files = []
    for place in code:
        assert (PACKAGE / place).exists(), place
        files += [PACKAGE / place] if (PACKAGE / place).is_file() else (PACKAGE / place).rglob("*.py")
    assert f"pipeline/stages/{name}.py" in code
    names = (".".join(["latentman", *path.relative_to(PACKAGE).with_suffix("").parts]) for path in files)
    covered = {name.removesuffix(".__init__") for name in names}
    needed = set()
    for path in files:
        if path.parent.name != "config":  # what the configuration imports are values, which are settings of the stages
            needed |= set(imports_of(ast.parse(path.read_text(encoding="utf-8"))))
    assert needed - covered - IN_THE_KEY_OTHERWISE == set()
