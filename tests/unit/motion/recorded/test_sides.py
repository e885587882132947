"""Left and right: what feet and knees show of them, and what the option does."""

import numpy as np
import pytest

from latentman.errors import DataError
from latentman.motion.humanml3d import MIRROR, mirror
from latentman.motion.recorded.bvh_clip import read_bvh_clip
from latentman.motion.recorded.settle import settle
from latentman.motion.recorded.sides import mirrored, observe
from tests.factories.motion_clips import person, read_clip
from tests.unit.motion.bvh_files import write_bvh

FLIP = np.array([-1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "text", ["a person walks", "a person runs", "a person squats", "a person stands", "a person kicks"]
)
def test_left_handed_axes_and_exchanged_names_are_noticed(text):
    joints = person(text)
    assert not observe(joints).exchanged
    assert observe(joints * FLIP).exchanged
    assert observe(joints[:, list(MIRROR)]).exchanged
    assert not observe(mirror(joints)).exchanged


def test_feet_that_point_backwards_on_legs_that_bend_forwards_are_something_else(tmp_path, caplog):
    joints = person("a person squats").copy()
    for ankle, toe in ((7, 10), (8, 11)):
        joints[:, toe] = 2 * joints[:, ankle] - joints[:, toe]
    sides = observe(joints)
    assert sides.feet_disagree
    assert not sides.exchanged
    np.savez(tmp_path / "feet.npz", joints=joints, fps=20)
    read_clip(tmp_path / "feet.npz")
    assert "the feet are mapped to the wrong joints" in caplog.text


def test_each_choice_does_what_it_says(tmp_path):
    joints = person("a person waves")
    np.savez(tmp_path / "wave.npz", joints=joints, fps=20)
    expected = {"none": joints, "image": mirror(joints)}
    for how, wanted in expected.items():
        np.testing.assert_allclose(read_clip(tmp_path / "wave.npz", mirror=how).joints, settle(wanted), atol=1e-9)
    np.savez(tmp_path / "flipped.npz", joints=joints * FLIP, fps=20)
    np.savez(tmp_path / "exchanged.npz", joints=joints[:, list(MIRROR)], fps=20)
    for name, how in (("flipped", "axes"), ("exchanged", "sides"), ("flipped", "auto")):
        np.testing.assert_allclose(read_clip(tmp_path / f"{name}.npz", mirror=how).joints, settle(joints), atol=1e-9)


def test_twice_the_mirror_is_as_before():
    joints = person()
    for how in ("none", "axes", "sides", "image"):
        np.testing.assert_array_equal(mirrored(mirrored(joints, how), how), joints)


def test_a_training_set_refuses_exchanged_sides(tmp_path):
    path = write_bvh(tmp_path / "walk.bvh", person())
    names = path.read_text()
    path.write_text(names.replace("left_", "LEFT_").replace("right_", "left_").replace("LEFT_", "right_"))
    with pytest.raises(DataError, match=r"walk\.bvh: the toes point backwards, so left and right are exchanged"):
        read_bvh_clip(path)
    with pytest.raises(DataError, match="axes are left-handed"):
        read_bvh_clip(write_bvh(tmp_path / "flipped.bvh", person() * FLIP))
