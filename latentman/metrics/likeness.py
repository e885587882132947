"""Scores from learned networks: CLIP of frames with the prompt and with each other, LPIPS between frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentman.metrics.aligned import align, expect_clip
from latentman.metrics.clip import Clip, Vectors
from latentman.metrics.flicker import ONE_FRAME
from latentman.metrics.judge import Judge
from latentman.metrics.lpips import SMALLEST, Lpips
from latentman.metrics.metric import Metric
from latentman.metrics.pairs import mean_of_pairs
from latentman.metrics.warp import NOT_SEEN
from latentman.types import Score

COSINE = "cosine (-1..1)"
DISTANCE = "LPIPS (0 up)"

Frames = NDArray[np.uint8]


def clip_text(frames: Vectors, prompt: str, clip: Clip) -> Score:
    """Return how well the frames match the prompt: the mean cosine of their CLIP vectors with the text's, -1 to 1.

    ``per_pair`` holds one value for each frame. A prompt longer than the network's limit is cut, and the reason reports
    it.

    Args:
        frames: (T, D) unit vectors of the frames.
        prompt: the text.
        clip: the model that made the vectors.
    """
    cosines = (frames @ clip.embed_text(prompt)).tolist()
    cut = clip.is_too_long(prompt)
    reason = f"the prompt was cut to the {clip.text_length} tokens that CLIP reads" if cut else None
    return Score("clip_text", float(np.mean(cosines)), COSINE, tuple(cosines), reason)


def clip_frames(frames: Vectors) -> Score:
    """Return how similar consecutive frames are: the mean cosine of their CLIP vectors, -1 to 1.

    Args:
        frames: (T, D) unit vectors of the frames.
    """
    return mean_of_pairs("clip_frames", COSINE, np.einsum("td,td->t", frames[1:], frames[:-1]).tolist(), ONE_FRAME)


def lpips_frames(frames: Frames, lpips: Lpips) -> Score:
    """Return the mean LPIPS of consecutive whole frames without alignment; motion counts as difference.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        lpips: the network.
    """
    if min(frames.shape[1:3]) < SMALLEST:
        return Score("lpips_frames", None, DISTANCE, reason=_too_small(frames))
    per_pair = [lpips.value(frames[i], frames[i - 1]) for i in range(1, len(frames))]
    return mean_of_pairs("lpips_frames", DISTANCE, per_pair, ONE_FRAME)


def lpips_aligned(frames: Frames, judge: Judge, lpips: Lpips) -> Score:
    """Return the mean LPIPS of the character in consecutive frames, aligned by the exact flow.

    Each frame is compared with a copy of itself in which the visible pixels of the figure are repainted with the
    colours that their points had one frame earlier. The mean is over the distances at these pixels, then over the
    pairs.

    Args:
        frames: (T, H, H, 3) uint8 RGB, of the size of the conditions that the judge has seen.
        judge: of the same clip.
        lpips: the network.

    Raises:
        ShapeError: if frames and judge do not fit together.
    """
    expect_clip("lpips_aligned", frames, judge)
    if min(frames.shape[1:3]) < SMALLEST:
        return Score("lpips_aligned", None, DISTANCE, reason=_too_small(frames))
    per_pair: list[float | None] = []
    for i, flow in enumerate(judge.flows, start=1):
        warped, seen = align(frames[i - 1], flow)
        repainted = np.where(seen[..., None], warped, frames[i])
        per_pair.append(float(lpips.distance(frames[i], repainted)[seen].mean()) if seen.any() else None)
    return mean_of_pairs("lpips_aligned", DISTANCE, per_pair, NOT_SEEN)


def _too_small(frames: Frames) -> str:
    height, width = frames.shape[1:3]
    return f"LPIPS needs pictures of at least {SMALLEST}x{SMALLEST} pixels, these have {height}x{width}"


METRICS = {
    "clip_text": Metric(lambda e: clip_text(e.frame_vectors, e.prompt, e.clip), ("prompt", "clip")),
    "clip_frames": Metric(lambda e: clip_frames(e.frame_vectors), ("clip",)),
    "lpips_frames": Metric(lambda e: lpips_frames(e.frames, e.lpips), ("lpips",)),
    "lpips_aligned": Metric(lambda e: lpips_aligned(e.frames, e.judge, e.lpips), ("mesh", "lpips")),
}
