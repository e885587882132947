"""A skinned and animated glTF scene as a recording: the joints of one skin, moved by one animation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentman.errors import DataError, LatentManError
from latentman.motion.recorded.gltf_animation import Tracks, frame_times, positions, read_tracks
from latentman.motion.recorded.gltf_file import GltfFile, read_gltf
from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.rig_recording import rig_recording
from latentman.motion.recorded.skeleton_clip import SkeletonClip
from latentman.motion.recorded.tracks import choose_track

_MOST_NODES = 20_000


def gltf_recording(path: Path, rig: str, track: str | None) -> Recording:
    """Return the recording of a ``.gltf`` or ``.glb`` file.

    Args:
        path: the file.
        rig: "auto", a known rig's name, or a YAML file.
        track: which skin and animation, where there are several: a skin's name, an animation's, or "skin/animation".

    Raises:
        ConfigError: if the rig or the track is unknown, or there are several skins or animations and none is named.
        DataError: if the file is damaged, has no skin or no animation of it, or its rig is not recognised.
        MissingExtraError: if pygltflib is not installed.
    """
    file = read_gltf(path)
    try:
        return _recording(file, rig, track)
    except LatentManError:
        raise
    except Exception as error:  # numbers of the wrong kind anywhere in the file
        raise file.damaged(f"it is damaged ({type(error).__name__}: {error!s:.200}); export it again") from error


def _recording(file: GltfFile, rig: str, track: str | None) -> Recording:
    parents = _parents(file)
    takes = _takes(file, parents)
    number = choose_track(file.path, list(takes), track, what="skin and animation", otherwise=None)
    skin, tracks = list(takes.values())[number]
    joints = list(dict.fromkeys(skin.joints))
    order = _with_ancestors(joints, parents)
    place = {node: index for index, node in enumerate(order)}
    above = [place.get(parents[node], -1) for node in order]
    times, rate = frame_times(file, tracks)
    chosen = [index for index, node in enumerate(order) if node in set(joints)]
    clip = SkeletonClip(
        path=file.path,
        names=_names(file, [order[index] for index in chosen]),
        parents=_joint_parents(chosen, above),
        positions=positions(file, order, above, tracks, times)[:, chosen],
    )
    rest = positions(file, order, above, {}, times[:1])[0, chosen]
    return rig_recording(clip, rig, rate=rate, rest=rest)


def _parents(file: GltfFile) -> list[int]:
    """Return each node's parent, -1 for a root."""
    nodes = file.content.nodes or []
    if len(nodes) > _MOST_NODES:
        raise file.damaged(f"it has {len(nodes)} nodes, more than {_MOST_NODES}")
    parents = [-1] * len(nodes)
    for index, node in enumerate(nodes):
        for child in node.children or ():
            if not isinstance(child, int) or not 0 <= child < len(nodes) or parents[child] >= 0:
                raise file.damaged(f"node {child!s:.20} is not there, or has two parents; the file is damaged")
            parents[child] = index
    return parents


def _takes(file: GltfFile, parents: Sequence[int]) -> dict[str, tuple[Any, Tracks]]:
    """Return every skin with every animation that moves it, by the name that tells them apart."""
    skins, animations = file.content.skins or [], file.content.animations or []
    if not skins:
        raise file.damaged(
            "it has no skin, so there are no joints to follow: export the character with its armature and skin"
        )
    found = []
    for skin_number, skin in enumerate(skins):
        if not skin.joints or any(not isinstance(j, int) or not 0 <= j < len(parents) for j in skin.joints):
            raise file.damaged(f"skin {skin_number} has no joints, or names nodes that are not there")
        order = _with_ancestors(skin.joints, parents)
        for number, animation in enumerate(animations):
            tracks = read_tracks(file, animation, order)
            if tracks:
                name = skin.name or f"skin {skin_number}", animation.name or f"animation {number}"
                found.append((name, skin, tracks))
    if not found:
        raise file.damaged(f"none of its {len(animations)} animations moves a skin: export it with its animation")
    if len(skins) == 1:
        labels = [name[1] for name, *_ in found]
    else:
        labels = [name[0] if len(animations) == 1 else "/".join(name) for name, *_ in found]
    return {
        label if labels.count(label) == 1 else f"{label} ({number})": (skin, tracks)
        for number, (label, (_, skin, tracks)) in enumerate(zip(labels, found, strict=True))
    }


def _with_ancestors(joints: Sequence[int], parents: Sequence[int]) -> list[int]:
    """Return joints and all nodes above them, parents before their children.

    Raises:
        DataError: if a node is above itself.
    """
    order: dict[int, None] = {}
    for joint in joints:
        way: list[int] = []
        node = joint
        while node >= 0 and node not in order:
            way.append(node)
            if len(way) > len(parents):
                raise DataError(f"node {node} of the scene is above itself; the file is damaged")
            node = parents[node]
        order.update(dict.fromkeys(reversed(way)))
    return list(order)


def _joint_parents(chosen: Sequence[int], above: Sequence[int]) -> tuple[int, ...]:
    """Return for each joint the nearest joint above it, as an index among the joints; -1 for none."""
    place = {index: joint for joint, index in enumerate(chosen)}
    parents = []
    for index in chosen:
        parent = above[index]
        while parent >= 0 and parent not in place:
            parent = above[parent]
        parents.append(place.get(parent, -1))
    return tuple(parents)


def _names(file: GltfFile, nodes: Sequence[int]) -> tuple[str, ...]:
    """Return the nodes' names, each of its own."""
    names: dict[str, None] = {}
    for node in nodes:
        name = str(file.content.nodes[node].name or f"node {node}")
        names[name if name not in names else f"{name}#{node}"] = None
    return tuple(names)
