"""PyTorch3D's rasteriser behind our protocol: the same pictures where it is installed, a clear message where not."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentman.body.build import build
from latentman.body.skinning import forward_kinematics, skin
from latentman.config import BodyConfig
from latentman.errors import MissingExtraError
from latentman.motion.rotations import from_axis_angle
from latentman.render.camera import frame_clip, to_camera
from latentman.render.fragments import NEAR
from latentman.render.pytorch3d_rasterizer import PyTorch3DRasterizer, _to_ndc
from latentman.render.rasterize import TorchRasterizer, get_rasterizer
from latentman.types import Camera

MISSING = importlib.util.find_spec("pytorch3d") is None
needs_pytorch3d = pytest.mark.skipif(MISSING, reason="PyTorch3D is not installed: it has no wheel on the index")


@pytest.fixture(scope="module")
def figure():
    """Return camera-space vertices (1, V, 3), faces and the camera of a random pose; PyTorch3D is slow on a CPU."""
    body = build(BodyConfig("anny", "female"))
    pose = np.random.default_rng(3).normal(0, 0.35, (1, 24, 3))
    vertices = skin(body, *forward_kinematics(body, from_axis_angle(pose), np.zeros((1, 3))))
    camera = frame_clip(vertices, size=96, yfov_deg=47, yaw_deg=20, pitch_deg=4, margin=0.02)
    return torch.from_numpy(to_camera(vertices, camera)), torch.from_numpy(body.faces), camera


@pytest.mark.skipif(not MISSING, reason="PyTorch3D is installed")
def test_without_pytorch3d_the_message_says_how_to_get_it():
    with pytest.raises(MissingExtraError, match=r"renderer=pytorch3d.*no wheel.*(\n.*)*pip install.*(\n.*)*renderer=t"):
        get_rasterizer("pytorch3d")


def test_pixel_centres_and_axes_are_those_of_normalised_device_coordinates():
    camera = Camera(np.eye(3), np.zeros(3), 50.0, 60.0, 20.0, 10.0, 24, 40)
    # The centres of the first and the last pixel, and the middle of the picture, at 2 m.
    pixels = np.array([(0.5, 0.5), (39.5, 23.5), (20.0, 12.0)])
    points = np.stack([(pixels[:, 0] - 20) * 2 / 50, (pixels[:, 1] - 10) * 2 / 60, np.full(3, 2.0)], axis=-1)
    found = _to_ndc(torch.from_numpy(points), camera).numpy()
    # PyTorch3D: pixel i of n, counted from +side to -side, has its centre at side * (1 - (2 i + 1) / n).
    side = 40 / 24
    first, last = (side * (1 - 1 / 40), 1 - 1 / 24), (side * (1 - 79 / 40), 1 - 47 / 24)
    assert np.allclose(found, [(*first, 2), (*last, 2), (0, 0, 2)])


@pytest.mark.pytorch3d
@needs_pytorch3d
@pytest.mark.parametrize("shape", [(96, 96), (72, 96), (96, 60)])
def test_masks_and_depths_equal_ours(figure, shape):
    vertices, faces, camera = figure
    camera = replace(camera, height=shape[0], width=shape[1], cx=camera.cx - 8, cy=camera.cy - 4)
    ours, theirs = (draw(vertices, faces, camera) for draw in (TorchRasterizer(), PyTorch3DRasterizer()))
    mine, other = ours.face >= 0, theirs.face >= 0
    both = mine & other
    assert both.float().mean() > 0.03
    assert (mine != other).float().mean() <= 1e-3
    assert (ours.depth - theirs.depth)[both].abs().max() <= 1e-4
    same = both & (ours.face == theirs.face)
    assert same.sum() > 0.99 * both.sum()
    assert (ours.bary - theirs.bary)[same].abs().median() < 1e-3
    assert (theirs.bary[both].sum(-1) - 1).abs().max() < 1e-4
    assert (theirs.depth[~other] == 0).all()
    assert (theirs.bary[~other] == 0).all()


@pytest.mark.pytorch3d
@needs_pytorch3d
def test_faces_at_the_camera_are_left_out_as_ours_leaves_them_out(figure):
    vertices, faces, camera = figure
    near = vertices[:1] - torch.tensor([0, 0, float(vertices[0, :, 2].median())])
    ours, theirs = (draw(near, faces, camera) for draw in (TorchRasterizer(), PyTorch3DRasterizer()))
    assert ((ours.face >= 0) != (theirs.face >= 0)).float().mean() <= 1e-3
    assert (theirs.depth[theirs.face >= 0] > NEAR).all()
    behind = near - torch.tensor([0, 0, 10.0])
    assert (PyTorch3DRasterizer()(behind, faces, camera).face == -1).all()
