"""The fit of a body to a motion: a shape for the clip, inverse kinematics, refinement of noisy motion, skinning."""

from __future__ import annotations

import numpy as np

from latentman.body.fit_check import examine_fit
from latentman.body.ik import RIGID_JOINTS, find_root, follow, solve_rotations
from latentman.body.refine import refine
from latentman.body.shape import bone_directions, find_betas
from latentman.body.skeleton import CHILDREN, JOINT_NAMES, PARENTS
from latentman.body.skinning import Body, place_joints, skin, with_betas, with_offsets
from latentman.body.twist import limit_twist
from latentman.config import BodyConfig
from latentman.errors import DataError
from latentman.motion.plausible.examine import warn
from latentman.motion.quality import bone_variation
from latentman.types import NUM_JOINTS, Array, BodySequence, Motion

_SHORTEST_BONE = 1e-4
"""Metres below which a bone has no reliable direction."""

_CLUSTER_ROUNDS = 2

LEARNED = ("mdm", "mdm_mini", "mld", "gmd")
"""Sources whose joints are a network's predictions."""

_NOISY_BONES = 0.01


def fit_motion(body: Body, motion: Motion, cfg: BodyConfig | None = None) -> BodySequence:
    """Fit the body to every frame of a motion.

    The analytic fit is exact if all frames share one skeleton, whose bone lengths the body takes. Noisy motion is
    refined over the whole clip (``refine``). The clip is then shifted so that its lowest vertex is on the floor
    (y = 0), which preserves the height of jumps; where ``translation`` doubles the path, after that. Each implausible
    thing that the body shows and the motion did not is one warning (``fit_check``).

    Args:
        body: a body as returned by ``build``.
        motion: joints (T, 22, 3) in metres.
        cfg: ``betas``, ``refine`` and ``translation``; None uses the default of each.

    Returns:
        The moving mesh at the motion's frame rate, float32; 24 joints.

    Raises:
        ConfigError: if ``betas`` are given for a body without a shape space, or too many.
        DataError: if a joint is not finite or coincides with its parent, so that the bone between them has no
            direction.
    """
    cfg = cfg or BodyConfig("any")
    _check_bones(motion.joints)
    fitted, rotations, root = pose_body(body, motion, cfg)
    posed = place_joints(fitted, rotations, root)
    warn(examine_fit(posed, motion), f"the body of {motion.source or 'the motion'}")
    vertices = skin(fitted, rotations, posed)
    shift = np.zeros((len(root), 1, 3))
    if cfg.translation == "doubled":
        # The released code adds the root's path to vertices that already contain it, and sets them on the floor then.
        shift += (root - root[0])[:, None]
        shift[..., 1] -= (vertices + shift)[..., 1].min()
    else:
        shift[..., 1] -= vertices[..., 1].min()
    return BodySequence(
        vertices=(vertices + shift).astype(np.float32),
        faces=body.faces,
        joints=(posed + shift).astype(np.float32),
        part=body.part,
        corner_uv=body.corner_uv,
        fps=motion.fps,
    )


def pose_body(body: Body, motion: Motion, cfg: BodyConfig) -> tuple[Body, Array, Array]:
    """Return the fitted body, global rotations (T, 24, 3, 3) and the root's path (T, 3).

    Nothing is skinned or placed on the floor yet; the arguments are the same as for :func:`fit_motion`.
    """
    joints = motion.joints.astype(np.float64)
    refined, searched = is_noisy(motion, cfg.refine), body.joint_directions is not None and not cfg.betas
    if cfg.betas:
        body = with_betas(body, np.array(cfg.betas))
    elif searched:
        body = with_betas(body, find_betas(body, joints))
    if not cfg.betas and not (refined and searched):
        body = calibrate(body, joints)
    rotations = solve_rotations(body.offsets, joints)
    if not refined:
        root = find_root(body.offsets, joints, rotations[:, 0])
        return body, follow(limit_twist(rotations, body.offsets)), root
    # If the shape is fitted too, the bone lengths come from plausible shapes, not from the noise.
    directions = bone_directions(body) if searched else None
    result = refine(body.offsets, rotations, joints, motion.fps, directions=directions)
    if searched and body.betas is not None:
        body = with_betas(body, body.betas + result.betas)
    return body, result.rotations, result.root


def is_noisy(motion: Motion, refine: str) -> bool:
    """Return whether to refine a motion: ``refine`` is always, never, or auto.

    auto refines motions of learned models, and motions whose bones change their length by more than 1 % on average.
    Only noise causes such changes: files and the procedural source stay below 0.1 %.
    """
    if refine != "auto":
        return refine == "always"
    return motion.source in LEARNED or float(bone_variation(motion.joints).mean()) > _NOISY_BONES


def calibrate(body: Body, joints: Array) -> Body:
    """Return the body with the bone lengths, pelvis shape and chest shape of ``joints`` (T, 22, 3).

    The hip joints move as one rigid piece, as do the collars and the neck. The positions of a piece's joints relative
    to each other differ between bodies, and are measured in the clip after a first fit.
    """
    offsets = body.offsets.copy()
    for joint in range(1, NUM_JOINTS):
        length = np.median(np.linalg.norm(joints[:, joint] - joints[:, PARENTS[joint]], axis=-1))
        offsets[joint] *= length / np.linalg.norm(offsets[joint])
    for hand, forearm in ((22, 20), (23, 21)):
        offsets[hand] *= np.linalg.norm(offsets[forearm]) / np.linalg.norm(body.offsets[forearm])
    for _ in range(_CLUSTER_ROUNDS):
        rotations = solve_rotations(offsets, joints)
        for joint in RIGID_JOINTS:
            for child in CHILDREN[joint]:
                bone = joints[:, child] - joints[:, joint]
                offsets[child] = np.median(np.einsum("tji,tj->ti", rotations[:, joint], bone), axis=0)
    return with_offsets(body, offsets)


def _check_bones(joints: Array) -> None:
    """Refuse joints that are not finite, and bones without length."""
    if not np.isfinite(joints).all():
        frame, joint, _ = np.argwhere(~np.isfinite(joints))[0]
        raise DataError(
            f"cannot fit a body: joint {JOINT_NAMES[joint]} of frame {frame} is not finite; check motion=..."
        )
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:NUM_JOINTS])], axis=-1)
    if (lengths < _SHORTEST_BONE).any():
        frame, bone = np.argwhere(lengths < _SHORTEST_BONE)[0]
        raise DataError(
            f"cannot fit a body: in frame {frame} {JOINT_NAMES[bone + 1]} coincides with "
            f"{JOINT_NAMES[PARENTS[bone + 1]]} ({lengths[frame, bone]:.2g} m apart, at least {_SHORTEST_BONE} m is "
            "needed); check the joints of motion=..."
        )
