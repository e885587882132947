"""SMPL and SMPL-X models of random numbers, in the formats of the official files."""

import pickle
import sys
import types
from pathlib import Path

import numpy as np
import scipy.sparse

from latentman.body.anny import read_body
from latentman.body.skeleton import PARENTS
from latentman.body.skinning import forward_kinematics, skin
from latentman.body.smpl_model import SMPLX_PARENTS
from latentman.system.paths import asset

SMPL_SIZE, SMPLX_SIZE = (6890, 24), (10475, 55)


def random_model(size: tuple[int, int] = SMPL_SIZE, *, betas: int = 10, seed: int = 0) -> dict[str, np.ndarray]:
    """Return the arrays of a model: vertices of the Anny body, everything else random, with weights on few joints."""
    rng = np.random.default_rng(seed)
    vertices, joints = size
    anny = read_body(asset("bodies", "anny_neutral.npz"))
    chosen = np.sort(rng.choice(len(anny.vertices), vertices, replace=False))
    v_template = anny.vertices[chosen]
    weights = np.zeros((vertices, joints))
    weights[:, :24] = anny.weights[chosen]
    if joints == 55:
        for hand, first in ((22, 25), (23, 40)):
            share = weights[:, hand].copy()
            weights[:, hand] = 0
            spread = rng.dirichlet(np.ones(15), vertices)
            weights[:, first : first + 15] = share[:, None] * spread
        weights[:, 22:25] = 0.1 * weights[:, [15]] * rng.dirichlet(np.ones(3), vertices)
        weights[:, 15] *= 0.9
    regressor = np.zeros((joints, vertices))
    for joint in range(joints):
        source = joint if joint < 22 else (22 if 25 <= joint < 40 else 23 if joint >= 40 else 15)
        near = np.argsort(
            np.linalg.norm(v_template - anny.joints[source if joint != 22 or joints == 24 else 15], axis=1)
        )
        regressor[joint, near[:8]] = rng.dirichlet(np.ones(8))
    if joints == 24:
        for hand in (22, 23):
            near = np.argsort(np.linalg.norm(v_template - anny.joints[hand], axis=1))
            regressor[hand] = 0
            regressor[hand, near[:8]] = 1 / 8
    tree = np.array(PARENTS if joints == 24 else SMPLX_PARENTS, dtype=np.int64)
    tree[0] = 4294967295
    return {
        "v_template": v_template,
        "shapedirs": rng.normal(0, 0.005, (vertices, 3, betas)),
        "posedirs": rng.normal(0, 0.002, (vertices, 3, 9 * (joints - 1))),
        "J_regressor": regressor,
        "weights": weights / weights.sum(1, keepdims=True),
        "f": faces_of(chosen, anny.faces, rng),
        "kintree_table": np.stack([tree, np.arange(joints)]),
    }


def faces_of(chosen: np.ndarray, faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the faces whose corners were all chosen, and additional random faces."""
    number = np.full(int(faces.max()) + 1, -1)
    number[chosen] = np.arange(len(chosen))
    kept = number[faces]
    kept = kept[(kept >= 0).all(1)]
    return np.concatenate([kept, rng.integers(0, len(chosen), (200, 3))])


def human_model() -> dict[str, np.ndarray]:
    """Return an SMPL model whose surface is the Anny body in the T-pose: a closed mesh with more vertices than SMPL.

    Its shape directions stretch the body along its axes, as random combinations.
    """
    anny, rng = read_body(asset("bodies", "anny_neutral.npz")), np.random.default_rng(1)
    rotations, joints = forward_kinematics(anny, np.tile(np.eye(3), (1, 24, 1, 1)), anny.joints[None, 0])
    surface = skin(anny, rotations, joints)[0]
    regressor = np.zeros((24, len(surface)))
    for joint in range(24):
        near = np.argsort(np.linalg.norm(surface - joints[0, joint], axis=1))[:200]
        # The smallest combination of nearby vertices that gives the joint.
        system = np.vstack([surface[near].T, np.ones(200)])
        regressor[joint, near] = np.linalg.pinv(system) @ np.append(joints[0, joint], 1.0)
    return {
        "v_template": surface,
        "shapedirs": 0.02 * surface[..., None] * rng.normal(size=(1, 3, 10)),
        "posedirs": np.zeros((len(surface), 3, 207)),
        "J_regressor": regressor,
        "weights": anny.weights,
        "f": anny.faces,
        "kintree_table": np.stack([[4294967295, *PARENTS[1:]], np.arange(24)]),
    }


def human_smplx_model() -> dict[str, np.ndarray]:
    """Return ``human_model`` with SMPL-X's 55 joints: jaw and eyes in the head, hands moved by the middle fingers."""
    human = human_model()
    source = [*range(22), 15, 15, 15, *[22] * 15, *[23] * 15]
    weights = np.zeros((len(human["weights"]), 55))
    weights[:, :22] = human["weights"][:, :22]
    weights[:, 15] /= 2
    weights[:, 22] = weights[:, 15]
    weights[:, 28], weights[:, 43] = human["weights"][:, 22], human["weights"][:, 23]
    return {
        **human,
        "posedirs": np.zeros((len(weights), 3, 486)),
        "J_regressor": human["J_regressor"][source],
        "weights": weights,
        "kintree_table": np.stack([[4294967295, *SMPLX_PARENTS[1:]], np.arange(55)]),
    }


def write_npz(path: Path, model: dict[str, np.ndarray]) -> Path:
    np.savez(path, **model)
    return path


def write_plain_pickle(path: Path, model: dict[str, np.ndarray]) -> Path:
    """Write a pickle without chumpy, as read by the smplx package."""
    path.write_bytes(pickle.dumps({**model, "bs_style": "lbs", "bs_type": "lrotmin"}, protocol=2))
    return path


def write_official_pickle(path: Path, model: dict[str, np.ndarray]) -> Path:
    """Write a pickle like the official ones: chumpy arrays, and a sparse regressor under SciPy's old name."""
    names = ("chumpy", "chumpy.ch", "chumpy.reordering", "scipy.sparse.csc")
    before = {name: sys.modules.get(name) for name in names}
    modules = {name: types.ModuleType(name) for name in names}

    def state_of(self: object) -> dict[str, object]:
        return self.__dict__

    ch = type("Ch", (), {"__module__": "chumpy.ch", "__getstate__": state_of})
    select = type("Select", (), {"__module__": "chumpy.reordering", "__getstate__": state_of})
    sparse = type("csc_matrix", (), {"__module__": "scipy.sparse.csc", "__getstate__": state_of})
    modules["chumpy.ch"].Ch = ch
    modules["chumpy.reordering"].Select = select
    modules["scipy.sparse.csc"].csc_matrix = sparse

    def made(kind: type, **state: object) -> object:
        new = object.__new__(kind)
        new.__dict__.update(state)
        return new

    regressor = scipy.sparse.csc_matrix(model["J_regressor"])
    shape = model["shapedirs"]
    content = {
        **model,
        "v_template": made(ch, x=model["v_template"]),
        "weights": made(ch, x=np.asfortranarray(model["weights"])),
        "shapedirs": made(
            select,
            a=made(ch, x=shape.ravel()[::-1].copy()),
            idxs=np.arange(shape.size)[::-1],
            preferred_shape=shape.shape,
        ),
        "J_regressor": made(
            sparse, data=regressor.data, indices=regressor.indices, indptr=regressor.indptr, _shape=regressor.shape
        ),
        "bs_style": "lbs",
    }
    try:
        sys.modules.update(modules)
        path.write_bytes(pickle.dumps(content, protocol=2))
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
    return path
