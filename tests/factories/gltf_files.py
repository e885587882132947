"""glTF files of a moving skeleton, written from a BVH file without any glTF library."""

import base64
import json
import struct

import numpy as np

from latentman.motion.recorded.bvh import _rotation

HALF = np.sqrt(0.5)
BLENDER = {"name": "Armature", "rotation": [-HALF, 0, 0, HALF], "scale": [0.01, 0.01, 0.01]}
"""The node above the joints in files of Mixamo's that went through Blender: Z up and centimetres below it."""


class Scene:
    """A glTF document to which numbers are added."""

    def __init__(self):
        self.data = bytearray()
        self.content = {
            "asset": {"version": "2.0"}, "nodes": [], "skins": [], "animations": [], "accessors": [], "bufferViews": [],
        }  # fmt: skip

    def numbers(self, array, kind):
        array = np.ascontiguousarray(array, dtype="<f4")
        self.data += bytes(-len(self.data) % 4)
        self.content["bufferViews"].append({"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes})
        self.content["accessors"].append(
            {"bufferView": len(self.content["accessors"]), "componentType": 5126, "count": len(array), "type": kind}
        )
        self.data += array.tobytes()
        return len(self.content["accessors"]) - 1

    def save(self, path, uri=None):
        """Write it as .glb, or as .gltf with its numbers inside, or in the file ``uri`` next to it."""
        content = {key: value for key, value in self.content.items() if value}
        content["buffers"] = [{"byteLength": len(self.data)}]
        if path.suffix == ".glb":
            text = json.dumps(content).encode()
            text += b" " * (-len(text) % 4)
            binary = bytes(self.data) + bytes(-len(self.data) % 4)
            head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(binary))
            body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
            path.write_bytes(head + body)
            return path
        if uri is None:
            uri = "data:application/octet-stream;base64," + base64.b64encode(bytes(self.data)).decode()
        elif "/" not in uri:
            (path.parent / uri).write_bytes(bytes(self.data))
        content["buffers"][0]["uri"] = uri
        path.write_text(json.dumps(content))
        return path


def local_rotations(bvh):
    """Return the rotation (T, 3, 3) of every joint of a BVH file in its parent's frame."""
    turns, column = [], 0
    for channels in bvh.channels:
        turns.append(_rotation(channels, bvh.values[:, column : column + len(channels)]))
        column += len(channels)
    return turns


def scene(bvh, *, armature=None, interpolation="LINEAR", times=None, animation="Walk", skin="Body", scale=1.0):
    """Return the scene of a BVH file's skeleton and motion; ``armature`` is a node above its root."""
    from scipy.spatial.transform import Rotation

    made = Scene()
    nodes = made.content["nodes"]
    nodes.append(dict(armature or {"name": "Scene"}))
    times = np.arange(len(bvh.values)) / bvh.fps if times is None else times
    clock = made.numbers(times[:, None], "SCALAR")
    samplers, channels = [], []

    def track(node, name, values, kind):
        if interpolation == "CUBICSPLINE":
            still = np.zeros_like(values)
            values = np.stack([still, values, still], axis=1).reshape(-1, values.shape[-1])
        samplers.append({"input": clock, "output": made.numbers(values, kind), "interpolation": interpolation})
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": name}})

    joints = []
    for joint, turns in enumerate(local_rotations(bvh)):
        index, parent = len(nodes), bvh.parents[joint]
        nodes.append({"name": bvh.names[joint], "translation": (bvh.offsets[joint] * scale).tolist()})
        nodes[0 if parent < 0 else joints[parent]].setdefault("children", []).append(index)
        joints.append(index)
        if not bvh.channels[joint]:
            continue
        quats = Rotation.from_matrix(turns).as_quat()
        flips = np.cumprod(np.where((quats[1:] * quats[:-1]).sum(-1) < 0, -1.0, 1.0))
        track(index, "rotation", np.concatenate([quats[:1], quats[1:] * flips[:, None]]), "VEC4")
        if parent < 0:
            track(index, "translation", bvh.values[:, :3] * scale, "VEC3")
    made.content["skins"].append({"name": skin, "joints": joints})
    made.content["animations"].append({"name": animation, "samplers": samplers, "channels": channels})
    return made
