"""SMPL and SMPL-X bodies: skinned as the models define, and found where the configuration points."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from latentman.body.build import build
from latentman.body.charts import MIRROR_PART
from latentman.body.fit import fit_motion
from latentman.body.shape import find_betas
from latentman.body.skeleton import PARENTS
from latentman.body.skinning import place_joints, skin, with_betas
from latentman.body.smpl import make_body
from latentman.body.smpl_model import SMPLX_PARENTS, read_model
from latentman.config import BodyConfig
from latentman.engine.compose import compose
from latentman.errors import ConfigError, WeightsError
from latentman.motion.procedural.source import ProceduralSource
from latentman.pipeline.origins import body_origins, motion_origins
from latentman.types import Motion
from tests.factories.smpl_files import (
    SMPLX_SIZE,
    human_smplx_model,
    random_model,
    write_npz,
    write_official_pickle,
)


@pytest.mark.slow
@pytest.mark.parametrize(("directions", "shapes"), [(20, 10), (400, 300)])
def test_expressions_of_smplx_are_not_shape_parameters(tmp_path: Path, smplx, directions: int, shapes: int) -> None:
    shapedirs = np.zeros((len(smplx["v_template"]), 3, directions))
    model = read_model(write_npz(tmp_path / "a.npz", {**smplx, "shapedirs": shapedirs}))
    assert make_body(model, 300).shape_directions.shape[-1] == shapes


def slow_vertices(
    model: dict[str, np.ndarray], tree: tuple[int, ...], pose: np.ndarray, betas: np.ndarray
) -> np.ndarray:
    """Return the vertices of one pose (J, 3 axis-angle), with the pelvis at rest, by the formula of SMPL's paper."""
    shaped = model["v_template"] + model["shapedirs"][..., : len(betas)] @ betas
    joints = model["J_regressor"] @ shaped
    local = Rotation.from_rotvec(pose).as_matrix()
    corrected = shaped + model["posedirs"] @ (local[1:] - np.eye(3)).ravel()
    world = []
    for joint, parent in enumerate(tree):
        step = np.eye(4)
        step[:3, :3] = local[joint]
        step[:3, 3] = joints[joint] - (joints[parent] if parent >= 0 else 0)
        world.append(step if parent < 0 else world[parent] @ step)
    result = np.zeros_like(corrected)
    for vertex in range(len(corrected)):
        for joint in np.flatnonzero(model["weights"][vertex]):
            moved = world[joint][:3, :3] @ (corrected[vertex] - joints[joint]) + world[joint][:3, 3]
            result[vertex] += model["weights"][vertex, joint] * moved
    return result


def random_pose(seed: int, joints: int) -> np.ndarray:
    """Return a pose in which only joints 0 to 21 bend."""
    pose = np.zeros((joints, 3))
    pose[:22] = np.random.default_rng(seed).normal(0, 0.4, (22, 3))
    return pose


def skinned(model: dict[str, np.ndarray], tmp_path: Path, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Return our vertices for a pose of joints 0 to 21."""
    body = with_betas(make_body(read_model(write_npz(tmp_path / "model.npz", model))), betas)
    local = Rotation.from_rotvec(np.concatenate([pose[:22], np.zeros((2, 3))])).as_matrix()[None]
    rotations = local.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        rotations[:, joint] = rotations[:, parent] @ local[:, joint]
    return skin(body, rotations, place_joints(body, rotations, body.joints[None, 0]))[0]


@pytest.mark.parametrize(
    ("size", "tree"), [(None, PARENTS), pytest.param(SMPLX_SIZE, SMPLX_PARENTS, marks=pytest.mark.slow)]
)
def test_vertices_equal_the_explicit_formula(tmp_path: Path, size, tree: tuple[int, ...]) -> None:
    model = random_model() if size is None else random_model(size)
    pose, betas = random_pose(1, len(tree)), np.random.default_rng(2).normal(size=10)
    ours, slow = skinned(model, tmp_path, pose, betas), slow_vertices(model, tree, pose, betas)
    assert np.abs(ours - slow).max() < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["smpl", "smplx"])
@pytest.mark.filterwarnings("ignore")
def test_vertices_equal_the_smplx_package(tmp_path: Path, kind: str) -> None:
    package = pytest.importorskip("smplx")
    torch = pytest.importorskip("torch")
    model = random_model() if kind == "smpl" else random_model(SMPLX_SIZE, betas=20)
    data = {**model, "f": model["f"].astype(np.uint32)}
    options = {"num_betas": 10, "batch_size": 1, "dtype": torch.float64}
    if kind == "smpl":
        made = package.SMPL("", data_struct=package.utils.Struct(**data), **options)
    else:
        hands = {f"hands_{part}{side}": np.zeros((45, 45) if part == "components" else 45)
                 for part in ("components", "mean") for side in "lr"}  # fmt: skip
        landmarks = {"lmk_faces_idx": np.zeros(51, np.int64), "lmk_bary_coords": np.ones((51, 3)) / 3,
                     "dynamic_lmk_faces_idx": np.zeros((79, 17), np.int64),
                     "dynamic_lmk_bary_coords": np.ones((79, 17, 3)) / 3}  # fmt: skip
        file = write_npz(tmp_path / "SMPLX_NEUTRAL.npz", {**data, **hands, **landmarks})
        made = package.SMPLX(str(file), use_pca=False, flat_hand_mean=True, use_face_contour=False,
                             num_expression_coeffs=10, ext="npz", **options)  # fmt: skip
    for seed in range(3):
        pose, betas = random_pose(seed, 24), np.random.default_rng(seed).normal(size=10)
        body_joints = 23 if kind == "smpl" else 21
        flat = torch.from_numpy(pose[1 : body_joints + 1].reshape(1, -1))
        out = made(betas=torch.from_numpy(betas[None]), body_pose=flat, global_orient=torch.from_numpy(pose[None, 0]))
        assert np.abs(skinned(model, tmp_path, pose, betas) - out.vertices[0].detach().numpy()).max() < 1e-5


def test_the_body_follows_a_motion_and_has_every_part(human: Path) -> None:
    body = build(BodyConfig("smpl", model=str(human)))
    assert set(np.unique(body.part)) == set(range(1, 25))
    motion = Motion(ProceduralSource()("a person walks", num_frames=20, seed=0).joints, 20.0, "", "procedural")
    fitted = fit_motion(body, motion, BodyConfig("smpl"))
    shift = np.median((fitted.joints[:, :22] - motion.joints)[..., 1])
    assert np.linalg.norm(fitted.joints[:, :22] - motion.joints - [0, shift, 0], axis=-1).mean() < 0.005
    assert fitted.vertices[..., 1].min() == pytest.approx(0, abs=1e-6)


def test_charts_from_the_t_pose_equal_charts_from_the_a_pose(human: Path) -> None:
    anny, body = build(BodyConfig("anny")), build(BodyConfig("smpl", model=str(human)))
    assert (body.part == anny.part).mean() > 0.99
    counts = np.bincount(body.part, minlength=25)
    assert (counts == counts[list(MIRROR_PART)]).all()
    # Flat charts are discontinuous between their two sides.
    same = (body.part == anny.part) & ~np.isin(body.part, (3, 4, 5, 6))
    assert np.median(np.abs(body.corner_uv - anny.corner_uv)[same]) < 0.02


@pytest.mark.slow
def test_smplx_equals_the_smpl_body_with_fingers_jaw_and_eyes_merged(tmp_path: Path, human: Path) -> None:
    path = write_npz(tmp_path / "SMPLX_NEUTRAL.npz", human_smplx_model())
    smpl, smplx = build(BodyConfig("smpl", model=str(human))), build(BodyConfig("smplx", model=str(path)))
    for name in (
        "vertices",
        "joints",
        "weights",
        "offsets",
        "part",
        "corner_uv",
        "joint_directions",
        "pose_directions",
    ):
        np.testing.assert_allclose(getattr(smplx, name), getattr(smpl, name), atol=1e-12, err_msg=name)


def test_given_betas_are_used_unchanged(human: Path) -> None:
    motion = Motion(ProceduralSource()("a person stands", num_frames=5, seed=0).joints, 20.0, "", "procedural")
    cfg = BodyConfig("smpl", model=str(human), betas=[1.5, -1.0])
    body = build(cfg)
    fitted = fit_motion(body, motion, cfg)
    wanted = with_betas(body, np.array(cfg.betas))
    length = np.linalg.norm(fitted.joints[:, 4] - fitted.joints[:, 1], axis=-1)
    np.testing.assert_allclose(length, np.linalg.norm(wanted.offsets[4]), rtol=1e-4)


def test_the_shape_of_a_body_is_recovered_from_its_bones(human: Path) -> None:
    body = build(BodyConfig("smpl", model=str(human)))
    person = with_betas(body, np.array([2.0, -2.0, 2.0]))
    joints = place_joints(person, np.tile(np.eye(3), (3, 24, 1, 1)), np.zeros((3, 3)))[:, :22]
    found = with_betas(body, find_betas(body, joints))
    length, wanted = (np.linalg.norm(b.offsets[1:22], axis=1) for b in (found, person))
    assert np.abs(length - wanted).max() < 0.004
    assert np.abs(np.linalg.norm(body.offsets[1:22], axis=1) - wanted).max() > 0.01


@pytest.mark.slow
def test_a_shape_is_also_fitted_to_noisy_motion(human: Path) -> None:
    body = build(BodyConfig("smpl", model=str(human)))
    truth = ProceduralSource()("a person walks", num_frames=40, seed=0).joints
    noisy = truth + np.random.default_rng(0).normal(0, 0.005, truth.shape)
    fitted = fit_motion(body, Motion(noisy, 20.0, "", "mdm"), BodyConfig("smpl"))
    bones = np.linalg.norm(fitted.joints[:, 4] - fitted.joints[:, 1], axis=-1)
    assert np.ptp(bones) < 1e-4


def test_betas_are_refused_for_a_body_without_a_shape_space() -> None:
    motion = Motion(ProceduralSource()("a person stands", num_frames=3, seed=0).joints, 20.0, "", "procedural")
    cfg = BodyConfig("anny", betas=[1.0])
    with pytest.raises(ConfigError, match=r"body\.betas needs a body with a shape space"):
        fit_motion(build(cfg), motion, cfg)


@pytest.mark.parametrize("name", ["smpl", "smplx"])
def test_a_missing_model_is_named_with_its_folder_site_and_instructions(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError) as raised:
        build(BodyConfig(name, "female"), tmp_path)
    message = str(raised.value)
    for part in (
        f"{name.upper()}_FEMALE.npz", str(tmp_path / name), "paths.weights", "LATENTMAN_WEIGHTS", "tue.mpg.de",
        "assets import-smpl", "body.model", "motion sampling needs no SMPL", "body=anny needs no download",
    ):  # fmt: skip
        assert part in message


def test_the_other_kind_of_model_is_refused_with_the_right_body(tmp_path: Path, smplx) -> None:
    path = write_npz(tmp_path / "SMPL_NEUTRAL.npz", smplx)
    with pytest.raises(WeightsError, match=r"is an SMPL-X model: use body=smplx"):
        build(BodyConfig("smpl", model=str(path)))


def test_the_file_of_body_model_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"body\.model=mine\.pkl: there is no file .*mine\.pkl; .*import-smpl"):
        build(BodyConfig("smpl", model="mine.pkl"))
    with pytest.raises(WeightsError, match=r"there is none in .*folder \(body\.model=folder\)"):
        build(BodyConfig("smpl", model="folder"))


def test_the_official_names_are_found(tmp_path: Path, smpl: dict[str, np.ndarray]) -> None:
    (tmp_path / "smpl").mkdir()
    write_official_pickle(tmp_path / "smpl" / "basicModel_m_lbs_10_207_0_v1.0.0.pkl", smpl)
    assert build(BodyConfig("smpl", "male"), tmp_path).vertices.shape == (6890, 3)


@pytest.mark.slow
def test_body_and_clip_are_recomputed_if_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "SMPL_NEUTRAL.npz"
    np.save(tmp_path / "walk.npy", np.zeros((4, 22, 3)))
    command = ["body=smpl", f"body.model={path}", "motion=clip", f"motion.file={tmp_path / 'walk.npy'}"]
    with pytest.raises(WeightsError, match="there is no file"):
        body_origins(compose(command))
    path.write_bytes(b"one")
    before = body_origins(compose(command)), motion_origins(compose(command))
    assert before == (body_origins(compose(command)), motion_origins(compose(command)))
    path.write_bytes(b"two")
    assert body_origins(compose(command)) != before[0]
    assert motion_origins(compose(command)) != before[1]
    assert body_origins(compose([])) == {}
