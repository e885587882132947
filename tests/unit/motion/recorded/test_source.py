"""``motion=clip``: what every kind of file comes out as, and what is said of files that cannot."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from latentman.config import MotionConfig
from latentman.errors import ConfigError, DataError, ShapeError
from latentman.motion.build import build
from latentman.motion.humanml3d import features, heading
from latentman.motion.recorded.settle import settle
from latentman.motion.skeleton import BONE_LENGTHS, PARENTS, about_y
from latentman.motion.source import Surroundings
from tests.factories.motion_clips import rest_joints
from tests.unit.motion.bvh_files import MIXAMO, walk, write_bvh


def read(path, rest_joints=None, text="a text", **settings):
    source = build(MotionConfig(name="clip", file=str(path), **settings), Surroundings(path.parent, "cpu", rest_joints))
    return source(text, num_frames=8, seed=0)


def lengths(joints):
    return np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)


def displaced(joints):
    """The same motion elsewhere, turned and above the floor."""
    return joints @ about_y(np.asarray(2.0)).T + [3.0, 1.0, -2.0]


def assert_settled(motion):
    joints = motion.joints
    assert abs(np.percentile(joints[..., 1].min(axis=1), 3)) < 1e-9
    np.testing.assert_allclose(joints[0, 0, [0, 2]], 0, atol=1e-9)
    np.testing.assert_allclose(heading(joints[:1]), 0, atol=1e-6)


def test_a_bvh_of_another_rig_unit_and_rate_is_the_same_motion(tmp_path):
    fine = walk("a person dances", num_frames=241, fps=120.0)
    path = write_bvh(tmp_path / "dance.bvh", displaced(fine), names=MIXAMO, fps=120.0, to_file=lambda p: 100 * p)
    motion = read(path)
    assert (motion.fps, len(motion.joints), motion.text, motion.source) == (20.0, 41, "a text", "clip dance.bvh")
    np.testing.assert_allclose(motion.joints, settle(fine[::6]), atol=1e-5)
    assert_settled(motion)


def test_a_bvh_gets_the_template_s_bones(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", walk(fps=30.0, num_frames=40), fps=30.0)
    np.testing.assert_allclose(lengths(read(path).joints), np.tile(BONE_LENGTHS[1:], (27, 1)), atol=1e-9)


@pytest.mark.parametrize("joints_of_file", [22, 24])
def test_joints_come_out_where_they_belong(tmp_path, joints_of_file):
    joints = walk("a person runs")
    padded = np.concatenate([displaced(joints), displaced(joints)[:, 20:22]], axis=1)[:, :joints_of_file]
    np.savez(tmp_path / "run.npz", joints=padded.astype(np.float32), fps=20)
    motion = read(tmp_path / "run.npz")
    np.testing.assert_allclose(motion.joints, settle(joints), atol=1e-5)
    assert_settled(motion)


def test_joints_keep_their_own_bones(tmp_path):
    joints = 1.1 * walk()
    np.savez(tmp_path / "tall.npz", joints=joints, fps=20)
    np.testing.assert_allclose(lengths(read(tmp_path / "tall.npz").joints), lengths(joints), atol=1e-9)


def test_the_motion_of_a_run_can_be_used_again(tmp_path):
    from latentman.system.paths import write_npz
    from latentman.types import Motion

    write_npz(tmp_path / "motion.npz", Motion(walk(num_frames=16)[::2], 10.0, "a person walks", "procedural").arrays())
    motion = read(tmp_path / "motion.npz")
    assert (motion.text, motion.fps, len(motion.joints)) == ("a person walks", 20.0, 15)
    shown = settle(walk(num_frames=16)[::2])
    poses = [joints - joints[:, :1] for joints in (motion.joints[::2], shown)]
    np.testing.assert_allclose(*poses, atol=1e-9)


def test_the_user_s_text_wins_over_the_file_s(tmp_path):
    np.savez(tmp_path / "walk.npz", joints=walk(), fps=20, text="from the file")
    assert read(tmp_path / "walk.npz").text == "from the file"
    assert read(tmp_path / "walk.npz", **{"text": "a knight walks"}).text == "from the file"
    cfg = MotionConfig(name="clip", file=str(tmp_path / "walk.npz"), text="typed")
    assert build(cfg)("typed", num_frames=8, seed=0).text == "typed"


def test_centimetres_and_z_up_are_noticed(tmp_path, caplog):
    joints = walk()
    np.savez(tmp_path / "cm.npz", joints=100 * np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], -1), fps=20)
    np.testing.assert_allclose(read(tmp_path / "cm.npz").joints, settle(joints), atol=1e-9)
    assert "taken to be centimetres" in caplog.text
    assert "the body stands along Z" in caplog.text


def test_the_rate_of_the_file_gives_way_to_the_user_s(tmp_path, caplog):
    np.savez(tmp_path / "walk.npz", joints=walk(), fps=40)
    assert len(read(tmp_path / "walk.npz").joints) == 20
    assert len(read(tmp_path / "walk.npz", file_fps=20.0).joints) == 40
    np.savez(tmp_path / "none.npz", joints=walk())
    assert len(read(tmp_path / "none.npz").joints) == 40
    assert "does not state its frame rate: taken to be 20" in caplog.text


def test_humanml3d_features_come_back_as_joints(tmp_path):
    joints = settle(walk("a person kicks"))
    np.save(tmp_path / "000021.npy", features(joints).astype(np.float32))
    motion = read(tmp_path / "000021.npy")
    np.testing.assert_allclose(motion.joints, settle(joints[:-1]), atol=1e-4)
    assert_settled(motion)


def test_humanml3d_joints_come_back_as_joints(tmp_path):
    np.save(tmp_path / "000021.npy", walk())
    np.testing.assert_allclose(read(tmp_path / "000021.npy").joints, settle(walk()), atol=1e-9)


def slow_smpl(poses, root, rest):
    """SMPL's kinematic chain, one frame and one joint at a time, with 4 x 4 matrices."""
    result = np.zeros((len(poses), 22, 3))
    for frame in range(len(poses)):
        chain = []
        for joint in range(22):
            matrix = np.eye(4)
            matrix[:3, :3] = Rotation.from_rotvec(poses[frame, 3 * joint : 3 * joint + 3]).as_matrix()
            matrix[:3, 3] = root[frame] if joint == 0 else rest[joint] - rest[PARENTS[joint]]
            chain.append(matrix if joint == 0 else chain[PARENTS[joint]] @ matrix)
            result[frame, joint] = chain[joint][:3, 3]
    return result


def smpl_file(path, width=156, num_frames=25, rate=("mocap_framerate", 60.0), **changes):
    """A Z-up file of small random poses that walks along X."""
    rng = np.random.default_rng(5)
    poses = np.cumsum(rng.normal(size=(num_frames, width)) * 0.02, axis=0)
    poses[:, :3] = [np.pi / 2, 0, 0]
    trans = np.stack([np.linspace(0, 1, num_frames), np.zeros(num_frames), np.full(num_frames, 0.9)], axis=-1)
    data = {"poses": poses, "trans": trans, "betas": np.zeros(16), "gender": np.array("neutral"), rate[0]: rate[1]}
    np.savez(path, **{key: value for key, value in {**data, **changes}.items() if value is not None})
    return poses, trans


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_amass_poses_move_the_body_s_bones(tmp_path, width):
    poses, trans = smpl_file(tmp_path / "amass.npz", width)
    rest = rest_joints()
    leg = sum(np.linalg.norm(rest[b] - rest[a]) for a, b in ((1, 4), (4, 7)))
    world = slow_smpl(poses, trans * leg / 0.7775, rest)
    expected = settle(np.stack([world[..., 0], world[..., 2], -world[..., 1]], axis=-1)[::3])
    motion = read(tmp_path / "amass.npz", rest_joints)
    np.testing.assert_allclose(motion.joints, expected, atol=1e-9)
    assert_settled(motion)
    bones = np.linalg.norm(rest[1:22] - rest[list(PARENTS[1:])], axis=-1)
    np.testing.assert_allclose(lengths(motion.joints), np.tile(bones, (9, 1)), atol=1e-9)


def test_both_spellings_of_amass_s_keys_are_read(tmp_path):
    poses, trans = smpl_file(tmp_path / "one.npz")
    np.savez(tmp_path / "two.npz", root_orient=poses[:, :3], pose_body=poses[:, 3:66], trans=trans, mocap_frame_rate=60)
    first, second = (read(tmp_path / name, rest_joints).joints for name in ("one.npz", "two.npz"))
    np.testing.assert_array_equal(first, second)


def test_rotations_without_a_body_are_refused(tmp_path):
    smpl_file(tmp_path / "amass.npz")
    with pytest.raises(ConfigError, match=r"motion\.file=.*amass\.npz holds rotations.*body=anny"):
        read(tmp_path / "amass.npz")


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"poses": np.zeros((25, 60))}, ShapeError, r"poses: expected \(T, 72\), .*got \(25, 60\)"),
        ({"poses": np.zeros((1, 72)), "trans": np.zeros((1, 3))}, DataError, "has 1 frames"),
        ({"poses": np.full((25, 72), np.nan)}, DataError, "poses holds values that are not finite"),
        ({"trans": np.zeros((24, 3))}, ShapeError, r"trans: expected \(25, 3\), got \(24, 3\)"),
        ({"mocap_framerate": None}, DataError, r"does not state its frame rate.*motion\.file_fps=120"),
        ({"mocap_framerate": 0.0}, DataError, r"its frame rate, 0.0 \(mocap_framerate=0.0\), is not.*motion\.file_fps"),
        ({"poses": None, "root_orient": np.zeros((25, 3))}, DataError, "has no 'pose_body'"),
        ({"poses": None, "root_orient": np.zeros((5, 3)), "pose_body": np.zeros((25, 63))}, ShapeError, "pose_body"),
    ],
)  # fmt: skip
def test_a_bad_amass_file_says_what_is_wrong(tmp_path, changes, kind, message):
    smpl_file(tmp_path / "amass.npz", **changes)
    with pytest.raises(kind, match=rf"amass\.npz.*{message}"):
        read(tmp_path / "amass.npz", rest_joints)


@pytest.mark.parametrize(
    ("arrays", "kind", "message"),
    [
        ({"points": np.zeros(3)}, DataError, r"holds points: expected joints \(T, 22, 3\) and fps, or AMASS"),
        ({"joints": np.zeros((9, 21, 3))}, ShapeError, r"expected joints \(T, 22, 3\) or .*got \(9, 21, 3\)"),
        ({"joints": np.zeros((1, 22, 3))}, DataError, "has 1 frames"),
        ({"joints": np.zeros((0, 22, 3))}, DataError, "has 0 frames"),
        ({"joints": np.full((9, 22, 3), np.inf)}, DataError, "not finite, first at frame 0"),
        ({"joints": np.zeros((9, 22, 3))}, DataError, "the legs have no length"),
        ({"joints": np.full((9, 22, 3), "a")}, ShapeError, "expected real numbers"),
        ({"joints": np.ones((9, 22, 3)), "fps": 0}, DataError, r"rate, 0 \(fps=0\), is not.*motion\.file_fps"),
        ({"joints": np.ones((9, 22, 3)), "fps": "fast"}, DataError, "its frame rate, fast .* is not one number"),
        ({"joints": np.array([{}], dtype=object)}, DataError, "holds Python objects.*save motion.file as plain arrays"),
    ],
)  # fmt: skip
def test_a_bad_archive_says_what_is_wrong(tmp_path, arrays, kind, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(kind, match=message) as caught:
        read(tmp_path / "bad.npz")
    assert "bad.npz" in str(caught.value)


@pytest.mark.parametrize(
    ("array", "kind", "message"),
    [
        (np.zeros((9, 251)), ShapeError, r"or features \(T, 263\) in a \.npy, got \(9, 251\)"),
        (np.random.default_rng(0).normal(size=(30, 263)), DataError, "look normalised.*multiply them by Std.npy"),
        (np.full((9, 263), np.nan), DataError, "not finite"),
        (np.array([{}], dtype=object), DataError, "holds nothing: no SMPL poses are found in it"),
    ],
)  # fmt: skip
def test_a_bad_array_says_what_is_wrong(tmp_path, array, kind, message):
    np.save(tmp_path / "bad.npy", array, allow_pickle=True)
    with pytest.raises(kind, match=message) as caught:
        read(tmp_path / "bad.npy")
    assert "bad.npy" in str(caught.value)


def test_a_truncated_archive_and_one_of_the_wrong_suffix_are_refused(tmp_path):
    np.savez(tmp_path / "walk.npz", joints=walk(), fps=20)
    data = (tmp_path / "walk.npz").read_bytes()
    (tmp_path / "short.npz").write_bytes(data[: len(data) // 2])
    (tmp_path / "walk.npy").write_bytes(data)
    with pytest.raises(DataError, match=r"cannot read .*short\.npz.*motion\.file"):
        read(tmp_path / "short.npz")
    with pytest.raises(DataError, match=r"walk\.npy.*give an archive of arrays the suffix \.npz"):
        read(tmp_path / "walk.npy")


@pytest.mark.parametrize(
    ("name", "message"), [("walk.fbx", "'.fbx' is not a known kind of motion file"), ("no.bvh", "no such file")]
)
def test_a_file_of_no_use_is_named_with_its_key(tmp_path, name, message):
    with pytest.raises(ConfigError, match=rf"motion\.file=.*{name}: .*{message}"):
        read(tmp_path / name)
