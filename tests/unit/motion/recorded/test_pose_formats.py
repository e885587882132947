"""Poses of SMPL in every form, and what pose estimators and MDM save: all of them the same motion."""

import os

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from latentman.errors import ConfigError, DataError, LatentManError, ShapeError
from latentman.motion.recorded.pose_rotations import as_matrices
from latentman.motion.recorded.readers import read
from tests.factories.pose_files import (
    forms,
    gvhmr,
    matrices,
    mdm,
    phalp,
    poses,
    save_object,
    save_pickle,
    six,
    wham,
)
from tests.factories.skeleton_clips import person

TURNS, PATH = poses()


def assert_same(recording, turns=TURNS, path=PATH, atol=1e-6):
    np.testing.assert_allclose(as_matrices(recording.rotations), matrices(turns[:, :22]), atol=atol)
    if path is None:
        assert recording.root is None
    else:
        np.testing.assert_allclose(recording.root, path, atol=atol)


@pytest.mark.parametrize("form", forms(TURNS))
@pytest.mark.parametrize("joints", [22, 24, 52, 55])
def test_every_form_of_poses_is_the_same_motion(tmp_path, form, joints):
    turns, path = poses(joints=joints)
    array = dict(zip(forms(TURNS), forms(turns).values(), strict=True))[form]
    np.savez(tmp_path / "a.npz", poses=array, trans=path, fps=30)
    assert_same(read(tmp_path / "a.npz"), turns, path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"root_orient": TURNS[:, 0], "pose_body": TURNS[:, 1:22].reshape(-1, 63), "trans": PATH},
        {"global_orient": TURNS[:, 0], "body_pose": TURNS[:, 1:].reshape(-1, 69), "transl": PATH},
        {"global_orient": TURNS[:, :1], "body_pose": TURNS[:, 1:22], "transl": PATH[:, None]},
        {"global_orient": matrices(TURNS[:, :1]), "body_pose": matrices(TURNS[:, 1:]), "transl": PATH},
        {"global_orient": matrices(TURNS[:, 0]), "body_pose": TURNS[:, 1:22].reshape(-1, 63), "transl": PATH},
        {"global_orient": six(TURNS[:, 0]), "body_pose": six(TURNS[:, 1:22]), "transl": PATH[None]},
        {"smpl_poses": TURNS.reshape(-1, 72), "smpl_trans": PATH * 93.5, "smpl_scaling": [93.5]},
        {"pred_rotmat": matrices(TURNS), "pred_trans": PATH[:, None]},
        {"pose": TURNS.reshape(-1, 72), "trans": PATH},
    ],
)
def test_every_name_of_poses_is_known(tmp_path, arrays, caplog):
    np.savez(tmp_path / "a.npz", **arrays)
    assert_same(read(tmp_path / "a.npz"))


def test_poses_without_a_path_move_on_the_spot_with_a_warning(tmp_path, caplog):
    np.savez(tmp_path / "a.npz", poses=TURNS, fps=30)
    assert_same(read(tmp_path / "a.npz"), path=None)
    assert "no path of the root (trans): the body moves on the spot" in caplog.text


@pytest.mark.parametrize("width", [72, 165, 156])
def test_flat_poses_are_read_from_an_npy_too(tmp_path, width):
    turns, _ = poses(joints=width // 3)
    np.save(tmp_path / "a.npy", turns.reshape(len(turns), width))
    assert_same(read(tmp_path / "a.npy"), turns, None)


def test_motion_x_is_read(tmp_path):
    array = np.zeros((len(TURNS), 322), np.float32)
    array[:, :66], array[:, 309:312] = TURNS[:, :22].reshape(-1, 66), PATH
    np.save(tmp_path / "a.npy", array)
    recording = read(tmp_path / "a.npy")
    assert_same(recording)
    assert (recording.rate, recording.usual_up) == (30.0, "y")


def test_gvhmr_s_world_is_preferred_to_its_camera(tmp_path):
    import torch

    results = gvhmr(TURNS, PATH)
    torch.save(results, tmp_path / "hmr4d_results.pt")
    recording = read(tmp_path / "hmr4d_results.pt")
    assert_same(recording)
    assert (recording.usual_up, recording.usual_rate) == ("y", 30.0)
    del results["smpl_params_global"]
    torch.save(results, tmp_path / "camera.pt")
    assert read(tmp_path / "camera.pt").usual_up == "-y"


@pytest.mark.parametrize("suffix", [".pkl", ".joblib"])
def test_wham_s_people_are_told_apart(tmp_path, suffix, caplog):
    joblib = pytest.importorskip("joblib")
    short = poses(10, seed=1)
    people = {0: (*short, range(10)), np.int64(4): (TURNS, PATH, range(30, 54))}
    joblib.dump(wham(people), tmp_path / f"a{suffix}")
    assert_same(read(tmp_path / f"a{suffix}"))
    assert "holds 2 motions (person): 0, 4; taken is 4, motion.track=NAME takes another one" in caplog.text
    assert_same(read(tmp_path / f"a{suffix}", "auto", "0"), *short)
    with pytest.raises(ConfigError, match=r"motion\.track=7: .* has no such person; it has 0, 4; .* from 0 to 1"):
        read(tmp_path / f"a{suffix}", "auto", "7")


def test_frames_in_which_a_person_was_lost_are_filled_in(tmp_path, caplog):
    seen = [*range(8), *range(12, 28)]
    save_pickle(tmp_path / "a.pkl", wham({0: (TURNS, PATH, seen)}))
    recording = read(tmp_path / "a.pkl")
    assert "lost in 4 of 28 frames, which are filled in" in caplog.text
    filled = as_matrices(recording.rotations)
    np.testing.assert_allclose(filled[seen], matrices(TURNS[:, :22]), atol=1e-6)
    half = Rotation.from_matrix(filled[9, 16]) * Rotation.from_matrix(filled[8, 16]).inv()
    whole = Rotation.from_matrix(filled[12, 16]) * Rotation.from_matrix(filled[7, 16]).inv()
    assert half.magnitude() == pytest.approx(whole.magnitude() / 5, abs=1e-6)
    np.testing.assert_allclose(recording.root[8:12], np.linspace(PATH[7], PATH[8], 6)[1:5], atol=1e-6)


@pytest.mark.parametrize("compress", [0, 3])
def test_4d_humans_people_are_followed_through_the_frames(tmp_path, compress, caplog):
    joblib = pytest.importorskip("joblib")
    people = {1: (poses(12, seed=1)[0], range(12)), 2: (TURNS, range(24))}
    joblib.dump(phalp(people, 24), tmp_path / "demo.pkl", compress=compress)
    recording = read(tmp_path / "demo.pkl")
    assert_same(recording, path=None)
    assert recording.usual_up == "-y"
    assert "holds 2 motions (person)" in caplog.text
    assert_same(read(tmp_path / "demo.pkl", "auto", "1"), people[1][0], None)


@pytest.mark.parametrize("save", [save_object, save_pickle])
def test_mdm_s_samples_are_read_with_text_and_length(tmp_path, save, caplog):
    walk, kick = person(num_frames=30), person("a person kicks", 30)
    path = save(
        tmp_path / ("results.npy" if save is save_object else "results.pkl"),
        mdm([walk, kick], ["walks", "kicks"], [30, 20]),
    )
    first, second = read(path), read(path, "auto", "1")
    assert "holds 2 motions (sample): 0 walks, 1 kicks; taken is 0 walks" in caplog.text
    np.testing.assert_allclose(first.joints, walk, atol=1e-6)
    np.testing.assert_allclose(second.joints, kick[:20], atol=1e-6)
    assert (first.text, second.text, first.rate) == ("walks", "kicks", 20.0)


def test_a_pose_estimator_s_table_in_an_npy_is_read(tmp_path):
    save_object(tmp_path / "a.npy", {"pred_rotmat": matrices(TURNS), "pred_trans": PATH[:, None]})
    assert_same(read(tmp_path / "a.npy"))


class Hostile:
    def __reduce__(self):
        return os.system, ("touch pwned",)


@pytest.mark.parametrize("name", ["a.npy", "a.pkl", "a.pt"])
def test_a_file_that_wants_to_run_something_is_refused_and_runs_nothing(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = {"poses": Hostile()}
    if name == "a.pt":
        import torch

        torch.save(content, tmp_path / name)
    else:
        (save_object if name == "a.npy" else save_pickle)(tmp_path / name, content)
    with pytest.raises(
        DataError, match=r"a\.(npy|pkl) is refused: it names .*Nothing of it was run|besides tensors it holds"
    ):
        read(tmp_path / name)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ({"betas": np.zeros(10)}, DataError, "holds betas: no SMPL poses are found in it"),
        ({}, DataError, "holds nothing: no SMPL poses"),
        ([1, 2], DataError, "holds a list: no SMPL poses"),
        (None, DataError, "holds a NoneType: no SMPL poses"),
        ({"pose": np.zeros((9, 60))}, ShapeError, r"pose: expected \(T, 72\), .*, got \(9, 60\)"),
        ({"pose": np.zeros((9, 71))}, ShapeError, r"pose: expected .*, got \(9, 71\)"),
        ({"pose": np.zeros(72)}, ShapeError, r"pose: expected .*, got \(72,\)"),
        ({"pose": np.zeros((9, 24, 4))}, ShapeError, r"got \(9, 24, 4\)"),
        ({"pose": np.zeros((9, 72), complex)}, DataError, "pose is not an array of numbers"),
        ({"pose": "text"}, DataError, "no SMPL poses are found"),
        ({"global_orient": np.zeros((9, 3))}, DataError, "has no 'body_pose'"),
        ({"global_orient": np.zeros((8, 3)), "body_pose": np.zeros((9, 63))}, ShapeError, "expected global_orient"),
        ({"motion": np.zeros((1, 21, 3, 9))}, ShapeError, r"expected \(samples, 22, 3, frames\)"),
        ({"motion": "text"}, DataError, "motions are not an array of numbers"),
        ({"motion": np.zeros((0, 22, 3, 9))}, ShapeError, "expected .samples"),
        ({1: {"smpl": [], "tid": []}}, DataError, "no SMPL poses"),
    ],
)  # fmt: skip
def test_a_bad_table_says_what_is_wrong(tmp_path, content, kind, message):
    with pytest.raises(kind, match=message) as caught:
        read(save_pickle(tmp_path / "bad.pkl", content))
    assert "bad.pkl" in str(caught.value)


@pytest.mark.parametrize("name", ["a.pkl", "a.pt", "a.npy", "a.joblib", "a.pth"])
@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"PK\x03\x04", b"\x93NUMPY\x01\x00v\x00", b"{" * 1000, b"\x80\x02}q\x00."]
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LatentManError, match=name.replace(".", r"\.")):
        read(tmp_path / name)


def test_a_track_of_a_file_with_one_motion_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", poses=TURNS, trans=PATH, fps=30)
    with pytest.raises(ConfigError, match=r"motion\.track=1: .*a\.npz holds one motion only; leave motion\.track out"):
        read(tmp_path / "a.npz", "auto", "1")
