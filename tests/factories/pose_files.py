"""SMPL's poses in the forms and tables of data sets and pose estimators."""

import pickle

import numpy as np
from scipy.spatial.transform import Rotation


def poses(num_frames=24, joints=24, seed=5):
    """Return axis-angle poses (T, J, 3) of a person that bends knees and elbows, and the root's path (T, 3), Y up."""
    rng = np.random.default_rng(seed)
    turns = np.cumsum(rng.normal(size=(num_frames, joints, 3)) * 0.01, axis=0)
    turns[:, 0] = [0.0, 0.2, 0.0]
    turns[:, [4, 5], 0] += 0.5
    turns[:, 18, 1] -= 0.5
    turns[:, 19, 1] += 0.5
    path = np.stack([np.linspace(0, 1, num_frames), np.full(num_frames, 0.9), np.zeros(num_frames)], axis=-1)
    return turns, path


def matrices(turns):
    """Return rotation matrices (..., 3, 3) of axis-angle vectors (..., 3)."""
    return Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(*turns.shape, 3)


def six(turns, columns=False):
    """Return two rows, or two columns, of the rotation matrices (..., 6)."""
    turned = matrices(turns)
    return (np.swapaxes(turned, -1, -2) if columns else turned)[..., :2, :].reshape(*turns.shape[:-1], 6)


def forms(turns):
    """Return the same poses in every form, by a name."""
    count, joints = turns.shape[:2]
    return {
        f"(T, {joints * 3})": turns.reshape(count, -1),
        f"(T, {joints}, 3)": turns,
        f"(T, {joints}, 3, 3)": matrices(turns),
        f"(T, {joints}, 9)": matrices(turns).reshape(count, joints, 9),
        f"(T, {joints * 9})": matrices(turns).reshape(count, -1),
        f"(T, {joints}, 6) rows": six(turns),
        f"(T, {joints}, 6) columns": six(turns, columns=True),
        f"(T, {joints * 6})": six(turns).reshape(count, -1),
        f"(1, T, {joints}, 3)": turns[None],
        f"(1, T, {joints}, 3, 3)": matrices(turns)[None],
        "float32": turns.astype(np.float32),
    }


def gvhmr(turns, path):
    """Return what GVHMR saves: parameters in the world, and in the camera's axes, Y down."""
    import torch

    flip = Rotation.from_rotvec([np.pi, 0, 0])
    camera = (flip * Rotation.from_rotvec(turns[:, 0])).as_rotvec()

    def parameters(root, place):
        arrays = {"global_orient": root, "body_pose": turns[:, 1:22].reshape(len(turns), 63), "transl": place}
        return {name: torch.tensor(array, dtype=torch.float32) for name, array in arrays.items()} | {
            "betas": torch.zeros(len(turns), 10)
        }

    return {
        "smpl_params_global": parameters(turns[:, 0], path),
        "smpl_params_incam": parameters(camera, flip.apply(path)),
        "K_fullimg": torch.eye(3).repeat(len(turns), 1, 1),
    }


def wham(people):
    """Return what WHAM saves: a table a person; ``people`` maps numbers to (poses, path, frames)."""
    return {
        number: {
            "pose": turns.reshape(len(turns), 72) + 3.0,
            "trans": path + 7.0,
            "pose_world": turns.reshape(len(turns), 72).astype(np.float32),
            "trans_world": path.astype(np.float32),
            "betas": np.zeros((len(turns), 10), np.float32),
            "verts": np.zeros((len(turns), 5, 3), np.float32),
            "frame_ids": np.asarray(frames),
        }
        for number, (turns, path, frames) in people.items()
    }


def phalp(people, num_frames):
    """Return what 4D-Humans saves: a table a frame; ``people`` maps numbers to (poses, frames)."""
    frames = {}
    for frame in range(num_frames):
        entry = {"time": frame, "tid": [], "smpl": [], "camera": []}
        for number, (turns, seen) in people.items():
            if frame in seen:
                turned = matrices(turns[list(seen).index(frame)])
                entry["tid"].append(number)
                entry["smpl"].append(
                    {"global_orient": turned[:1], "body_pose": turned[1:24], "betas": np.zeros(10, np.float32)}
                )
                entry["camera"].append(np.float32([0, 0, 20]))
        frames[f"outputs/img/{frame}.jpg"] = entry
    return frames


def mdm(joints, texts, lengths):
    """Return what MDM's generation script saves, of samples (N, T, 22, 3)."""
    return {
        "motion": np.asarray(joints).transpose(0, 2, 3, 1).astype(np.float32),
        "text": texts,
        "lengths": np.asarray(lengths),
        "num_samples": len(joints),
        "num_repetitions": 1,
    }


def save_object(path, content):
    """Save a table as ``numpy.save`` does."""
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
    return path


def save_pickle(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path
