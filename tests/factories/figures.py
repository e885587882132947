"""Painted pictures of a figure, with its mask."""

import numpy as np
from scipy import ndimage

SIDE = 128


SKIN, SHIRT, TROUSERS = [220, 180, 150], [190, 40, 40], [40, 50, 130]


def stick_figure():
    """A mask with a head, a trunk, two arms and two legs."""
    row, col = np.mgrid[:SIDE, :SIDE]
    mask = (row - 22) ** 2 + (col - 64) ** 2 < 80
    for top, bottom, left, right in ((32, 72, 54, 74), (36, 44, 34, 94), (72, 112, 54, 62), (72, 112, 66, 74)):
        mask |= (row >= top) & (row < bottom) & (col >= left) & (col < right)
    return mask


def landscape(rng):
    """Sky over ground, each with a slope and a little noise."""
    row, col = np.mgrid[:SIDE, :SIDE] / SIDE
    sky = np.stack([120 + 40 * row, 160 + 30 * col, 220 - 20 * row], axis=-1)
    ground = np.stack([190 + 20 * col, 170 - 10 * row, 110 + 20 * row], axis=-1)
    return np.where((row < 0.6)[..., None], sky, ground) + rng.normal(0, 5, (SIDE, SIDE, 3))


def picture(*, shift=0, opacity=1.0, seed=0):
    """A dressed figure in front of a landscape, shifted from its mask by ``shift`` pixels, with this ``opacity``."""
    rng = np.random.default_rng(seed)
    row = np.arange(SIDE)[:, None, None]
    clothes = np.where(row < 31, SKIN, np.where(row < 74, SHIRT, TROUSERS)) + rng.normal(0, 5, (SIDE, SIDE, 3))
    place = landscape(rng)
    cover = opacity * ndimage.gaussian_filter(np.roll(stick_figure(), shift, axis=1).astype(float), 0.6)[..., None]
    return (cover * clothes + (1 - cover) * place).clip(0, 255).astype(np.uint8)


def painted(body, conditions):
    """Colour every pixel smoothly by its point's position on the body in frame 0; the background is a ramp."""
    frames = np.broadcast_to(
        np.arange(conditions.mask.shape[2], dtype=np.uint8)[:, None], (*conditions.mask.shape, 3)
    ).copy()
    place = (body.vertices[0] - body.vertices[0].min(0)) / np.ptp(body.vertices[0], axis=0).max()
    for frame, mask, face, bary in zip(frames, conditions.mask, conditions.face, conditions.bary, strict=True):
        points = np.einsum("nk,nkd->nd", bary[mask], place[body.faces[face[mask]]])
        frame[mask] = (255 * points).round()
    return frames
