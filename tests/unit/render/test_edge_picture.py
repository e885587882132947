import numpy as np
from scipy.ndimage import distance_transform_cdt, label

from latentman.render.camera import project, to_camera
from latentman.render.control_pictures import draw_control
from latentman.render.edge_picture import CREASE_PIXELS, silhouette, without_specks
from latentman.render.thinning import thin
from tests.factories.bodies import cube, plate, solid, sphere
from tests.factories.views import SIZE, see


def test_a_spheres_only_edge_is_its_outline_at_the_masks_border(ball):
    body, conditions = ball
    edges = draw_control("canny", body, conditions)[0, ..., 0] > 0
    border = silhouette(conditions.mask[0])
    assert not (edges & ~border).any()
    assert edges.sum() > 0.9 * border.sum()
    assert label(edges, np.ones((3, 3)))[1] == 1


def test_edges_are_pure_black_and_white_and_on_the_figure(walking):
    body, conditions = walking
    edges = draw_control("canny", body, conditions)
    assert set(np.unique(edges)) == {0.0, 1.0}
    assert (edges[..., :1] == edges).all()
    assert not edges[~conditions.mask].any()


def test_edges_are_one_pixel_wide(walking):
    for edges in draw_control("canny", *walking)[..., 0] > 0:
        views = [edges[r : SIZE - 2 + r, c : SIZE - 2 + c] for r in range(3) for c in range(3)]
        assert not np.all(views, axis=0).any()
        assert (thin(edges) == edges).all()


def test_the_whole_outline_has_an_edge_nearby(walking):
    body, conditions = walking
    for edges, mask in zip(draw_control("canny", body, conditions)[..., 0] > 0, conditions.mask, strict=True):
        away = distance_transform_cdt(~edges, "chessboard")[silhouette(mask)]
        # A line is more than a pixel away only between fingers, where the outline's two sides touch.
        assert away.max() <= 2
        assert (away <= 1).mean() > 0.99


def test_the_outline_of_a_plate_in_front_of_another_is_drawn_on_the_front_plate():
    body = solid(plate(-1, 1, -1, 1, 0.0), plate(-0.4, 0.4, -0.4, 0.4, 0.1))
    conditions = see(body)
    edges = draw_control("canny", body, conditions)[0, ..., 0] > 0
    near = conditions.face[0] >= 2
    border = silhouette(near)
    assert not (edges & near & ~border).any()
    assert (edges & border).sum() >= border.sum() - 4  # a corner may be missing
    assert not (edges & ~near & ~silhouette(conditions.mask[0])).any()


def test_a_slanting_plate_has_no_edge_inside():
    body = solid(plate(-1, 1, -1, 1, 0.0))
    conditions = see(body, yaw=70)
    edges = draw_control("canny", body, conditions)[0, ..., 0] > 0
    assert np.ptp(conditions.depth[conditions.mask]) > 1
    assert not (edges & ~silhouette(conditions.mask[0])).any()


def test_a_cubes_edges_are_creases():
    body = solid(cube())
    conditions = see(body, yaw=40)
    edges = draw_control("canny", body, conditions)[0, ..., 0] > 0
    inner = edges & ~silhouette(conditions.mask[0])
    left, right = project(
        to_camera(np.array([(1.0, 0.6, 1), (1, -0.6, 1)]), conditions.cameras[0]), conditions.cameras[0]
    )
    rows, columns = np.nonzero(inner)
    assert len(rows) > 0.8 * (right[1] - left[1])
    assert np.abs(columns + 0.5 - left[0]).max() <= 1


def test_short_creases_are_removed_and_short_outlines_kept():
    lines, outline = np.zeros((12, 30), dtype=bool), np.zeros((12, 30), dtype=bool)
    lines[2, 2 : 2 + CREASE_PIXELS] = True
    lines[6, 2 : 1 + CREASE_PIXELS] = True
    lines[10, 2] = outline[10, 2] = True
    expected = lines.copy()
    expected[6] = False
    assert (without_specks(lines, outline) == expected).all()


def test_motion_elsewhere_changes_no_edge():
    apart = [(sphere(4)[0] * 0.4 + offset, sphere(4)[1]) for offset in ((-1, 0, 0), (1, 0, 0))]
    frame = plate(-1.6, 1.6, -1.6, 1.6, -3.0)  # keeps the camera fixed
    body = solid(*apart, frame, frames=2)
    count = len(apart[0][0])
    body.vertices[1, count : 2 * count] += (0.0, 0.3, 0.3)
    edges = draw_control("canny", body, see(body))
    half = SIZE // 2
    assert (edges[0, :, :half] == edges[1, :, :half]).all()
    assert (edges[0, :, half:] != edges[1, :, half:]).any()
