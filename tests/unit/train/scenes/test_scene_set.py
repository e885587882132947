"""A scene set: the same bytes after any interruptions, and clear refusals of wrong folders."""

import json
import multiprocessing
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from latentman.body.builds import AXES
from latentman.errors import ConfigError, DataError
from latentman.system.paths import PARTIAL
from latentman.train.motion.data import procedural_clips
from latentman.train.scenes import scene_set
from latentman.train.scenes.bodies import Build
from latentman.train.scenes.plan import plan_scenes
from latentman.train.scenes.scene_set import SceneSet, SceneSettings, draw_set, shard_file
from latentman.train.scenes.studio import Studio
from tests.factories.little_space import LITTLE_SPACE

pytestmark = pytest.mark.nightly

SETTINGS = SceneSettings(number=10, size=32, shard=4, seed=3)


def nothing(done: int, total: int) -> None:
    return None


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    assert draw_set(folder, SETTINGS, "cpu", nothing)
    return folder


@pytest.fixture
def copied(drawn: Path, tmp_path: Path) -> Path:
    for file in drawn.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio.build("cpu", 32)


def test_a_set_contains_the_pictures_of_its_plans(drawn: Path, studio: Studio) -> None:
    scenes = SceneSet.open(drawn, "cpu")
    plans = plan_scenes(10, seed=3)
    assert len(scenes) == 10
    assert scenes.texts == tuple(plan.text for plan in plans)
    alone = studio.draw(plans[7:8])
    for name in ("images", "depth", "mask", "character", "colour", "place"):
        assert torch.equal(getattr(scenes, name)[7:8], getattr(alone, name))
    assert len(scenes.first(3).texts) == len(scenes.first(3).images) == 3


def test_an_interrupted_set_ends_with_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    class CutError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done:
            raise CutError

    with pytest.raises(CutError):
        draw_set(tmp_path, SETTINGS, "cpu", stop)
    assert shard_file(tmp_path, 0).exists()
    assert not shard_file(tmp_path, 2).exists()
    with pytest.raises(DataError, match="lacks 2 of 3 shards"):
        SceneSet.open(tmp_path, "cpu")
    kept = shard_file(tmp_path, 0).stat().st_mtime_ns
    told: list[int] = []
    assert draw_set(tmp_path, SETTINGS, "cpu", lambda done, total: told.append(done))
    assert told[0] == 4
    assert told[-1] == 10
    assert shard_file(tmp_path, 0).stat().st_mtime_ns == kept
    assert contents(tmp_path) == contents(drawn)


def test_the_time_limit_stops_after_the_first_shard(drawn: Path, copied: Path) -> None:
    for index in (1, 2):
        shard_file(copied, index).unlink()
    assert not draw_set(copied, SETTINGS, "cpu", nothing, minutes=1e-9)
    assert contents(copied) == {
        name: content for name, content in contents(drawn).items() if name != shard_file(drawn, 2).name
    }


def test_a_time_limit_at_the_last_shard_gives_a_complete_set(drawn: Path, copied: Path) -> None:
    shard_file(copied, 1).unlink()
    # Left behind by a process that was killed while writing.
    (copied / f"{PARTIAL}x.safetensors").write_bytes(b"half")
    with pytest.raises(DataError, match=r"lacks 1 of 3 shards: run `latentman train scenes` to continue"):
        SceneSet.open(copied, "cpu")
    assert draw_set(copied, SETTINGS, "cpu", nothing, minutes=1e-9)
    assert shard_file(copied, 1).read_bytes() == shard_file(drawn, 1).read_bytes()
    assert len(SceneSet.open(copied, "cpu")) == 10


def test_a_complete_set_is_reported_immediately_and_not_changed(drawn: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in drawn.iterdir()}
    told: list[tuple[int, int]] = []
    assert draw_set(drawn, SETTINGS, "cpu", lambda done, total: told.append((done, total)))
    assert told == [(10, 10)]
    assert {path: path.stat().st_mtime_ns for path in drawn.iterdir()} == before


def test_parallel_workers_draw_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    told: list[int] = []
    assert draw_set(tmp_path, SETTINGS, "cpu", lambda done, total: told.append(done), workers=2)
    assert contents(tmp_path) == contents(drawn)
    assert told == sorted(told)
    assert told[-1] == 10


def test_a_killed_worker_is_reported_and_leaves_only_complete_shards(drawn: Path, tmp_path: Path) -> None:
    def kill_the_workers(done: int, total: int) -> None:
        if done:
            for child in multiprocessing.active_children():
                child.kill()

    with pytest.raises(DataError, match=r"was ended from outside.*fewer workers"):
        draw_set(tmp_path, SETTINGS, "cpu", kill_the_workers, workers=2)
    # A process that is killed while writing leaves its unfinished file behind.
    left = {name: content for name, content in contents(tmp_path).items() if not name.startswith(PARTIAL)}
    assert any(name.startswith("shard_") for name in left)
    assert left.items() <= contents(drawn).items()


def test_other_settings_are_refused_with_the_differences(drawn: Path) -> None:
    with pytest.raises(DataError, match=r"scenes\.number was 10 and is 11, scenes\.seed was 3 and is 4"):
        draw_set(drawn, replace(SETTINGS, number=11, seed=4), "cpu", nothing)


@pytest.mark.parametrize("number", [1, scene_set.FORMAT + 1])
def test_a_set_in_another_format_is_refused_for_drawing_and_reading(copied: Path, number: int) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["format"] = number
    (copied / "manifest.json").write_text(json.dumps(manifest))
    message = (
        rf"in format {number}, and this version draws format {scene_set.FORMAT}, .*draw the scenes again, or choose"
    )
    with pytest.raises(DataError, match=message):
        draw_set(copied, SETTINGS, "cpu", nothing)
    with pytest.raises(DataError, match=message):
        SceneSet.open(copied, "cpu")


def test_a_folder_with_other_files_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match="it holds other files"):
        draw_set(tmp_path, SETTINGS, "cpu", nothing)
    assert contents(tmp_path) == {"thesis.tex": b"mine"}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"format": 2}',
        '{"format": 2, "settings": {}}',
        '{"format": 2, "settings": {"number": "10", "size": 32, "shard": 4, "seed": 3}}',
        '{"format": 2, "settings": {"number": 0, "size": 32, "shard": 4, "seed": 3}}',
    ],
)
def test_a_damaged_manifest_is_named(copied: Path, content: str) -> None:
    (copied / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=r"manifest\.json.*draw the scenes again"):
        SceneSet.open(copied, "cpu")


def test_an_empty_folder_is_reported_with_the_command_that_draws(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="latentman train scenes out="):
        SceneSet.open(tmp_path, "cpu")


@pytest.mark.parametrize("length", [0, 3, 500, -1])
def test_a_truncated_shard_is_named(copied: Path, length: int) -> None:
    path = shard_file(copied, 1)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"cannot read .*shard_00001\.safetensors: .* delete it and run"):
        SceneSet.open(copied, "cpu")


def test_a_shard_with_other_pictures_is_named(copied: Path) -> None:
    path = shard_file(copied, 1)
    whole = path.read_bytes()
    path.write_bytes(shard_file(copied, 2).read_bytes())
    with pytest.raises(DataError, match=r"shard_00001\.safetensors does not hold 4 pictures of 32 x 32 pixels"):
        SceneSet.open(copied, "cpu")
    tensors = load(whole)
    tensors["images"] = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    path.write_bytes(save(tensors, {"texts": json.dumps(["a ghost"] * 4)}))
    with pytest.raises(DataError, match=r"shard_00001\.safetensors does not hold 4 pictures of 32 x 32 pixels"):
        SceneSet.open(copied, "cpu")


def test_a_full_disk_leaves_no_partial_shard(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LITTLE_SPACE, "scenes", f"out={tmp_path}", "preset=cpu_smoke", "scenes.number=4"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 2
    assert re.search(r"error: cannot write .*shard_00000.*File too large; free some space", ended.stderr)
    assert [path.name for path in (tmp_path / "scenes").iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"number": 0}, "scenes.number=0"), ({"size": 40}, "scenes.size=40"), ({"shard": 0}, "scenes.shard=0")],
)
def test_invalid_sizes_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(SETTINGS, **change)


def test_recorded_motions_add_their_own_poses(tmp_path: Path, studio: Studio) -> None:
    clips = procedural_clips(1, 40, 0)[:6]
    np.savez(tmp_path / "motions.npz", features=np.concatenate([c.features for c in clips]))
    lines, offset = [], 0
    for c in clips:
        entry = {"name": "a", "category": c.category, "captions": list(c.captions)}
        lines.append(json.dumps({**entry, "offset": offset, "length": len(c.features)}))
        offset += len(c.features)
    (tmp_path / "index.jsonl").write_text("\n".join(lines) + "\n")
    with_them = Studio.build("cpu", 32, tmp_path)
    more = with_them.poses.motions[len(studio.poses.motions) :]
    assert 30 < len(more) <= sum(len(c.features) for c in clips)
    assert with_them.draw(plan_scenes(2, seed=0)).mask.flatten(1).any(1).all()
    for pose in more[::40]:
        figure = with_them.bodies.figure(Build(0, np.zeros(len(AXES))))
        assert float(pose.vertices(figure)[:, 1].min()) == pytest.approx(pose.lift, abs=1e-5)
        assert pose.lift < 1.0
