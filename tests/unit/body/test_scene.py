"""Several characters in one scene: their positions, and joining their meshes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.body.scene import join, place_beside
from latentman.errors import DataError
from latentman.types import NUM_PARTS, BodySequence


def somebody(seed, frames=3, vertices=7, faces=5):
    rng = np.random.default_rng(seed)
    return BodySequence(
        vertices=rng.normal(0, 2, (frames, vertices, 3)).astype(np.float32),
        faces=rng.integers(0, vertices, (faces, 3)),
        joints=rng.normal(0, 2, (frames, 24, 3)).astype(np.float32),
        part=rng.integers(1, NUM_PARTS + 1, faces).astype(np.uint8),
        corner_uv=rng.random((faces, 3, 2)).astype(np.float32),
        fps=10.0,
    )


@given(seed=st.integers(0, 10**6), x=st.floats(-5, 5), z=st.floats(-5, 5), facing=st.floats(-360, 360))
def test_a_companion_starts_at_its_offset_and_keeps_its_shape_and_heights(seed, x, z, facing):
    first, one = somebody(seed), somebody(seed + 1)
    placed = place_beside(one, first, offset=(x, z), facing=facing)
    begins = placed.joints[0, 0] - first.joints[0, 0]
    np.testing.assert_allclose(begins[[0, 2]], (x, z), atol=1e-5)
    np.testing.assert_allclose(placed.vertices[..., 1], one.vertices[..., 1], atol=1e-6)
    before, after = (
        np.linalg.norm(s.vertices[:, :, None] - s.joints[0, 0].astype(float), axis=-1) for s in (one, placed)
    )
    np.testing.assert_allclose(after, before, atol=1e-5)
    assert placed.vertices.dtype == np.float32


@pytest.mark.parametrize(
    ("facing", "way"), [(0, (0, 0, 1)), (90, (1, 0, 0)), (180, (0, 0, -1)), (-90, (-1, 0, 0)), (45, (0.5**0.5,) * 2)]
)
def test_facing_turns_forward_motion_to_the_left(facing, way):
    way = way if len(way) == 3 else (way[0], 0, way[1])
    forward = somebody(3)
    forward.joints[:, 0] = np.arange(3)[:, None] * np.array([0, 0, 1.0]) + 4
    placed = place_beside(forward, somebody(4), offset=(1.0, 2.0), facing=facing)
    np.testing.assert_allclose(np.diff(placed.joints[:, 0], axis=0), [way] * 2, atol=1e-6)


def test_joined_characters_keep_their_faces_and_have_separate_parts():
    everybody = [somebody(seed, vertices=5 + seed, faces=4 + seed) for seed in range(10)]
    scene = join(everybody)
    face = 0
    for k, one in enumerate(everybody):
        for own, (part, uv) in enumerate(zip(one.part, one.corner_uv, strict=True)):
            np.testing.assert_array_equal(scene.vertices[:, scene.faces[face]], one.vertices[:, one.faces[own]])
            np.testing.assert_array_equal(scene.corner_uv[face], uv)
            assert scene.part[face] == int(part) + 24 * k
            face += 1
    assert face == len(scene.faces)
    assert scene.part.max() <= 240
    assert scene.part.dtype == np.uint8
    np.testing.assert_array_equal(scene.joints, everybody[0].joints)


def test_a_single_character_is_the_scene_itself():
    one = somebody(1)
    assert join([one]) is one


@pytest.mark.parametrize("everybody", [[], [somebody(0)] * 11, [somebody(0), somebody(1, frames=4)]])
def test_no_characters_too_many_and_unequal_lengths_are_refused(everybody):
    with pytest.raises(DataError, match="cannot join"):
        join(everybody)
