"""A file like DensePose's ``UV_Processed.mat``, for a mesh of any size."""

import numpy as np
import scipy.io


def atlas_of(faces, num_vertices, *, seed=0, lacking=2):
    """Return the arrays of a map of these faces (F, 3): random parts and places, seams with vertices of their own.

    The last ``lacking`` faces are left out; the corners of each face start at a random one.
    """
    rng = np.random.default_rng(seed)
    kept = faces[: len(faces) - lacking]
    part = rng.integers(1, 25, len(kept))
    turned = np.take_along_axis(kept, (np.arange(3) + rng.integers(0, 3, (len(kept), 1))) % 3, axis=1)
    keys = np.stack([turned, np.repeat(part[:, None], 3, axis=1)], axis=-1).reshape(-1, 2)
    unused = np.setdiff1d(np.arange(num_vertices), turned)
    keys = np.concatenate([keys, np.stack([unused, np.ones_like(unused)], axis=-1)])
    points, index = np.unique(keys, axis=0, return_inverse=True)
    uv = rng.random((len(points), 2))
    return {
        "All_vertices": (points[:, 0] + 1)[None].astype(np.float64),
        "All_Faces": (index.reshape(-1)[: turned.size].reshape(-1, 3) + 1).astype(np.float64),
        "All_FaceIndices": part[:, None].astype(np.uint8),
        "All_U_norm": uv[:, :1],
        "All_V_norm": uv[:, 1:],
        "All_U": uv[:, :1] * 90,
        "All_V": uv[:, 1:] * 90,
    }


def write_mat(path, arrays, **more):
    scipy.io.savemat(path, arrays, **more)
    return path
