"""Drawing the planned pictures: a figure in a place, with the depth for a ControlNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentman.body.build import build
from latentman.config import BodyConfig, DepthConfig
from latentman.render.camera import frame_clip, to_camera
from latentman.render.depth import encode_depth
from latentman.render.fragments import Fragments, Rasterizer
from latentman.render.rasterize import TorchRasterizer
from latentman.train.scenes.bodies import Bodies, draw_build
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.figure import paint
from latentman.train.scenes.flaws import FLAWS
from latentman.train.scenes.noise import Noise
from latentman.train.scenes.palette import COLOURS
from latentman.train.scenes.places import PLACES
from latentman.train.scenes.poses import PoseBank
from latentman.train.scenes.scene import ScenePlan, Scenes
from latentman.train.scenes.shadow import contact_shadow
from latentman.train.scenes.surface import find_surface
from latentman.train.scenes.view import View
from latentman.types import Camera

YFOV_DEG = 47.0
"""The angle of view of ``setup=mini``."""

SUPERSAMPLING = 2
"""Samples of the figure along each side of a pixel."""

_POSE_SEED = 7
_LOWEST_EYE = 0.3
"""Metres; from a lower camera the floor is a line."""


@dataclass(frozen=True)
class _Placed:
    """One figure and its camera: ``vertices`` (V, 3) in world metres, ``points`` (V, 3) in camera axes, float64."""

    plan: ScenePlan
    rng: np.random.Generator
    camera: Camera
    vertices: Tensor
    points: Tensor


@dataclass(frozen=True)
class Studio:
    """Everything needed to draw pictures of ``size`` x ``size`` pixels, on one device."""

    size: int
    device: torch.device
    bodies: Bodies
    poses: PoseBank
    noise: Noise
    rasterizer: Rasterizer

    @classmethod
    def build(cls, device: torch.device | str, size: int, recorded: Path | None = None) -> Studio:
        """Load the bodies and collect the poses, in a few seconds.

        Args:
            device: the torch device to draw on.
            size: pixels along each side.
            recorded: a folder of motions made by ``latentman train prepare-bvh``, whose poses are also used.

        Raises:
            WeightsError: if a body is missing or damaged.
            DataError: if the folder cannot be used.
        """
        bodies = Bodies.load(device)
        poses = PoseBank.make(build(BodyConfig("anny", "neutral")), _POSE_SEED, recorded)
        return cls(size, torch.device(device), bodies, poses, Noise.make(device), TorchRasterizer())

    @torch.no_grad()
    def draw(self, plans: Sequence[ScenePlan]) -> Scenes:
        """Return the pictures of the plans; a picture does not depend on the others."""
        placed = [self._place(plan) for plan in plans]
        points = torch.stack([p.points for p in placed])
        camera = placed[0].camera
        # All cameras have the same lens, so that one call draws every figure from its own camera.
        seen = self.rasterizer(points, self.bodies.faces, camera)
        fine = self.rasterizer(points, self.bodies.faces, _finer(camera, SUPERSAMPLING))
        images = [self._picture(figure, fine, index) for index, figure in enumerate(placed)]
        return Scenes(
            plans=tuple(plans),
            images=torch.stack(images),
            depth=torch.stack([self._depth(p, seen.depth[i]) for i, p in enumerate(placed)]),
            mask=seen.face >= 0,
            **labels(plans, self.device),
        )

    def _place(self, plan: ScenePlan) -> _Placed:
        """Choose a pose and a build, and place a camera in front of the figure."""
        rng = np.random.default_rng(plan.seed)
        pose = self.poses.draw(rng)
        vertices = pose.vertices(self.bodies.figure(draw_build(rng)))
        camera = _draw_camera(vertices.cpu().numpy(), self.size, rng)
        points = to_camera(vertices.cpu().numpy(), camera)
        return _Placed(plan, rng, camera, vertices, torch.from_numpy(points).to(self.device))

    def _picture(self, figure: _Placed, fine: Fragments, index: int) -> Tensor:
        """Return the picture (3, H, W) uint8 of one figure in its place."""
        plan, rng = figure.plan, figure.rng
        view, place = View.of(figure.camera, self.device), PLACES[plan.place]
        backdrop = place.backdrop(view, self.noise, rng)
        if place.floor:
            backdrop = backdrop * contact_shadow(view, figure.vertices)[..., None]
        colour, coverage = self._figure(figure, fine.face[index], fine.bary[index])
        image = (backdrop * (1 - coverage) + colour).permute(2, 0, 1)
        if plan.flaw is not None:
            image = FLAWS[plan.flaw](image, rng)
        return (image.clamp(0, 1) * 255).round().to(torch.uint8)

    def _figure(self, figure: _Placed, face: Tensor, bary: Tensor) -> tuple[Tensor, Tensor]:
        """Return the figure's colour (H, W, 3), times its coverage, and the coverage (H, W, 1)."""
        plan, rng = figure.plan, figure.rng
        look = CHARACTERS[plan.character].look(rng, plan.colour, plan.second_colour)
        there = face >= 0
        surface = find_surface(self.bodies, figure.points.float(), face[there], bary[there])
        light = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-1.0, -0.4), rng.uniform(-1.0, -0.5)])
        towards = torch.tensor(light / np.linalg.norm(light), dtype=torch.float32, device=self.device)
        tint = torch.tensor(PLACES[plan.place].light, device=self.device)
        canvas = torch.zeros((*face.shape, 4), device=self.device)
        canvas[there] = torch.cat(
            [
                (paint(look, surface, towards, self.noise) * tint).clamp(0, 1),
                torch.ones_like(surface.points[:, :1]),
            ],
            dim=-1,
        )
        s = SUPERSAMPLING
        mixed = canvas.reshape(self.size, s, self.size, s, 4).mean((1, 3))
        return mixed[..., :3], mixed[..., 3:]

    def _depth(self, figure: _Placed, metres: Tensor) -> Tensor:
        """Return the depth ControlNet's input, (H, W) uint8, with the picture's own range and jittered greys.

        The order of random draws is part of the world: these two use a separate stream.
        """
        rng = np.random.default_rng([figure.plan.seed, 1])
        config = replace(MINI_DEPTH, low=float(rng.uniform(0.15, 0.4)), high=float(rng.uniform(0.85, 1.0)))
        pelvis = np.array([to_camera(np.array([0.0, 0.9, 0.0]), figure.camera)[2]])
        grey = encode_depth(metres[None].cpu().numpy(), config, pelvis)[0]
        return torch.from_numpy((grey * 255).round().astype(np.uint8)).to(self.device)


MINI_DEPTH = DepthConfig(encoding="inverse", range="clip", low=0.3, high=0.9, fixed=None)
"""The encoding of ``setup=mini``."""


def labels(plans: Sequence[ScenePlan], device: torch.device | str) -> dict[str, Tensor]:
    """Return the labels ``character``, ``colour`` and ``place`` of plans, each (N,) int64."""
    characters, colours, places = list(CHARACTERS), list(COLOURS), list(PLACES)
    rows = [
        (characters.index(p.character), -1 if p.colour is None else colours.index(p.colour), places.index(p.place))
        for p in plans
    ]
    table = torch.tensor(rows, dtype=torch.int64, device=device).reshape(-1, 3)
    return {"character": table[:, 0], "colour": table[:, 1], "place": table[:, 2]}


def _draw_camera(vertices: np.ndarray, size: int, rng: np.random.Generator) -> Camera:
    """Return a camera that frames a figure with a small offset: mostly from the front, with the figure inside."""
    yaw = rng.normal(0, 35) if rng.random() < 0.75 else rng.uniform(-180, 180)
    margin = rng.uniform(0.06, 0.24)
    camera = frame_clip(
        vertices, size=size, yfov_deg=YFOV_DEG, yaw_deg=yaw, pitch_deg=rng.uniform(0, 10), margin=margin
    )
    reach = 2 * camera.translation[2] * np.tan(np.radians(YFOV_DEG) / 2)
    shift = np.array([rng.uniform(-1.4, 1.4), rng.uniform(-0.7, 0.7), 0.0]) * margin * reach
    moved = replace(camera, translation=camera.translation + shift)
    eye = -moved.rotation.T @ moved.translation
    if eye[1] >= _LOWEST_EYE:
        return moved
    raised = eye + np.array([0.0, _LOWEST_EYE - eye[1], 0.0])
    return replace(moved, translation=-moved.rotation @ raised)


def _finer(camera: Camera, factor: int) -> Camera:
    """Return the same camera with ``factor`` times as many pixels along each side."""
    return Camera(
        camera.rotation,
        camera.translation,
        camera.fx * factor,
        camera.fy * factor,
        camera.cx * factor,
        camera.cy * factor,
        camera.height * factor,
        camera.width * factor,
    )
