"""SMPL and SMPL-X: files read without executing them, and bodies skinned as the models say."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from scipy.spatial.transform import Rotation

from latentman.assets.__main__ import main as assets
from latentman.body.build import build
from latentman.body.charts import MIRROR_PART
from latentman.body.fit import fit_motion
from latentman.body.shape import find_betas
from latentman.body.skeleton import PARENTS
from latentman.body.skinning import place_joints, skin, with_betas
from latentman.body.smpl import make_body
from latentman.body.smpl_file import read_pickle
from latentman.body.smpl_model import SMPLX_PARENTS, read_model
from latentman.config import BodyConfig
from latentman.engine.compose import compose
from latentman.errors import ConfigError, RecordError, WeightsError
from latentman.motion.procedural.source import ProceduralSource
from latentman.pipeline.origins import body_origins, motion_origins
from latentman.types import Motion
from tests.unit.body.smpl_files import (
    SMPLX_SIZE,
    human_model,
    human_smplx_model,
    random_model,
    write_npz,
    write_official_pickle,
    write_plain_pickle,
)

ARRAYS = {"v_template": "v_template", "shapedirs": "shapedirs", "posedirs": "posedirs", "weights": "weights"}


@pytest.fixture(scope="module")
def smpl() -> dict[str, np.ndarray]:
    return random_model()


@pytest.fixture(scope="module")
def smplx() -> dict[str, np.ndarray]:
    return random_model(SMPLX_SIZE)


@pytest.fixture(scope="module")
def human(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_npz(tmp_path_factory.mktemp("human") / "SMPL_NEUTRAL.npz", human_model())


@pytest.mark.parametrize("write", [write_official_pickle, write_plain_pickle])
def test_a_pickle_holds_the_same_model_as_plain_arrays(tmp_path: Path, smpl: dict[str, np.ndarray], write) -> None:
    model = read_model(write(tmp_path / "SMPL_NEUTRAL.pkl", smpl))
    for field, name in ARRAYS.items():
        np.testing.assert_allclose(getattr(model, field), smpl[name], atol=1e-12)
    np.testing.assert_allclose(model.regressor, smpl["J_regressor"], atol=1e-12)
    np.testing.assert_array_equal(model.faces, smpl["f"])
    assert model.kind == "SMPL"


def test_300_betas_and_smplx_are_read(tmp_path: Path, smplx: dict[str, np.ndarray]) -> None:
    many = read_model(write_npz(tmp_path / "a.npz", random_model(betas=300)))
    assert many.shapedirs.shape == (6890, 3, 300)
    assert make_body(many).shape_directions.shape == (6890, 3, 10)
    assert make_body(many, 40).shape_directions.shape == (6890, 3, 40)
    assert read_model(write_npz(tmp_path / "b.npz", smplx)).kind == "SMPL-X"


@pytest.mark.parametrize(("directions", "shapes"), [(20, 10), (400, 300)])
def test_expressions_of_smplx_are_no_shapes(tmp_path: Path, smplx, directions: int, shapes: int) -> None:
    shapedirs = np.zeros((len(smplx["v_template"]), 3, directions))
    model = read_model(write_npz(tmp_path / "a.npz", {**smplx, "shapedirs": shapedirs}))
    assert make_body(model, 300).shape_directions.shape[-1] == shapes


class Hostile:
    """What runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.target}",)


def test_a_file_that_wants_to_run_something_is_refused_by_name_and_runs_nothing(tmp_path: Path) -> None:
    path, target = tmp_path / "SMPL_NEUTRAL.pkl", tmp_path / "pwned"
    path.write_bytes(pickle.dumps({"v_template": Hostile(target)}, protocol=2))
    with pytest.raises(WeightsError, match=r"refused: it names (posix|nt)\.system.*Nothing of it was run"):
        read_model(path)
    assert not target.exists()


@pytest.mark.parametrize(
    "name", ["builtins.eval", "builtins.getattr", "numpy.load", "subprocess.Popen", "os.path.join"]
)
def test_other_names_are_refused_too(tmp_path: Path, name: str) -> None:
    module, _, attribute = name.rpartition(".")
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(f"c{module}\n{attribute}\n(S'x'\ntR.".encode())
    with pytest.raises(WeightsError, match=f"refused: it names {name}"):
        read_model(path)


@pytest.mark.parametrize("keep", [0, 10, 100_000])
def test_a_truncated_pickle_is_refused(tmp_path: Path, smpl: dict[str, np.ndarray], keep: int) -> None:
    path = write_official_pickle(tmp_path / "SMPL_NEUTRAL.pkl", smpl)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="is damaged or not a pickle"):
        read_model(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"v_template": np.zeros((6889, 3))}, r"v_template has shape \(6889, 3\), \(6890, 3\) is needed"),
        ({"weights": np.zeros((6890, 23))}, r"weights has shape \(6890, 23\)"),
        ({"posedirs": np.zeros((6890, 3, 9))}, r"posedirs has shape .* \(6890, 3, 207\) is needed"),
        ({"shapedirs": np.full((6890, 3, 10), np.nan)}, "shapedirs holds values that are not finite"),
        ({"f": np.full((4, 3), 6890)}, "f names vertices that do not exist"),
        ({"weights": np.full((6890, 24), 0.5)}, "weights are no shares of the joints"),
        ({"kintree_table": np.zeros((2, 24), int)}, "kintree_table is another tree of joints"),
        ({"kintree_table": np.stack([PARENTS, [0] * 24])}, "kintree_table is another tree of joints"),
        ({"kintree_table": np.zeros((2, 24))}, "kintree_table holds float64, which are no indices"),
        ({"f": np.zeros((0, 3), int)}, r"f has shape \(0, 3\), \(any, 3\) is needed"),
        ({"v_template": np.full((6890, 3), "x")}, "v_template holds <U1, which are no numbers"),
        ({"J_regressor": np.full((24, 6890), 0.01)}, "J_regressor puts joints outside the body"),
        ({"posedirs": None}, "it lacks posedirs"),
    ],
)
def test_arrays_that_make_no_model_are_refused(
    tmp_path: Path, smpl: dict[str, np.ndarray], changes: dict[str, np.ndarray | None], message: str
) -> None:
    model = {key: value for key, value in {**smpl, **changes}.items() if value is not None}
    with pytest.raises(WeightsError, match=message):
        read_model(write_npz(tmp_path / "SMPL_NEUTRAL.npz", model))


def test_a_lone_array_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "lone.npy", np.zeros(3))
    (tmp_path / "lone.npy").rename(tmp_path / "lone.npz")
    with pytest.raises(WeightsError, match="cannot read the SMPL model"):
        read_model(tmp_path / "lone.npz")
    with pytest.raises(WeightsError, match=r"there is no SMPL model .*absent\.npz"):
        read_model(tmp_path / "absent.npz")
    with pytest.raises(WeightsError, match=r"cannot read the SMPL model .*absent\.pkl"):
        read_model(tmp_path / "absent.pkl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"\x80\x02Nr\xff\xff\xff\x7f.",
            "holds a NoneType instead of a table of arrays",
        ),  # a memo of two thousand million
        (b"\x80\x05\x96" + b"\xff" * 6 + b"\x00\x00.", "is damaged or not a pickle"),  # an array of 280 TB
        (b"\x80\x02\x82\x01.", "is damaged or not a pickle"),  # a registered extension
        (b"\x80\x05\x97.", "is damaged or not a pickle"),  # a buffer from outside
        (b"\x80\x02U\x01xQ.", "is damaged or not a pickle"),  # an object from outside
        (b"\x80\x02]X\x01\x00\x00\x00ab.", "is damaged or not a pickle"),  # a list with a state
        (b"\x80\x02cnumpy\nndarray\n}b.", "is damaged or not a pickle"),  # a class with a state
        (b"\x80\x02]\x94.", "holds a list instead of a table of arrays"),
        (b"not a pickle", "is damaged or not a pickle"),
    ],
)
def test_pickles_made_to_do_harm_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_model(path)


def test_an_entry_that_is_no_array_is_named(tmp_path: Path, smpl: dict[str, np.ndarray]) -> None:
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    for entry in ("text", {"a": 1}, np.array([1, "x"], dtype=object)):
        write_plain_pickle(path, {**smpl, "weights": entry})
        with pytest.raises(WeightsError, match="is damaged: weights is not an array of numbers"):
            read_model(path)
    regressor = scipy.sparse.csc_matrix((np.ones(1), ([0], [0])), shape=(2**20, 2**20))
    write_plain_pickle(path, {**smpl, "J_regressor": regressor})
    with pytest.raises(WeightsError, match=r"J_regressor is not an array of numbers .*a matrix of 1048576 x 1048576"):
        read_model(path)
    write_plain_pickle(path, {name: smpl[name] for name in smpl if name != "posedirs"})
    with pytest.raises(WeightsError, match="lacks the array posedirs"):
        read_model(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("sparse", [scipy.sparse.csc_matrix, scipy.sparse.csr_matrix])
def test_every_protocol_and_both_sparse_forms_are_read(tmp_path: Path, protocol: int, sparse: type) -> None:
    dense = np.random.default_rng(0).integers(0, 3, (5, 7)) / 2
    content = {
        "sparse": sparse(dense), "big": dense.astype(">f8"), "fortran": np.asfortranarray(dense),
        "single": dense.astype(np.float32), "scalar": np.float64(1.5), "number": 2, "list": [[1, 2], [3, 4]],
        "indices": np.arange(6, dtype=np.uint32).reshape(2, 3),
    }  # fmt: skip
    path = tmp_path / "arrays.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    found = read_pickle(path, content)
    for name, value in content.items():
        expected = dense if name == "sparse" else np.array(value)
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_what_only_python_2_writes_is_read(tmp_path: Path) -> None:
    """Python 2 keeps an array's bytes as a string; old classes are made by copy_reg; other objects lie beside them."""
    numbers = np.array([1.5, -2.25e10, 3e-300])
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x03\x85cnumpy\ndtype\n"
        b"U\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x18\x00\x00\x00"
        + numbers.tobytes()
        + b"tb"
    )
    chumpy = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR}(U\x01x" + array
    chumpy += b"U\x0b_dirty_varsc__builtin__\nset\n]\x85Rub"
    path = tmp_path / "arrays.pkl"
    path.write_bytes(b"\x80\x02}(U\x05plain" + array + b"U\x06chumpy" + chumpy + b"u.")
    for found in read_pickle(path, ["plain", "chumpy"]).values():
        np.testing.assert_array_equal(found, numbers)


def test_an_npz_with_pickled_objects_is_refused(tmp_path: Path, smpl: dict[str, np.ndarray]) -> None:
    path = tmp_path / "SMPL_NEUTRAL.npz"
    np.savez(path, **{**smpl, "f": np.array([object()])}, allow_pickle=True)
    with pytest.raises(WeightsError, match="cannot read the SMPL model"):
        read_model(path)


# ---- skinning ----


def slow_vertices(
    model: dict[str, np.ndarray], tree: tuple[int, ...], pose: np.ndarray, betas: np.ndarray
) -> np.ndarray:
    """Return the vertices of one pose (J, 3 axis-angle), the pelvis at its rest, as SMPL's paper writes them."""
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
    """Return a pose in which only the joints 0 to 21 bend."""
    pose = np.zeros((joints, 3))
    pose[:22] = np.random.default_rng(seed).normal(0, 0.4, (22, 3))
    return pose


def skinned(model: dict[str, np.ndarray], tmp_path: Path, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Return our vertices for a pose of the joints 0 to 21."""
    body = with_betas(make_body(read_model(write_npz(tmp_path / "model.npz", model))), betas)
    local = Rotation.from_rotvec(np.concatenate([pose[:22], np.zeros((2, 3))])).as_matrix()[None]
    rotations = local.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        rotations[:, joint] = rotations[:, parent] @ local[:, joint]
    return skin(body, rotations, place_joints(body, rotations, body.joints[None, 0]))[0]


@pytest.mark.parametrize(("size", "tree"), [(None, PARENTS), (SMPLX_SIZE, SMPLX_PARENTS)])
def test_vertices_are_those_of_the_formula_written_out(tmp_path: Path, size, tree: tuple[int, ...]) -> None:
    model = random_model() if size is None else random_model(size)
    pose, betas = random_pose(1, len(tree)), np.random.default_rng(2).normal(size=10)
    ours, slow = skinned(model, tmp_path, pose, betas), slow_vertices(model, tree, pose, betas)
    assert np.abs(ours - slow).max() < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["smpl", "smplx"])
@pytest.mark.filterwarnings("ignore")
def test_vertices_are_those_of_the_smplx_package(tmp_path: Path, kind: str) -> None:
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


def test_the_body_follows_a_motion_and_every_part_is_there(human: Path) -> None:
    body = build(BodyConfig("smpl", model=str(human)))
    assert set(np.unique(body.part)) == set(range(1, 25))
    motion = Motion(ProceduralSource()("a person walks", num_frames=20, seed=0).joints, 20.0, "", "procedural")
    fitted = fit_motion(body, motion, BodyConfig("smpl"))
    shift = np.median((fitted.joints[:, :22] - motion.joints)[..., 1])
    assert np.linalg.norm(fitted.joints[:, :22] - motion.joints - [0, shift, 0], axis=-1).mean() < 0.005
    assert fitted.vertices[..., 1].min() == pytest.approx(0, abs=1e-6)


def test_charts_of_a_t_pose_are_those_of_the_body_in_its_a_pose(human: Path) -> None:
    anny, body = build(BodyConfig("anny")), build(BodyConfig("smpl", model=str(human)))
    assert (body.part == anny.part).mean() > 0.99
    counts = np.bincount(body.part, minlength=25)
    assert (counts == counts[list(MIRROR_PART)]).all()
    same = (body.part == anny.part) & ~np.isin(body.part, (3, 4, 5, 6))  # flat charts jump between their two sides
    assert np.median(np.abs(body.corner_uv - anny.corner_uv)[same]) < 0.02


def test_smplx_is_the_smpl_body_with_fingers_jaw_and_eyes_folded_in(tmp_path: Path, human: Path) -> None:
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


def test_given_betas_are_used_as_they_are(human: Path) -> None:
    motion = Motion(ProceduralSource()("a person stands", num_frames=5, seed=0).joints, 20.0, "", "procedural")
    cfg = BodyConfig("smpl", model=str(human), betas=[1.5, -1.0])
    body = build(cfg)
    fitted = fit_motion(body, motion, cfg)
    wanted = with_betas(body, np.array(cfg.betas))
    length = np.linalg.norm(fitted.joints[:, 4] - fitted.joints[:, 1], axis=-1)
    np.testing.assert_allclose(length, np.linalg.norm(wanted.offsets[4]), rtol=1e-4)


def test_the_shape_of_a_body_is_found_again_from_its_bones(human: Path) -> None:
    body = build(BodyConfig("smpl", model=str(human)))
    person = with_betas(body, np.array([2.0, -2.0, 2.0]))
    joints = place_joints(person, np.tile(np.eye(3), (3, 24, 1, 1)), np.zeros((3, 3)))[:, :22]
    found = with_betas(body, find_betas(body, joints))
    length, wanted = (np.linalg.norm(b.offsets[1:22], axis=1) for b in (found, person))
    assert np.abs(length - wanted).max() < 0.004
    assert np.abs(np.linalg.norm(body.offsets[1:22], axis=1) - wanted).max() > 0.01


def test_a_shape_is_searched_in_noise_as_well(human: Path) -> None:
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


# ---- where it lies ----


@pytest.mark.parametrize("name", ["smpl", "smplx"])
def test_a_missing_model_is_named_with_place_site_and_way(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError) as raised:
        build(BodyConfig(name, "female"), tmp_path)
    message = str(raised.value)
    for part in (
        f"{name.upper()}_FEMALE.npz", str(tmp_path / name), "paths.weights", "LATENTMAN_WEIGHTS", "tue.mpg.de",
        "assets import-smpl", "body.model", "motion sampling needs no SMPL", "body=anny needs no download",
    ):  # fmt: skip
        assert part in message


def test_the_other_kind_of_model_is_refused_with_the_body_that_takes_it(tmp_path: Path, smplx) -> None:
    path = write_npz(tmp_path / "SMPL_NEUTRAL.npz", smplx)
    with pytest.raises(WeightsError, match=r"is an SMPL-X model: use body=smplx"):
        build(BodyConfig("smpl", model=str(path)))


def test_a_file_that_body_model_names_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"body\.model=mine\.pkl: there is no file .*mine\.pkl; .*import-smpl"):
        build(BodyConfig("smpl", model="mine.pkl"))
    with pytest.raises(WeightsError, match=r"there is none in .*folder \(body\.model=folder\)"):
        build(BodyConfig("smpl", model="folder"))


def test_the_official_names_are_found(tmp_path: Path, smpl: dict[str, np.ndarray]) -> None:
    (tmp_path / "smpl").mkdir()
    write_official_pickle(tmp_path / "smpl" / "basicModel_m_lbs_10_207_0_v1.0.0.pkl", smpl)
    assert build(BodyConfig("smpl", "male"), tmp_path).vertices.shape == (6890, 3)


def test_body_and_clip_are_made_anew_when_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "SMPL_NEUTRAL.npz"
    command = ["body=smpl", f"body.model={path}", "motion=clip"]
    with pytest.raises(WeightsError, match="there is no file"):
        body_origins(compose(command))
    path.write_bytes(b"one")
    before = body_origins(compose(command)), motion_origins(compose(command))
    assert before == (body_origins(compose(command)), motion_origins(compose(command)))
    path.write_bytes(b"two")
    assert body_origins(compose(command)) != before[0]
    assert motion_origins(compose(command)) != before[1]
    assert body_origins(compose([])) is None


# ---- the import ----


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENTMAN_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def test_an_official_file_is_imported_once(
    tmp_path: Path, weights: Path, smpl: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_official_pickle(tmp_path / "basicmodel_f_lbs_10_207_0_v1.1.0.pkl", smpl)
    assert assets(["import-smpl", str(source)]) == 0
    out = capsys.readouterr().out
    target = weights / "smpl" / "SMPL_FEMALE.npz"
    assert str(target) in out
    assert "6890 vertices, 24 joints" in out
    assert "may not be passed on" in out
    np.testing.assert_allclose(read_model(target).v_template, smpl["v_template"], atol=1e-6)
    assert build(BodyConfig("smpl", "female")).joints.shape == (24, 3)
    with pytest.raises(RecordError, match=r"is there already: --force replaces it"):
        assets(["import-smpl", str(source)])
    assert assets(["import-smpl", str(source), "--force"]) == 0
    assert "smpl.is.tue.mpg.de" in out
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"cannot write .*file/out\.npz: .*; name an OUT where you may write"):
        assets(["import-smpl", str(source), str(tmp_path / "file" / "out.npz")])


def test_the_gender_must_be_told_when_the_name_does_not(tmp_path: Path, weights: Path, smplx) -> None:
    source = write_npz(tmp_path / "model.npz", smplx)
    with pytest.raises(ConfigError, match="tells no gender: add --gender"):
        assets(["import-smpl", str(source)])
    assert assets(["import-smpl", str(source), "--gender", "male"]) == 0
    assert (weights / "smplx" / "SMPLX_MALE.npz").is_file()
    with pytest.raises(ConfigError, match=r"must end in \.npz"):
        assets(["import-smpl", str(source), "out.pkl"])
    with pytest.raises(ConfigError, match="invalid choice"):
        assets(["import-smpl", str(source), "--gender", "x"])
