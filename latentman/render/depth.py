"""From metric depth to the input of a depth ControlNet: near is bright, the background is 0.

Depth ControlNets were trained on estimated disparity, hence the encoding ``inverse``. The range that is mapped to grey
is the same for all frames, or moves slowly with the character: a separate range for each frame would make the clip
flicker.
"""

from __future__ import annotations

import numpy as np

from latentman.config import DepthConfig
from latentman.types import Array

BODY_REACH = 1.0
"""Metres in front of and behind the pelvis that ``range: body`` maps to grey."""

SMOOTHING_FRAMES = 9
"""Width, in frames, of the box filter over the pelvis' depth."""

OFFICIAL_METRES = 5.0
"""The depth, in metres, that the released code's encoding maps to white."""

_NEAREST = 0.05
"""Metres; a near limit at or behind the camera has no inverse."""


def encode_depth(depth: Array, config: DepthConfig, pelvis_depth: Array) -> Array:
    """Encode metric depth for the ControlNet.

    Args:
        depth: (T, H, W) metres, 0 for the background.
        config: ``encoding``: ``inverse`` is linear in 1/z, ``linear`` in z, and ``official`` is z / 5 m as in the
            released code, with near dark, but clamped where the released code overflows. ``range`` (``clip``, ``body``,
            ``fixed``) and ``low`` and ``high``, the greys at its far and near end, apply to the first two.
        pelvis_depth: (T,) metres, for ``range: body``.

    Returns:
        (T, H, W) float32, 0 to 1; 0 in the background.
    """
    figure = depth > 0
    metres = np.where(figure, depth, 1.0).astype(np.float64)
    if config.encoding == "official":
        grey = np.clip(metres / OFFICIAL_METRES, 0, 1)
    else:
        near, far = (limit[:, None, None] for limit in _depth_range(depth, config, pelvis_depth))
        share = _share_of_range(metres, near, far, config.encoding)
        grey = config.low + (config.high - config.low) * np.clip(share, 0, 1)
    return np.where(figure, grey, 0.0).astype(np.float32)


def encode_background(metres: Array, depth: Array, config: DepthConfig, pelvis_depth: Array) -> Array:
    """Encode the depth of what is behind the figures, on the scale of the figures' own picture.

    The figures' greys do not change. In front of their range, the scale continues up to 1. Behind it, grey falls from
    ``config.low`` to 0 in proportion to 1/z, so that no part of a deep scene is clipped.

    Args:
        metres: (T, H, W) depth of the scene along the view axis, infinite for the sky.
        depth: (T, H, W) metres, of the figures, 0 elsewhere.
        config: as for :func:`encode_depth`.
        pelvis_depth: (T,) metres, for ``range: body``.

    Returns:
        (T, H, W) float32, 0 to 1.
    """
    if config.encoding == "official":
        return np.clip(metres / OFFICIAL_METRES, 0, 1).astype(np.float32)
    near, far = (limit[:, None, None] for limit in _depth_range(depth, config, pelvis_depth))
    behind = metres > far
    place = np.where(behind, far, metres).astype(np.float64)
    share = _share_of_range(place, near, far, config.encoding)
    grey = np.where(behind, config.low * far / metres, config.low + (config.high - config.low) * share)
    return np.clip(grey, 0, 1).astype(np.float32)


def _share_of_range(metres: Array, near: Array, far: Array, encoding: str) -> Array:
    """Return where depths lie between the ends of the scale, 0 at ``far`` and 1 at ``near``, more in front of it."""
    if encoding == "inverse":
        metres, near, far = 1 / metres, 1 / near, 1 / far
    span = near - far
    # A flat figure has no range: it is all "near".
    return np.where(span == 0, 1.0, (metres - far) / np.where(span == 0, 1.0, span))


def _depth_range(depth: Array, config: DepthConfig, pelvis_depth: Array) -> tuple[Array, Array]:
    """Return the near and far end of the grey scale for every frame, (T,) metres, 0 < near <= far."""
    frames = np.ones(len(depth))
    if config.range == "fixed":
        assert config.fixed is not None
        return config.fixed[0] * frames, config.fixed[1] * frames
    if config.range == "clip":
        seen = depth[depth > 0].astype(np.float64)
        return (seen.min() * frames, seen.max() * frames) if len(seen) else (frames, frames)
    near = np.maximum(smooth(pelvis_depth) - BODY_REACH, _NEAREST)
    return near, np.maximum(smooth(pelvis_depth) + BODY_REACH, near + _NEAREST)


def smooth(values: Array) -> Array:
    """Return values (T,) averaged over up to nine neighbouring frames, fewer at the ends."""
    reach = SMOOTHING_FRAMES // 2
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    index = np.arange(len(values))
    first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    return (total[last] - total[first]) / (last - first)
