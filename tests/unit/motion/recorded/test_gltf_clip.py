"""glTF and GLB files: the motion of their skin, and what is said of files with none, several, or buffers elsewhere."""

import contextlib
import json
import struct

import numpy as np
import pytest

from latentman.errors import ConfigError, DataError, LatentManError
from latentman.motion.recorded.bvh import read_bvh
from latentman.motion.recorded.door import Settings, admit, to_motion
from latentman.motion.recorded.gltf_file import buffer_files
from latentman.motion.recorded.readers import read
from tests.factories.gltf_files import BLENDER, Scene, scene
from tests.factories.skeleton_clips import person
from tests.unit.motion.bvh_files import MIXAMO, write_bvh

pytest.importorskip("pygltflib")


def z_up_centimetres(points):
    return 100 * np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


@pytest.fixture(scope="module")
def joints():
    return person("a person dances", 30)


@pytest.fixture(scope="module")
def bvh(joints, tmp_path_factory):
    return read_bvh(write_bvh(tmp_path_factory.mktemp("bvh") / "dance.bvh", joints, names=MIXAMO))


def motion(path, track=None, fps=20.0):
    return to_motion(admit(read(path, "auto", track), Settings()), fps, "").joints


@pytest.mark.parametrize("name", ["a.glb", "a.gltf"])
@pytest.mark.parametrize("interpolation", ["LINEAR", "STEP", "CUBICSPLINE"])
def test_the_motion_of_a_skin_is_that_of_the_bvh(tmp_path, bvh, name, interpolation):
    path = scene(bvh, interpolation=interpolation).save(tmp_path / name)
    recording = read(path)
    assert (recording.rig, recording.rate, recording.rigged) == ("mixamo", 20.0, True)
    np.testing.assert_allclose(motion(path), motion(bvh.path), atol=1e-5)


def test_the_node_above_the_skeleton_turns_and_scales_it(tmp_path, joints):
    bvh = read_bvh(write_bvh(tmp_path / "z.bvh", joints, names=MIXAMO, to_file=z_up_centimetres))
    recording = read(scene(bvh, armature=BLENDER).save(tmp_path / "a.glb"))
    np.testing.assert_allclose(recording.joints, joints, atol=1e-4)
    assert recording.rest.shape == (22, 3)


def test_a_buffer_next_to_the_file_is_read_and_part_of_what_the_motion_is_made_from(tmp_path, bvh):
    path = scene(bvh).save(tmp_path / "a.gltf", "my data.bin")
    np.testing.assert_allclose(motion(path), motion(bvh.path), atol=1e-5)
    assert buffer_files(path) == [tmp_path / "my data.bin"]
    assert buffer_files(tmp_path / "a.glb") == buffer_files(tmp_path / "none.gltf") == []


@pytest.mark.parametrize(
    "uri",
    ["../data.bin", "/etc/passwd", "file:///etc/passwd", "http://a.b/c.bin", "a/../../data.bin", "%2e%2e/data.bin"],
)
def test_a_buffer_outside_the_file_s_folder_is_refused(tmp_path, bvh, uri):
    (tmp_path / "data.bin").write_bytes(bytes(scene(bvh).data))
    (tmp_path / "in").mkdir()
    with pytest.raises(
        DataError, match=r"a\.gltf: it asks for the buffer .* outside its own folder, which is not read"
    ):
        read(scene(bvh).save(tmp_path / "in" / "a.gltf", uri))


def test_a_link_out_of_the_folder_is_outside_too(tmp_path, bvh):
    (tmp_path / "data.bin").write_bytes(bytes(scene(bvh).data))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data.bin").symlink_to(tmp_path / "data.bin")
    path = scene(bvh).save(tmp_path / "a.gltf", "data.bin").rename(tmp_path / "in" / "a.gltf")
    with pytest.raises(DataError, match="outside its own folder"):
        read(path)


def test_a_missing_buffer_is_named(tmp_path, bvh):
    path = scene(bvh).save(tmp_path / "a.gltf", "data.bin")
    (tmp_path / "data.bin").unlink()
    with pytest.raises(DataError, match=r"cannot read .*data\.bin: there is no such file; copy it next to"):
        read(path)


@pytest.mark.parametrize("steps", [[0.02, 0.08], [0.2, 0.3], [0.5, 0.5]])
def test_keys_that_are_uneven_or_few_are_sampled_at_30_a_second_or_more(tmp_path, bvh, steps):
    times = np.cumsum(np.r_[0, np.tile(steps, 15)[:29]])
    rate = max(30.0, round(1 / np.median(np.diff(times))))
    recording = read(scene(bvh, times=times).save(tmp_path / "a.glb"))
    assert recording.rate == rate
    assert len(recording.joints) == round(times[-1] * rate) + 1


def test_a_file_without_a_skin_is_refused(tmp_path, bvh):
    made = scene(bvh)
    made.content["skins"] = []
    with pytest.raises(DataError, match=r"a\.glb: it has no skin, so there are no joints to follow: export"):
        read(made.save(tmp_path / "a.glb"))


def test_a_file_without_an_animation_is_refused(tmp_path, bvh):
    made = scene(bvh)
    made.content["animations"] = []
    with pytest.raises(DataError, match="none of its 0 animations moves a skin"):
        read(made.save(tmp_path / "a.glb"))


def two(bvh, key, names):
    made = scene(bvh)
    made.content[key] = [{**made.content[key][0], "name": name} for name in names]
    return made


def test_of_several_skins_one_is_to_be_named(tmp_path, bvh):
    path = two(bvh, "skins", ["Anna", "Ben"]).save(tmp_path / "a.glb")
    with pytest.raises(ConfigError, match=r"holds 2 motions \(skin and animation\): Anna, Ben; choose one with motion"):
        read(path)
    np.testing.assert_array_equal(motion(path, "Ben"), motion(path, "1"))
    with pytest.raises(ConfigError, match=r"motion\.track=Bem: .* it has Anna, Ben; did you mean 'Ben'"):
        read(path, "auto", "Bem")


def test_of_several_animations_one_is_to_be_named(tmp_path, bvh):
    path = two(bvh, "animations", ["Walk", "Walk", "Run"]).save(tmp_path / "a.glb")
    with pytest.raises(ConfigError, match=r"Walk \(0\), Walk \(1\), Run; choose one with motion\.track=NAME"):
        read(path)
    assert motion(path, "Run").shape == motion(bvh.path).shape


def test_a_skeleton_of_unknown_names_is_found_by_its_shape(tmp_path, joints, caplog):
    names = {joint: f"bone{index}" for index, joint in enumerate(MIXAMO)}
    bvh = read_bvh(write_bvh(tmp_path / "a.bvh", joints, names=names))
    np.testing.assert_allclose(motion(scene(bvh).save(tmp_path / "a.glb")), motion(bvh.path), atol=1e-5)
    assert "found by the skeleton's shape" in caplog.text


def spoilt(made, change):
    change(made.content)
    return made


def set_in(*keys_and_value):
    *keys, value = keys_and_value

    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("asset", "version", "1.0"), "is glTF 1.0; export it as glTF 2.0"),
        (set_in("nodes", 1, "children", [99]), "node 99 is not there"),
        (set_in("nodes", 3, "children", [0]), "above itself|two parents|is not there"),
        (set_in("skins", 0, "joints", []), "skin 0 has no joints"),
        (set_in("skins", 0, "joints", ["x"]), "is damaged or not glTF"),
        (set_in("skins", 0, "joints", [10**9]), "names nodes that are not there"),
        (set_in("accessors", 0, "count", 10**12), "accessor 0 is outside its buffer"),
        (set_in("accessors", 0, "count", -1), "accessor 0 is outside its buffer"),
        (set_in("accessors", 0, "count", 1.5), "do not fit"),
        (set_in("accessors", 0, "componentType", 1), "it is damaged"),
        (set_in("accessors", 0, "bufferView", 10**6), "it has no bufferView 1000000"),
        (set_in("accessors", 0, "byteOffset", -8), "accessor 0 is outside its buffer"),
        (set_in("accessors", 0, "sparse", {"count": 1}), "accessor 0 is sparse|damaged"),
        (set_in("bufferViews", 0, "byteLength", 10**12), None),
        (set_in("bufferViews", 0, "buffer", 7), "it has no buffer 7"),
        (set_in("animations", 0, "channels", 0, "sampler", 999), "has no sampler 999"),
        (set_in("animations", 0, "samplers", 0, "interpolation", "WILD"), "do not fit"),
        (set_in("animations", 0, "samplers", 0, "output", 0), "do not fit"),
        (set_in("nodes", 1, "translation", [1, 2]), "node 1 has a transform of 2 numbers, 3 are needed"),
        (set_in("nodes", 0, "rotation", [0, 0, 0, 0]), "a rotation of node 0 is the quaternion 0"),
        (set_in("nodes", 0, "scale", ["a", 1, 1]), "is damaged or not glTF"),
        (set_in("nodes", 0, "translation", [1e308, 1e308, 1e308]), None),
    ],
)  # fmt: skip
def test_a_damaged_scene_says_what_is_wrong(tmp_path, bvh, change, message):
    path = spoilt(scene(bvh), change).save(tmp_path / "bad.gltf")
    if message is None:
        with contextlib.suppress(LatentManError):
            read(path)
        return
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert "bad.gltf" in str(caught.value) or "scene" in str(caught.value)


@pytest.mark.parametrize("times", [[0.0] * 30, np.arange(30)[::-1] / 20, [np.nan] * 30, np.arange(30) * 1e6])
def test_keys_at_impossible_times_are_refused(tmp_path, bvh, times):
    with pytest.raises(DataError, match=r"bad\.glb: (keys of .* times do not increase|its animation spans)"):
        read(scene(bvh, times=np.asarray(times, dtype=float)).save(tmp_path / "bad.glb"))


@pytest.mark.parametrize(
    "content",
    [b"", b"glTF", b"glTF" + bytes(8), b"glTF\x02\0\0\0\xff\xff\xff\x7f" + bytes(20), b"{}", b"[]", b"\xff\xfe",
     b"[" * 100_000,
     struct.pack("<4sII", b"glTF", 2, 20) + struct.pack("<I4s", 10**9, b"JSON"), json.dumps({"asset": 3}).encode()],
)  # fmt: skip
@pytest.mark.parametrize("name", ["bad.glb", "bad.gltf"])
def test_what_is_not_gltf_is_an_error_that_names_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.gl"):
        read(tmp_path / name)


def test_normalised_integers_are_numbers_from_minus_1_to_1(tmp_path):
    from latentman.motion.recorded.gltf_file import read_gltf

    made = Scene()
    made.data += struct.pack("<4h", -32768, -32767, 0, 32767)
    made.content["bufferViews"].append({"buffer": 0, "byteOffset": 0, "byteLength": 8})
    made.content["accessors"].append(
        {"bufferView": 0, "componentType": 5122, "normalized": True, "count": 1, "type": "VEC4"}
    )
    assert read_gltf(made.save(tmp_path / "a.glb")).numbers(0).tolist() == [[-1, -1, 0, 1]]


def test_without_its_package_the_extra_is_named(tmp_path, monkeypatch):
    from latentman.errors import MissingExtraError

    monkeypatch.setitem(__import__("sys").modules, "pygltflib", None)
    (tmp_path / "a.glb").write_bytes(b"glTF")
    with pytest.raises(MissingExtraError, match=r"pip install 'latentman\[gltf\]'"):
        read(tmp_path / "a.glb")
