"""Training data of the mini MDM: the folder, mirror images, statistics and batches."""

import json
from pathlib import Path

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.motion.humanml3d import CONTACTS, ROOT_YAW, features, recover
from latentman.motion.procedural.source import ProceduralSource
from latentman.train.motion.data import (
    Clip,
    MotionData,
    measure,
    mirrored,
    procedural_clips,
    read_folder,
    swap_sides,
)


def clip(text: str, frames: int = 40, seed: int = 0) -> Clip:
    joints = ProceduralSource()(text, num_frames=frames + 1, seed=seed).joints
    return Clip(features(joints).astype(np.float32), text.split()[2], (text,))


def write(folder: Path, clips: list[Clip], **changes: object) -> None:
    np.savez(folder / "motions.npz", features=np.concatenate([c.features for c in clips]))
    lines, offset = [], 0
    for number, c in enumerate(clips):
        entry = {"name": str(number), "category": c.category, "captions": list(c.captions)}
        lines.append(json.dumps({**entry, "offset": offset, "length": len(c.features), **changes}))
        offset += len(c.features)
    (folder / "index.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


CLIPS = [clip("a person walks"), clip("a person kicks with the left leg"), clip("a person runs", 30)]


def test_the_clips_of_a_folder_are_read(tmp_path: Path) -> None:
    write(tmp_path, CLIPS)
    read = read_folder(tmp_path)
    for one, other in zip(read, CLIPS, strict=True):
        np.testing.assert_array_equal(one.features, other.features)
        assert (one.category, one.captions) == (other.category, other.captions)


def test_mirror_images_in_a_folder_are_skipped_because_training_creates_them(tmp_path: Path) -> None:
    write(tmp_path, CLIPS)
    lines = (tmp_path / "index.jsonl").read_text(encoding="utf-8").splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), "mirrored": True})
    (tmp_path / "index.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert [c.category for c in read_folder(tmp_path)] == ["walks", "runs"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 100000}, "frames beyond the end"),
        ({"captions": []}, "clips without captions"),
        ({"offset": "x"}, "cannot be read as training motions"),
    ],
)
def test_a_folder_with_another_layout_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    write(tmp_path, CLIPS, **changes)
    with pytest.raises(DataError, match=message):
        read_folder(tmp_path)


def test_a_missing_file_is_named_with_the_command_that_creates_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"motions.npz is missing.*prepare-bvh"):
        read_folder(tmp_path)


def test_features_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = CLIPS[0].features.copy()
    broken[3, 3] = np.nan
    write(tmp_path, [Clip(broken, "walks", ("a person walks",))])
    with pytest.raises(DataError, match="not finite"):
        read_folder(tmp_path)


def test_the_mirror_image_kicks_with_the_other_leg() -> None:
    image = mirrored(CLIPS[1])
    assert image.captions == ("a person kicks with the right leg",)
    assert image.features.shape == CLIPS[1].features.shape
    left, right = recover(CLIPS[1].features), recover(image.features)
    highest = [int(np.argmax(j[:, [10, 11], 1].max(axis=0))) for j in (left, right)]
    assert highest == [0, 1]
    # The first frame's heading is assumed to be +Z, which is not mirror-symmetric.
    np.testing.assert_allclose(image.features[1:-1, ROOT_YAW], -CLIPS[1].features[1:-1, ROOT_YAW], atol=1e-4)
    np.testing.assert_array_equal(image.features[:-2, CONTACTS], CLIPS[1].features[:-2, CONTACTS][:, [2, 3, 0, 1]])


def test_left_and_right_are_exchanged_only_as_whole_words() -> None:
    assert swap_sides("the left leg, bright and right") == "the right leg, bright and left"


@pytest.mark.slow
def test_procedural_clips_are_the_same_each_time_and_have_many_categories() -> None:
    one, again = procedural_clips(1, 30, seed=3), procedural_clips(1, 30, seed=3)
    assert all(np.array_equal(a.features, b.features) for a, b in zip(one, again, strict=True))
    assert len({c.category for c in one}) > 80
    assert all(15 <= len(c.features) <= 30 for c in one)


def test_normalised_clips_have_zero_mean_and_one_deviation_per_group() -> None:
    statistics = measure(CLIPS)
    values = statistics.normalise(np.concatenate([c.features for c in CLIPS]))
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-4)
    assert len(np.unique(statistics.std)) <= 7
    assert values[:, 4:67].std(axis=0).mean() == pytest.approx(1, rel=0.01)


def test_batches_contain_windows_of_the_clips_with_zero_padding() -> None:
    data = MotionData(CLIPS, [], procedural_share=0.0, balance=1.0)
    batch = data.draw(np.random.default_rng(0), 30, 35)
    assert batch.motion.shape == (30, 35, 263)
    for motion, length, text in zip(batch.motion, batch.lengths, batch.captions, strict=True):
        source = next(c for c in CLIPS if text in c.captions)
        assert length == min(35, len(source.features))
        whole = data.statistics.normalise(source.features).astype(np.float32)
        assert any(np.array_equal(motion[:length], whole[k : k + length]) for k in range(len(whole) - length + 1))
        assert not motion[length:].any()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_procedural_clips_is_kept(share: float) -> None:
    data = MotionData(CLIPS[:2], CLIPS[2:], procedural_share=share, balance=0.5)
    drawn = data.draw(np.random.default_rng(0), 2000, 10).captions
    assert drawn.count("a person runs") / 2000 == pytest.approx(share, abs=0.04)


def test_balance_0_makes_categories_equally_likely() -> None:
    long, short = clip("a person walks", 90), clip("a person jumps", 30)
    for balance, expected in ((0.0, 0.5), (1.0, 0.75)):
        data = MotionData([long, short], [], procedural_share=0.0, balance=balance)
        drawn = data.draw(np.random.default_rng(0), 2000, 10).captions
        assert drawn.count("a person walks") / 2000 == pytest.approx(expected, abs=0.04)
