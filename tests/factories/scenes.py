"""Clips of a scene without pictures, and its map computed ray by ray."""

import math

import numpy as np

from latentman.config import CameraConfig, SceneConfig
from latentman.render.camera import place_cameras
from latentman.render.scene import build_scene
from latentman.types import Camera, Conditions, Scene
from tests.factories.bodies import clip_of

SIDE = 32


def stroll(frames=4, step=0.25, fps=10.0):
    """A body of three points that moves to its left over the floor."""
    way = np.arange(frames)[:, None] * np.array([step, 0.0, 0.0]) + (0.0, 1.0, 0.0)
    points = np.array([[-0.4, -1.0, 0.2], [0.4, -1.0, -0.2], [0.0, 0.8, 0.0]])
    return clip_of(way[:, None] + points, way, fps=fps)


def seen(mask, cameras, scene):
    """Conditions that show nothing but a mask."""
    empty = np.zeros(mask.shape, np.float32)
    return Conditions(
        depth=empty, disparity=empty, iuv=np.zeros((*mask.shape, 3), np.uint8), mask=mask,
        face=np.full(mask.shape, -1, np.int32), bary=np.zeros((*mask.shape, 3), np.float32), cameras=tuple(cameras),
        scene=scene,
    )  # fmt: skip


def clip_in(name, *, drift=None, frames=4, side=SIDE, mask=None, **camera):
    """Conditions of a stroll in a scene, by default with a box that moves through the picture as its figure."""
    body = stroll(frames)
    view = {"yfov_deg": 47.0, "yaw_deg": 30.0, "pitch_deg": 12.0, "margin": 0.1} | camera
    cameras = place_cameras(body, CameraConfig(**view), side)
    config = SceneConfig(name) if drift is None else SceneConfig(name, drift=drift)
    if mask is None:
        mask = np.zeros((frames, side, side), bool)
        for i in range(frames):
            mask[i, side // 4 : 3 * side // 4, side // 4 + 2 * i : side // 2 + 2 * i] = True
    return seen(mask, cameras, build_scene(body, cameras, config))


def turned(camera, degrees, axis):
    """A camera at the same place that looks elsewhere."""
    angle, (x, y, z) = math.radians(degrees), np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return Camera(
        turn @ camera.rotation, turn @ camera.translation, camera.fx, camera.fy, camera.cx, camera.cy, camera.height,
        camera.width,
    )  # fmt: skip


def shoot(scene: Scene, camera, row, col):
    """The surface that one ray meets first, its depth, and the point; the direction for the sky."""
    direction = camera.rotation.T @ np.array(
        [(col + 0.5 - camera.cx) / camera.fx, (row + 0.5 - camera.cy) / camera.fy, 1.0]
    )
    eye = -camera.rotation.T @ camera.translation
    best = (math.inf, None)
    for index, (a, b, c, d) in enumerate(scene.planes):
        normal = np.array([a, b, c])
        speed = float(normal @ direction)
        if speed < -1e-9:
            best = min(best, (-(float(normal @ eye) + d) / speed, index))
    depth, surface = best
    return surface, depth, direction if surface is None else eye + depth * direction


def slow_source(conditions, i, row, col, j):
    """Where frame j has the point that pixel (row, col) of frame i shows behind the figures, or None.

    Checked by a second ray: what frame j sees in that direction must be the same point of the same surface.
    """
    scene, camera = conditions.scene, conditions.cameras[j]
    surface, _, point = shoot(scene, conditions.cameras[i], row, col)
    if surface is None:
        angle = math.radians((i - j) * scene.turn)
        x, y, z = point
        point = np.array([math.cos(angle) * x + math.sin(angle) * z, y, -math.sin(angle) * x + math.cos(angle) * z])
        looked = camera.rotation @ point
    else:
        point = point - (i - j) * scene.drift[surface]
        looked = camera.rotation @ point + camera.translation
    if looked[2] <= 0:
        return None
    there = (
        looked[1] / looked[2] * camera.fy + camera.cy - 0.5,
        looked[0] / looked[2] * camera.fx + camera.cx - 0.5,
    )
    met, depth, _ = shoot(scene, camera, *there)
    if met != surface or (surface is not None and abs(depth - looked[2]) > 1e-6 * looked[2]):
        return None
    return there


def slow_background(conditions, size, i, earlier, margin):
    """The map of one frame cell by cell: {target: (frame, position)}, and the cells that no earlier frame shows."""
    step = conditions.mask.shape[1] // size

    def is_open(frame, row, col):
        if not (0 <= row < size and 0 <= col < size):
            return False
        near = conditions.mask[
            frame,
            max(0, row - margin) * step : (row + margin + 1) * step,
            max(0, col - margin) * step : (col + margin + 1) * step,
        ]
        return not near.any()

    found, unseen = {}, []
    for row in range(size):
        for col in range(size):
            if not is_open(i, row, col):
                continue
            for j in earlier:
                place = slow_source(conditions, i, row * step, col * step, j)
                if place is None:
                    continue
                at = place[0] / step, place[1] / step
                if is_open(j, math.floor(at[0] + 0.5), math.floor(at[1] + 0.5)):
                    found[row, col] = (j, at)
                    break
            else:
                unseen.append((row, col))
    return found, unseen
