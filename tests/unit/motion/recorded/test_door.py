"""One door: every reader's files come out alike, and every fault is noticed in each of them."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.config import MotionConfig
from latentman.errors import ConfigError, DataError, LatentManError, ShapeError
from latentman.motion.humanml3d import mirror
from latentman.motion.recorded.readers import ARRAY_READERS, READERS
from latentman.motion.recorded.settle import settle
from latentman.motion.skeleton import ANKLES, ELBOWS, HEAD, KNEES, PARENTS, WRISTS, about_y
from tests.factories.motion_clips import axis_up, person, read_clip
from tests.factories.motion_files import FILES, JOINT_FILES, SUFFIXES, npz
from tests.unit.motion.bvh_files import CMU, MIXAMO, write_bvh

LIMBS = [joint - 1 for joint in (*KNEES, *ANKLES, *ELBOWS, *WRISTS)]
UPS = ("y", "z", "-y", "x")


def written(folder, name, joints=None, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values that are not finite, or complex
        return FILES[name](folder / name, person() if joints is None else joints, **settings)


def test_every_reader_has_a_writer_here():
    assert set(READERS) == SUFFIXES
    assert len(ARRAY_READERS) == 2  # joints and poses, which a.npz and poses.npz hold


@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("name", FILES)
def test_every_reader_stands_a_body_up_from_any_axes(tmp_path, name, up):
    motion = read_clip(written(tmp_path, name, to_file=lambda p: axis_up(p, up)), file_fps=20.0)
    assert (motion.fps, len(motion.joints)) == (20.0, 40)
    assert 1.4 < motion.joints[:, HEAD, 1].min() < 1.8


@pytest.mark.slow
@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("name", FILES)
def test_every_reader_takes_the_axes_that_are_given(tmp_path, name, up):
    path = written(tmp_path, name, to_file=lambda p: axis_up(p, up))
    found, given = read_clip(path, file_fps=20.0), read_clip(path, file_fps=20.0, up=up)
    np.testing.assert_array_equal(found.joints, given.joints)
    ahead = {"y": "z", "z": "-y", "-y": "z", "x": "z"}[up]
    facing = read_clip(path, file_fps=20.0, up=up, forward=ahead)
    np.testing.assert_allclose(facing.joints, given.joints, atol=0.15)  # a walk does not face its way to the degree
    other = read_clip(path, file_fps=20.0, up=up, forward=ahead[1:] if ahead.startswith("-") else f"-{ahead}")
    np.testing.assert_allclose(other.joints, facing.joints * [-1, 1, -1], atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_every_reader_can_show_a_mirror_image(tmp_path, name):
    path = written(tmp_path, name)
    plain = read_clip(path, file_fps=20.0)
    image = read_clip(path, file_fps=20.0, mirror="image")
    np.testing.assert_allclose(unit_bones(image.joints), unit_bones(settle(mirror(plain.joints))), atol=0.02)


@pytest.mark.parametrize("name", JOINT_FILES)
def test_every_reader_of_joints_mirrors_left_handed_axes_and_says_so(tmp_path, name, caplog):
    straight = read_clip(written(tmp_path, name))
    caplog.clear()
    flipped = read_clip(written(tmp_path, name, to_file=lambda p: p * [-1, 1, 1]))
    assert "motion.mirror=axes" in caplog.text
    np.testing.assert_allclose(flipped.joints, straight.joints, atol=1e-3)


@pytest.mark.parametrize("name", FILES)
def test_every_reader_refuses_a_single_frame(tmp_path, name):
    with pytest.raises(LatentManError, match=rf"{name}.*frame"):
        read_clip(written(tmp_path, name, person(num_frames=1)), file_fps=20.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith((".bvh", ".glb", ".gltf", "poses.npy"))])
def test_every_reader_of_arrays_refuses_what_is_not_finite(tmp_path, name, bad):
    joints = person().copy()
    joints[7, 0] = bad
    with pytest.raises(DataError, match=rf"{name}: (joints|trans) holds values that are not finite, first at frame 7"):
        read_clip(written(tmp_path, name, joints), file_fps=20.0)


STATING = [name for name in FILES if not name.endswith((".npy", ".bvh", ".glb", ".gltf"))]


@pytest.mark.parametrize("rate", [np.nan, np.inf, 0.0, -20.0, 1e9], ids=str)
@pytest.mark.parametrize("name", STATING)
def test_every_reader_refuses_a_rate_that_is_none_unless_it_is_given(tmp_path, name, rate):
    path = written(tmp_path, name, fps=rate)
    with pytest.raises(DataError, match=rf"{name}: its frame rate, .*is not one number.*motion\.file_fps"):
        read_clip(path)
    assert len(read_clip(path, file_fps=20.0).joints) == 40


@pytest.mark.parametrize("rate", ["fast", 20 + 1j, [20.0, 20.0]], ids=str)
@pytest.mark.parametrize("name", [name for name in STATING if name.endswith(".npz")])
def test_every_archive_refuses_a_rate_that_is_text_complex_or_several(tmp_path, name, rate):
    path = written(tmp_path, name, fps=rate)
    with pytest.raises(DataError, match=rf"{name}: its frame rate, .*is not one number.*motion\.file_fps"):
        read_clip(path)
    assert len(read_clip(path, file_fps=20.0).joints) == 40


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "1e-9", "100"])
def test_a_bvh_refuses_a_frame_time_that_is_none_with_its_line(tmp_path, text):
    path = write_bvh(tmp_path / "a.bvh", person(), frame_time=text)
    with pytest.raises(
        DataError, match=rf"a\.bvh: its frame rate, .*\(Frame Time: {text} in line \d+\).*motion\.file_fps"
    ):
        read_clip(path)
    assert len(read_clip(path, file_fps=20.0).joints) == 40


@pytest.mark.parametrize("name", FILES)
def test_every_reader_doubts_a_rate_at_which_nobody_records(tmp_path, name, caplog):
    read_clip(written(tmp_path, name), file_fps=20.0)
    assert "implausible for a recording" not in caplog.text
    if name in STATING or name.endswith(".bvh"):
        read_clip(written(tmp_path, name, fps=2.0))
        assert "2 frames a second" in caplog.text
        assert "motion.file_fps" in caplog.text


@pytest.mark.parametrize("name", FILES)
def test_every_reader_notices_a_body_that_moves_too_fast(tmp_path, name, caplog):
    joints = person() + np.where(np.arange(40) >= 20, 4.0, 0.0)[:, None, None] * [0, 0, 1]
    read_clip(written(tmp_path, name, joints), file_fps=20.0)
    if name != "poses.npy":  # which has no path
        assert re.search(r"the joint pelvis moves at up to [89]\d m/s", caplog.text)
        assert "(frames 20)" in caplog.text


@pytest.mark.parametrize("name", FILES)
def test_every_reader_refuses_more_frames_than_are_allowed(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name}.*more than the 200000 that are allowed"):
        read_clip(written(tmp_path, name), file_fps=20.0, fps=2e6)


@pytest.mark.parametrize(("kind", "array"), [("text", "a"), ("complex", 1j), ("objects", None)])
def test_arrays_of_anything_but_real_numbers_are_refused(tmp_path, kind, array):
    np.savez(tmp_path / "bad.npz", joints=np.full((9, 22, 3), array), fps=20)
    with pytest.raises((ShapeError, DataError), match=r"bad\.npz"):
        read_clip(tmp_path / "bad.npz")


def test_forward_along_up_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"motion\.forward=z is along motion\.up=-z"):
        MotionConfig(name="clip", up="-z", forward="z")
    with pytest.raises(ConfigError, match=r"motion\.forward=y is along the axis that is up, y"):
        read_clip(npz(tmp_path / "a.npz", person()), forward="y")


def unit_bones(joints):
    bones = joints[:, 1:] - joints[:, list(PARENTS[1:])]
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


@settings(max_examples=40)
@given(
    text=st.sampled_from(["a person walks", "a person kicks", "a person dances", "a person waves"]),
    up=st.sampled_from(["x", "y", "z", "-x", "-y", "-z"]),
    yaw=st.floats(-3, 3),
    scale=st.sampled_from([1.0, 100.0, 1000.0, 39.37]),
    flipped=st.booleans(),
    image=st.booleans(),
    place=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)
def test_a_clip_turned_mirrored_and_rescaled_is_the_same_body(
    tmp_path_factory, text, up, yaw, scale, flipped, image, place
):
    joints = person(text)
    seen = mirror(joints) if image else joints
    moved = seen @ about_y(np.asarray(yaw)).T + [place[0], 0, place[1]]
    stored = axis_up(moved, up) * scale * ([-1, 1, 1] if flipped else [1, 1, 1])
    path = npz(tmp_path_factory.mktemp("clip") / "a.npz", stored)
    np.testing.assert_allclose(read_clip(path).joints, settle(seen), atol=2e-3 if scale == 39.37 else 1e-6)


@settings(max_examples=10)
@given(
    names=st.sampled_from([None, CMU, MIXAMO]),
    up=st.sampled_from(["x", "y", "z", "-y"]),
    scale=st.sampled_from([1.0, 100.0, 17.7, 3.0]),
    image=st.booleans(),
    order=st.permutations("XYZ"),
)
def test_a_skeleton_renamed_turned_mirrored_and_rescaled_is_the_same_body(
    tmp_path_factory, names, up, scale, image, order
):
    joints = person("a person kicks")
    seen = mirror(joints) if image else joints
    path = tmp_path_factory.mktemp("clip") / "a.bvh"
    write_bvh(path, seen, names=names, order="".join(order), to_file=lambda p: axis_up(p, up) * scale)
    got = read_clip(path).joints
    # Limbs, since not all of these rigs have every joint of the spine.
    np.testing.assert_allclose(unit_bones(got)[:, LIMBS], unit_bones(settle(seen))[:, LIMBS], atol=4e-3)
