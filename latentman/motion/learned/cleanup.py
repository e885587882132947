"""Repair of learned motion: bones of constant length, and standing feet that do not move.

A diffusion model predicts positions for each frame, so that bone lengths vary by a few percent and feet glide. The
repair keeps the model's directions, timing and path, and makes small corrections: first bones get the template's
lengths, then the root's path is adjusted until standing feet do not drift, then each leg is solved again for the
position of its standing foot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_closing, binary_opening, gaussian_filter1d

from latentman.motion.quality import floor_height
from latentman.motion.rotations import kabsch, perpendicular, unit
from latentman.motion.skeleton import BONE_LENGTHS, PARENTS, REST, Floats
from latentman.types import Array

_LOW = 0.06
"""Metres above the floor up to which a toe counts as standing."""

_SLOW = 0.8
"""Speed in m/s up to which a toe counts as standing: gliding in learned motion is slower, a swinging leg faster."""

_SHORTEST = 0.15
"""Shortest duration of a contact, seconds."""

_BLEND = 0.1
"""Seconds of blending from a foot's track into a contact and back."""

_DRIFT_SIGMA = 0.1
"""Seconds over which the root's correction is smoothed."""

_LEGS = ((1, 4, 7, 10), (2, 5, 8, 11))
"""Hip, knee, ankle and toe, left and right."""

_RIGID = {joint: piece for piece in ((1, 2, 3), (12, 13, 14)) for joint in piece}
"""Joints that move with their siblings as one rigid piece: hips and the lowest spine joint, neck and collars."""

_STRAIGHT = 0.9995
"""The largest extension of a leg, as a share of its length."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A standing foot: side (0 left, 1 right), and its range of frames, the end excluded."""

    side: int
    first: int
    end: int


def clean(joints: Array, fps: float, *, template_bones: bool = True, foot_lock: bool = True) -> Array:
    """Return the repaired motion.

    Args:
        joints: (T, 22, 3) in metres, Y up.
        fps: frames per second.
        template_bones: give every bone the template's length.
        foot_lock: put the lowest foot on the floor and keep standing feet fixed.

    Returns:
        Joints (T, 22, 3), float64.
    """
    result = np.array(joints, dtype=np.float64)
    if template_bones:
        result = with_template_bones(result)
    if foot_lock and len(result) > 2:
        result[..., 1] -= floor_height(result)
        contacts = find_contacts(result, fps)
        result = hold_feet(without_drift(result, contacts, fps), contacts, fps)
    return result


def with_template_bones(joints: Floats) -> Floats:
    """Return joints (T, 22, 3) with the template's bone lengths, pelvis shape and chest shape.

    Hips and lowest spine joint move as one rigid piece, and so do neck and collars. The template's piece gets the
    rotation of the motion's piece, because skeletons differ in the width of their hips and a body cannot widen its
    hips. All other bones keep their directions. Legs are solved to reach the original ankle positions, after the whole
    motion has been scaled to the template's leg length, so that height and steps stay consistent.
    """
    legs = [(hip, knee, ankle) for hip, knee, ankle, _ in _LEGS]
    had = np.mean([np.median(_length(joints, knee) + _length(joints, ankle)) for _, knee, ankle in legs])
    scale = np.mean([BONE_LENGTHS[knee] + BONE_LENGTHS[ankle] for _, knee, ankle in legs]) / had
    scaled = joints * scale
    result = np.empty_like(scaled)
    result[:, 0] = scaled[:, 0]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        if joint not in _RIGID:
            bone = scaled[:, joint] - scaled[:, parent]
            result[:, joint] = result[:, parent] + BONE_LENGTHS[joint] * unit(bone)
        elif joint == _RIGID[joint][0]:
            place_piece(result, scaled, parent, _RIGID[joint])
    for leg in _LEGS:
        reach_ankle(result, leg, scaled[:, leg[2]])
    return result


def place_piece(result: Floats, scaled: Floats, parent: int, piece: tuple[int, ...]) -> None:
    """Place the children of a joint in ``result`` as in the template, rotated as in ``scaled``."""
    template = REST[list(piece)] * BONE_LENGTHS[list(piece), None]
    turned = kabsch(template, scaled[:, piece] - scaled[:, [parent]])
    result[:, piece] = result[:, [parent]] + np.einsum("tij,kj->tki", turned, template)


def find_contacts(joints: Floats, fps: float) -> list[Contact]:
    """Return the contacts of each foot: toe or ankle low and slow for long enough, with short gaps closed.

    Args:
        joints: (T, 22, 3), the floor at y = 0.
        fps: frames per second.
    """
    shortest = max(2, round(_SHORTEST * fps))
    contacts = []
    for side, (*_, ankle, toe) in enumerate(_LEGS):
        speed = np.linalg.norm(np.gradient(joints[:, toe], axis=0), axis=-1) * fps
        low = np.minimum(joints[:, toe, 1], joints[:, ankle, 1] - BONE_LENGTHS[toe] / 3) < _LOW
        stands = binary_opening(binary_closing(low & (speed < _SLOW)), np.ones(shortest, dtype=bool))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], stands.astype(int), [0]])))
        contacts += [Contact(side, int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return contacts


def without_drift(joints: Floats, contacts: list[Contact], fps: float) -> Floats:
    """Return joints (T, 22, 3), shifted over the floor so that standing feet do not glide on average.

    If both feet stand, their mean is used; if none does, the correction is kept.
    """
    steps = np.diff(joints[:, [leg[3] for leg in _LEGS]][..., [0, 2]], axis=0)
    weight = np.zeros((len(steps), 2))
    for contact in contacts:
        weight[contact.first : contact.end - 1, contact.side] = 1.0
    total = weight.sum(axis=1)
    slid = (steps * weight[..., None]).sum(axis=1) / np.maximum(total, 1.0)[:, None]
    smooth = gaussian_filter1d(slid, _DRIFT_SIGMA * fps, axis=0, mode="nearest")
    moved = joints.copy()
    moved[1:, :, [0, 2]] -= np.cumsum(smooth, axis=0)[:, None]
    return moved


def hold_feet(joints: Floats, contacts: list[Contact], fps: float) -> Floats:
    """Return joints (T, 22, 3) whose legs reach the positions of their standing feet.

    A foot stands at the mean of its positions during the contact; before and after, it blends smoothly with its own
    track.
    """
    blend = max(1, round(_BLEND * fps))
    result = joints.copy()
    for side, leg in enumerate(_LEGS):
        shift = np.zeros((len(joints), 3))
        share = np.zeros(len(joints))
        for contact in (c for c in contacts if c.side == side):
            spot = joints[contact.first : contact.end, leg[3]].mean(axis=0)
            lead = np.arange(len(joints))
            outside = np.maximum(np.maximum(contact.first - lead, lead - contact.end + 1), 0)
            fade = 0.5 + 0.5 * np.cos(np.pi * np.minimum(outside / (blend + 1), 1.0))
            nearest = np.clip(lead, contact.first, contact.end - 1)
            shift += fade[:, None] * (spot - joints[nearest, leg[3]])
            share += fade
        shift /= np.maximum(share, 1.0)[:, None]
        # A heel may be down while its toe is not: the foot keeps its own height, but never below the floor.
        shift[:, 1] = np.maximum(0.0, -joints[:, leg[3], 1])
        reach_ankle(result, leg, joints[:, leg[2]] + shift)
    return result


def reach_ankle(joints: Floats, leg: tuple[int, int, int, int], ankle: Floats) -> None:
    """Solve a leg in place so that its ankle is at ``ankle`` (T, 3); the knee bends in the same plane as before.

    A position out of reach is approached along the line from the hip. The foot keeps its direction.
    """
    hip, knee, foot, toe = leg
    upper, lower = _length(joints, knee), _length(joints, foot)
    pole = joints[:, knee] - joints[:, hip]
    sole = joints[:, toe] - joints[:, foot]
    line = ankle - joints[:, hip]
    distance = np.clip(np.linalg.norm(line, axis=-1), np.abs(upper - lower) + 1e-6, _STRAIGHT * (upper + lower))
    along = unit(line)
    # A straight knee has no bending plane: it bends forward, in the direction of the foot.
    aside = perpendicular(pole, along)
    flat = np.linalg.norm(aside, axis=-1) < 1e-6
    aside[flat] = perpendicular(sole, along)[flat]
    reach = (upper**2 - lower**2 + distance**2) / (2 * distance)
    bend = np.sqrt(np.maximum(upper**2 - reach**2, 0.0))
    joints[:, knee] = joints[:, hip] + reach[:, None] * along + bend[:, None] * unit(aside)
    joints[:, foot] = joints[:, hip] + distance[:, None] * along
    joints[:, toe] = joints[:, foot] + sole


def _length(joints: Floats, joint: int) -> Floats:
    length: Floats = np.linalg.norm(joints[:, joint] - joints[:, PARENTS[joint]], axis=-1)
    return length
