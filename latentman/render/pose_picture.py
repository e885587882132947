"""The skeleton picture of OpenPose that ``lllyasviel/control_v11p_sd15_openpose`` was trained on.

The 18 keypoints of OpenPose's COCO model (Cao et al. 2017) are joined by 17 limbs, each an ellipse of its own colour;
the limbs are dimmed to 0.6, and a disc in the keypoint's colour is drawn on every keypoint (``draw_bodypose`` of
``huggingface/controlnet_aux``). Left and right are the character's own. A keypoint outside the picture is not drawn,
and neither are the limbs that end in it. Occlusion by the body does not hide a keypoint, because the detector also
estimates occluded ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.body.skeleton import JOINT_NAMES
from latentman.errors import DataError
from latentman.motion.rotations import perpendicular, unit
from latentman.render.camera import project, to_camera
from latentman.render.fragments import NEAR
from latentman.types import NUM_PARTS, Array, BodySequence, Camera, Conditions

# fmt: off
KEYPOINTS = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)
"""OpenPose's keypoints in OpenPose's order."""

COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
    (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255),
    (255, 0, 170), (255, 0, 85),
)
"""RGB, 0 to 255, of each keypoint; the first 17 are also the colours of the limbs."""

LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17),
)
"""The two keypoints of each limb, in the order of drawing: later limbs cover earlier ones."""
# fmt: on

LIMB_DIMMING = 0.6
"""Factor on the limbs' colours."""

REFERENCE_SIZE = 512
"""Shorter side, in pixels, of the annotator's pictures; strokes scale with the picture."""

STROKE = 4
"""Half the width of a limb, and the radius of a keypoint, in pixels of a picture of ``REFERENCE_SIZE``."""

_ROUNDING = 0.25
"""Added to radii so that discs of radius 4 or 2 have the pixels of the midpoint circle."""

_SPINE = tuple(map(JOINT_NAMES.index, ("pelvis", "spine1", "spine2", "spine3", "neck")))
_LEFT_SHOULDER, _RIGHT_SHOULDER, _NECK, _HEAD = map(
    JOINT_NAMES.index, ("left_shoulder", "right_shoulder", "neck", "head")
)

NECK_LEAN_DEG = 20.0
"""Forward lean of the bone from the neck to the head, relative to the head's own up axis."""

FACE_POINTS = {
    "nose": ((0.0, 0.0, 0.24), 0.0, 105.0),
    "right_eye": ((-0.06, 0.07, 0.19), -35.0, 90.0),
    "left_eye": ((0.06, 0.07, 0.19), 35.0, 90.0),
    "right_ear": ((-0.155, 0.03, -0.01), -75.0, 90.0),
    "left_ear": ((0.155, 0.03, -0.01), 75.0, 90.0),
}
"""Per point of the face: its offset from the head joint towards left, up and forward, in spine lengths (pelvis to neck
along the bones, about 0.53 m); the direction its skin faces, in degrees from straight ahead towards the left; and the
angle to the camera, in degrees, beyond which it is hidden. The nose protrudes from the profile."""


def draw_pose(body: BodySequence, conditions: Conditions) -> NDArray[np.float32]:
    """Return the OpenPose picture of every frame, (T, H, W, 3) float32, 0 to 1.

    Raises:
        DataError: if the mesh has several characters, since only the first one's joints are known.
    """
    characters = -(-int(body.part.max()) // NUM_PARTS)
    if characters > 1:
        raise DataError(
            f"cannot draw conditioner.nets[...].kind='pose': the scene has {characters} characters, and only the "
            "first one's joints are known; choose depth, normal or canny, which show all of them, or remove "
            "companions=..."
        )
    return np.stack(
        [
            draw_skeleton(*find_keypoints(joints, camera), camera.height, camera.width)
            for joints, camera in zip(body.joints, conditions.cameras, strict=True)
        ]
    )


def find_keypoints(joints: Array, camera: Camera) -> tuple[Array, Array]:
    """Return the positions of one frame's 18 keypoints, and which of them are visible.

    The neck is the middle of the shoulders, as OpenPose defines it; the points of the face follow
    :data:`FACE_POINTS` in the axes of :func:`head_axes`; all others are joints of the skeleton.

    Args:
        joints: (J, 3) metres in the world, J at least 22.
        camera: the frame's camera.

    Returns:
        Pixel coordinates (18, 2) as (u, v), and (18,) bool: True if in front of the camera, inside the picture and, for
            points of the face, on the side of the head that faces the camera.
    """
    points = to_camera(joints, camera)
    places, seen = np.empty((len(KEYPOINTS), 3)), np.ones(len(KEYPOINTS), dtype=bool)
    for index, name in enumerate(KEYPOINTS):
        if name in FACE_POINTS:
            places[index], seen[index] = _face_point(name, points)
        elif name == "neck":
            places[index] = (points[_LEFT_SHOULDER] + points[_RIGHT_SHOULDER]) / 2
        else:
            places[index] = points[JOINT_NAMES.index(name)]
    ahead = places[:, 2] > NEAR
    pixels = project(np.where(ahead[:, None], places, (0.0, 0.0, 1.0)), camera)
    inside = ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(-1)
    return pixels, seen & ahead & inside


def head_axes(joints: Array) -> Array:
    """Return the head's left, up and forward as the rows of a rotation (3, 3), in the axes of ``joints`` (J, 3).

    The bone from the neck to the head gives the nod and the tilt. Joints do not show how the head is turned on the
    neck, so the head faces the same way as the shoulders.
    """
    bone = unit(joints[_HEAD] - joints[_NECK])
    left = unit(perpendicular(joints[_LEFT_SHOULDER] - joints[_RIGHT_SHOULDER], bone))
    front = np.cross(left, bone)
    lean = np.radians(NECK_LEAN_DEG)
    up, forward = np.cos(lean) * bone - np.sin(lean) * front, np.sin(lean) * bone + np.cos(lean) * front
    return np.stack([left, up, forward])


def draw_skeleton(pixels: Array, seen: Array, height: int, width: int) -> NDArray[np.float32]:
    """Return the picture (height, width, 3) float32, 0 to 1, of 18 keypoints at ``pixels`` (18, 2), where ``seen``."""
    scale = min(height, width) / REFERENCE_SIZE
    radius = STROKE * scale + _ROUNDING
    rows, columns = np.mgrid[:height, :width].astype(np.float64) + 0.5
    canvas = np.zeros((height, width, 3), dtype=np.float32)
    colours = np.array(COLOURS) / 255
    for colour, (first, second) in zip(colours, LIMBS, strict=False):
        if seen[first] and seen[second]:
            canvas[_ellipse(rows, columns, pixels[first], pixels[second], radius)] = LIMB_DIMMING * colour
    for colour, (u, v), is_seen in zip(colours, pixels, seen, strict=True):
        if is_seen:
            # Centred on the keypoint's own pixel, as the annotator truncates the coordinates.
            away = np.hypot(columns - 0.5 - np.floor(u), rows - 0.5 - np.floor(v))
            canvas[away <= radius] = colour
    return canvas


def _face_point(name: str, points: Array) -> tuple[Array, bool]:
    """Return the position of a point of the face and whether it faces the camera, given joints in camera axes."""
    offset, side, limit = FACE_POINTS[name]
    axes = head_axes(points)
    spine = float(np.linalg.norm(np.diff(points[list(_SPINE)], axis=0), axis=-1).sum())
    place = points[_HEAD] + spine * np.array(offset) @ axes
    outward = np.array([np.sin(np.radians(side)), 0.0, np.cos(np.radians(side))]) @ axes
    return place, bool(outward @ unit(-place) > np.cos(np.radians(limit)))


def _ellipse(rows: Array, columns: Array, first: Array, second: Array, radius: float) -> Array:
    """Return which pixel centres are inside the ellipse whose long axis ends in two points (u, v)."""
    half = (second - first) / 2
    length = float(np.hypot(*half))
    along = half / length if length > 0 else np.array([1.0, 0.0])
    du, dv = columns - (first[0] + second[0]) / 2, rows - (first[1] + second[1]) / 2
    forth, aside = du * along[0] + dv * along[1], dv * along[0] - du * along[1]
    return np.asarray((forth / (length + _ROUNDING)) ** 2 + (aside / radius) ** 2 <= 1)
