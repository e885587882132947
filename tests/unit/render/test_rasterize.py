import numpy as np
import pytest
import torch

from latentman.body.build import build
from latentman.body.skinning import forward_kinematics, skin
from latentman.config import BodyConfig
from latentman.errors import ConfigError
from latentman.motion.rotations import from_axis_angle
from latentman.render.camera import frame_clip, look_at, project, to_camera
from latentman.render.fragments import NEAR
from latentman.render.rasterize import TorchRasterizer, get_rasterizer

SIZE = 48


@pytest.fixture(scope="module")
def figure():
    """Return camera-space vertices (2, V, 3), faces and the camera of two random poses."""
    body = build(BodyConfig("anny", "female"))
    pose = np.random.default_rng(3).normal(0, 0.35, (2, 24, 3))
    vertices = skin(body, *forward_kinematics(body, from_axis_angle(pose), np.zeros((2, 3))))
    camera = frame_clip(vertices, size=SIZE, yfov_deg=47, yaw_deg=20, pitch_deg=4, margin=0.02)
    return torch.from_numpy(to_camera(vertices, camera)), torch.from_numpy(body.faces), camera


def draw_by_brute_force(vertices, faces, camera):
    """Test every face at every pixel of its bounding box, one after the other; return face and depth."""
    corners, depths = project(vertices, camera)[faces], vertices[faces][..., 2]
    nearest = np.full((camera.height, camera.width), np.inf)
    owner = np.full((camera.height, camera.width), -1)
    for face, ((x, y), z) in enumerate(zip(corners.transpose(0, 2, 1), depths, strict=True)):
        area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
        if area == 0 or z.min() <= NEAR:
            continue
        for row in range(max(0, int(y.min()) - 1), min(camera.height, int(y.max()) + 2)):
            for column in range(max(0, int(x.min()) - 1), min(camera.width, int(x.max()) + 2)):
                u, v = column + 0.5, row + 0.5
                second = ((u - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (v - y[0])) / area
                third = ((x[1] - x[0]) * (v - y[0]) - (u - x[0]) * (y[1] - y[0])) / area
                first = 1 - second - third
                if min(first, second, third) < 0:
                    continue
                depth = 1 / (first / z[0] + second / z[1] + third / z[2])
                if depth < nearest[row, column]:
                    nearest[row, column], owner[row, column] = depth, face
    return owner, np.where(np.isfinite(nearest), nearest, 0)


def test_faces_and_depths_equal_a_brute_force_search(figure):
    vertices, faces, camera = figure
    drawn = TorchRasterizer(cull_back=False)(vertices[:1], faces, camera)
    face, depth = draw_by_brute_force(vertices[0].numpy(), faces.numpy(), camera)
    assert ((drawn.face[0].numpy() >= 0) == (face >= 0)).all()
    assert (drawn.face[0].numpy() == face).all()
    assert np.abs(drawn.depth[0].numpy() - depth).max() < 1e-6
    assert (face >= 0).sum() > 200


def test_culling_faces_seen_from_behind_changes_nothing_on_a_closed_body(figure):
    vertices, faces, camera = figure
    all_faces, front_faces = (TorchRasterizer(cull_back=cull)(vertices, faces, camera) for cull in (False, True))
    assert torch.equal(all_faces.face, front_faces.face)


def test_barycentric_coordinates_give_the_point_of_the_face_that_the_pixel_sees(figure):
    vertices, faces, camera = figure
    drawn = get_rasterizer("torch")(vertices, faces, camera)
    for frame in range(2):
        row, column = (drawn.face[frame] >= 0).nonzero(as_tuple=True)
        corners = vertices[frame][faces[drawn.face[frame, row, column]]]
        points = (corners * drawn.bary[frame, row, column, :, None]).sum(1)
        pixels = project(points.numpy(), camera)
        assert np.abs(pixels - np.stack([column + 0.5, row + 0.5], -1)).max() < 1e-3
        assert (points[:, 2] - drawn.depth[frame, row, column]).abs().max() < 1e-5
        assert (drawn.bary[frame, row, column].sum(-1) - 1).abs().max() < 1e-6
        assert drawn.bary.min() >= 0


def test_barycentric_coordinates_are_perspective_correct_on_a_steep_face():
    """Halfway between two corners in the picture is nearer to the near corner in the world: 1/z is linear."""
    camera = look_at(np.zeros(3), distance=0.0, size=2, yfov_deg=90, yaw_deg=0, pitch_deg=0)
    vertices = torch.tensor([[[-4.0, -4, 4], [1.0, -1, 1], [-4.0, 4, 4], [1.0, 1, 1]]], dtype=torch.float64)
    drawn = TorchRasterizer(cull_back=False)(vertices, torch.tensor([[0, 1, 2], [1, 3, 2]]), camera)
    # Column centres are at -0.5 and 0.5: 1/z = 0.25 + 0.75 * (0.25, 0.75).
    assert torch.allclose(drawn.depth[0, 0], torch.tensor([1 / 0.4375, 1 / 0.8125]))


@pytest.mark.slow
def test_splitting_the_work_into_chunks_changes_nothing(figure):
    vertices, faces, camera = figure
    whole = TorchRasterizer()(vertices, faces, camera)
    for limit in (1, 50, 1000):
        pieces = TorchRasterizer(max_candidates=limit)(vertices, faces, camera)
        assert torch.equal(whole.face, pieces.face)
        assert torch.equal(whole.depth, pieces.depth)
        assert torch.equal(whole.bary, pieces.bary)


def test_pictures_drawn_together_equal_those_drawn_one_by_one(figure):
    vertices, faces, camera = figure
    # The second figure is shifted half out of the picture, where pixels of a neighbour would show first.
    vertices = torch.cat([vertices, vertices + torch.tensor([0.3, 0.9, 0.0]), vertices[:1]])
    whole = TorchRasterizer()(vertices, faces, camera)
    for limit in (1, 2 * len(faces)):
        pieces = TorchRasterizer(max_faces=limit)(vertices, faces, camera)
        assert torch.equal(whole.face, pieces.face)
        assert torch.equal(whole.depth, pieces.depth)
        assert torch.equal(whole.bary, pieces.bary)
    assert torch.equal(whole.face[0], whole.face[4])
    assert (whole.face >= 0).flatten(1).any(1).all()


def test_an_empty_batch_gives_no_pictures(figure):
    vertices, faces, camera = figure
    drawn = TorchRasterizer()(vertices[:0], faces, camera)
    assert drawn.face.shape == drawn.depth.shape == (0, SIZE, SIZE)


def test_a_second_drawing_is_bit_identical(figure):
    vertices, faces, camera = figure
    first, second = (TorchRasterizer()(vertices, faces, camera) for _ in range(2))
    assert torch.equal(first.face, second.face)
    assert torch.equal(first.depth, second.depth)
    assert torch.equal(first.bary, second.bary)


def test_faces_at_the_same_depth_are_decided_by_their_order():
    camera = look_at(np.zeros(3), distance=0.0, size=4, yfov_deg=90, yaw_deg=0, pitch_deg=0)
    triangle = torch.tensor([[[-9.0, -9, 2], [-9.0, 9, 2], [9.0, -9, 2]]], dtype=torch.float64)
    faces = torch.tensor([[0, 1, 2]] * 3)
    drawn = TorchRasterizer()(triangle, faces, camera)
    assert (drawn.face[drawn.face >= 0] == 0).all()
    assert (drawn.face >= 0).any()


def test_a_face_wider_than_the_picture_fills_it():
    camera = look_at(np.zeros(3), distance=0.0, size=8, yfov_deg=60, yaw_deg=0, pitch_deg=0)
    triangle = torch.tensor([[[-1e4, -1e4, 2], [0.0, 3e4, 2], [1e4, -1e4, 2]]], dtype=torch.float64)
    drawn = TorchRasterizer()(triangle, torch.tensor([[0, 1, 2]]), camera)
    assert (drawn.face == 0).all()
    assert torch.allclose(drawn.depth, torch.tensor(2.0))


@pytest.mark.parametrize("shift", [(0.0, 0, -20), (0.0, 0, -3), (50.0, 0, 0), (0.0, -50, 0)])
def test_faces_behind_the_camera_or_outside_the_picture_are_not_drawn(shift):
    camera = look_at(np.zeros(3), distance=0.0, size=8, yfov_deg=60, yaw_deg=0, pitch_deg=0)
    triangle = torch.tensor([[[-1.0, -1, 2], [-1.0, 1, 2], [1.0, -1, 4]]], dtype=torch.float64)
    seen = TorchRasterizer()(triangle, torch.tensor([[0, 1, 2]]), camera)
    gone = TorchRasterizer()(triangle + torch.tensor(shift), torch.tensor([[0, 1, 2]]), camera)
    assert (seen.face >= 0).any()
    assert (gone.face == -1).all()
    assert not gone.depth.any()
    assert not gone.bary.any()


def test_a_face_without_area_is_not_drawn():
    camera = look_at(np.zeros(3), distance=0.0, size=8, yfov_deg=60, yaw_deg=0, pitch_deg=0)
    line = torch.tensor([[[-1.0, -1, 2], [0.0, 0, 2], [1.0, 1, 2]]], dtype=torch.float64)
    assert (TorchRasterizer(cull_back=False)(line, torch.tensor([[0, 1, 2]]), camera).face == -1).all()


def test_an_unknown_renderer_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"renderer='troch' is unknown.*did you mean 'torch'"):
        get_rasterizer("troch")
