"""The builds of the Anny body: each axis changes what it names, and mesh and joints change together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentman.body import builds
from latentman.body.build import build
from latentman.body.builds import AXES, with_builds
from latentman.body.mesh import close_holes
from latentman.body.skinning import Body, with_betas
from latentman.config import BodyConfig
from latentman.errors import WeightsError
from latentman.system.paths import asset
from latentman.types import Array

STORED = 12552
"""Vertices of the file; those that close holes come after them."""


@pytest.fixture(scope="module")
def plain() -> Body:
    return build(BodyConfig("anny"))


@pytest.fixture(scope="module")
def body(plain: Body) -> Body:
    return with_builds(plain)


def changed(body: Body, axis: str, amount: float) -> Body:
    return with_betas(body, amount * np.eye(len(AXES))[AXES.index(axis)])


def waist(body: Body) -> Array:
    """Return width and depth in metres of the trunk above the pelvis."""
    level = np.abs(body.vertices[:, 1] - body.joints[3, 1]) < 0.02
    trunk = body.vertices[level & (np.abs(body.vertices[:, 0]) < 0.3)]
    return np.asarray(np.ptp(trunk, axis=0)[[0, 2]])


def narrowness(body: Body) -> float:
    """Return minus the distance of the shoulders in metres."""
    return float(body.joints[17, 0] - body.joints[16, 0])


def test_without_amounts_the_body_is_the_shipped_one(plain: Body, body: Body) -> None:
    same = with_betas(body, np.zeros(len(AXES)))
    for name in ("vertices", "joints", "offsets", "weights", "faces", "stretch"):
        assert np.array_equal(getattr(same, name), getattr(plain, name)), name


@pytest.mark.parametrize(
    ("axis", "measure", "least"),
    [
        ("height", lambda body: np.ptp(body.vertices[:, 1]), 0.1),
        ("weight", lambda body: waist(body)[0], 0.03),
        ("muscle", lambda body: -waist(body)[1], 0.005),
        ("proportions", narrowness, 0.05),
    ],
)
def test_an_axis_changes_what_it_names(body: Body, axis: str, measure, least: float) -> None:  # type: ignore[no-untyped-def]
    less, more = (measure(changed(body, axis, amount)) for amount in (-1.0, 1.0))
    assert more - less > least
    assert less < measure(body) < more


@pytest.mark.parametrize("axis", AXES)
def test_both_sides_change_alike(body: Body, axis: str) -> None:
    vertices = changed(body, axis, 1.0).vertices
    assert abs(vertices[:, 0].max() + vertices[:, 0].min()) < 2e-3


@pytest.mark.parametrize("axis", AXES)
def test_joints_move_with_the_mesh_around_them(body: Body, axis: str) -> None:
    """The reference is the mean displacement of the vertices that a limb's joint shares with the bone before it."""
    index, parents = AXES.index(axis), {4: 1, 5: 2, 7: 4, 8: 5, 18: 16, 19: 17, 20: 18, 21: 19}
    assert body.shape_directions is not None
    assert body.joint_directions is not None
    for joint, parent in parents.items():
        shared = body.weights[:, joint] * body.weights[:, parent]
        expected = (shared / shared.sum()) @ body.shape_directions[..., index]
        assert np.linalg.norm(body.joint_directions[joint, :, index] - expected) < 0.015, joint


def test_what_closes_a_hole_stays_in_its_middle(body: Body) -> None:
    """The reference closes the holes of the changed mesh."""
    assert len(body.vertices) > STORED
    chosen = with_betas(body, np.array([0.7, -0.4, 0.9, -0.8]))
    old = body.faces[(body.faces < STORED).all(1)]
    vertices, _, _ = close_holes(chosen.vertices[:STORED], old, body.weights[:STORED])
    np.testing.assert_allclose(chosen.vertices, vertices, atol=1e-9)


def test_a_damaged_file_is_refused(plain: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*parts: str) -> Path:
        return tmp_path / parts[-1]

    monkeypatch.setattr(builds, "asset", other)
    with pytest.raises(WeightsError, match=r"no builds at .*anny_builds\.npz: reinstall latentman"):
        with_builds(plain)
    with np.load(asset("bodies", "anny_builds.npz")) as data:
        arrays = {name: data[name] for name in ("v_build", "j_build")}
    np.savez(tmp_path / "anny_builds.npz", v_build=arrays["v_build"])
    with pytest.raises(WeightsError, match=r"anny_builds\.npz.*it lacks j_build.*reinstall latentman"):
        with_builds(plain)
    long = np.concatenate([arrays["v_build"]] * 2, axis=1)
    np.savez(tmp_path / "anny_builds.npz", v_build=long, j_build=arrays["j_build"])
    with pytest.raises(WeightsError, match=r"they hold 25104 vertices, and the body has 12555"):
        with_builds(plain)
