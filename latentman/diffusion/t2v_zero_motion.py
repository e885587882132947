"""Motion written into the latents: Text2Video-Zero without a condition (section 3.2 of its paper).

Frame 0 is denoised alone to timestep t0. There its latents are copied to all frames, shifted further for every frame,
and noised again from t0 to t1 with fresh noise; from t1 on all frames are denoised together. Where figures are known,
the background may be smoothed: outside the figures, the frames' latents at t1 are blended with frame 0's, shifted by
the same amount.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentman.diffusion.predict import Prediction
from latentman.diffusion.schedule import History, Schedule, seeded_noise

FLOW_GRID = 512
"""The released code lays out its flow on a grid of this size for every picture size."""

_STREAM = 1 << 22


@dataclass(frozen=True)
class LatentMotion:
    """``shift`` (x, y) pixels of 512 a frame, to the left and up; ``t0`` < ``t1``; ``smooth_background`` 0 to 1."""

    shift: tuple[float, float]
    t0: int
    t1: int
    smooth_background: float


def cell_shift(pixels: float, cells: int) -> int:
    """Return the shift in latent cells, of ``cells``, that corresponds to ``pixels``, of 512.

    The released code samples its flow between pixels and at the cell's middle, which takes half a pixel off; nearest
    sampling rounds what is left.

    The flow is reduced to the latents' grid bilinearly without antialiasing, as ``diffusers`` does and the released
    code did with the torchvision of its time (``Resize`` of a tensor antialiases by default since 0.17). With
    antialiasing, the flow differs in its outermost cells alone: at 64 cells, one row and one column (127 of 4096 cells)
    of every second frame read their neighbour.
    """
    per_cell = FLOW_GRID / cells
    return round(pixels / per_cell - 1 / (2 * per_cell))


def shifted(x: Tensor, rows: int, cols: int) -> Tensor:
    """Return (..., h, w) with the content moved up and to the left by whole cells.

    What enters is mirrored at the outer edges of the picture, as ``grid_sample`` does with
    ``padding_mode="reflection"`` and ``align_corners=False``.
    """
    index = [
        _mirrored(torch.arange(size, device=x.device) + by, size)
        for size, by in zip(x.shape[-2:], (rows, cols), strict=True)
    ]
    return x[..., index[0][:, None], index[1]]


def _mirrored(index: Tensor, size: int) -> Tensor:
    """Reflect indices at the outer edges of the first and last cell."""
    index = index.remainder(2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)


def meeting_steps(schedule: Schedule, motion: LatentMotion) -> tuple[int, int]:
    """Return the step indices of t1 and t0: the nearest of the schedule's timesteps, with t0's after t1's."""
    distance = [(abs(t - motion.t1), abs(t - motion.t0)) for t in schedule.timesteps]
    steps = range(len(distance))
    at_t1 = min(steps[:-1], key=lambda i: distance[i][0])
    return at_t1, min(steps[at_t1 + 1 :], key=lambda i: distance[i][1])


def renoised(latents: Tensor, schedule: Schedule, at_t0: int, at_t1: int, noise: Tensor) -> Tensor:
    """Return latents of step ``at_t0`` noised to step ``at_t1``: sqrt(a) x + sqrt(1 - a) noise.

    As in the released code, a is the product of the training schedule's alphas from t0 up to, but without, t1.
    """
    t0, t1 = schedule.timesteps[at_t0], schedule.timesteps[at_t1]
    share = float(schedule.scheduler.alphas[t0:t1].double().prod())
    return share**0.5 * latents + (1 - share) ** 0.5 * noise


def moving_latents(
    networks: Prediction,
    schedule: Schedule,
    motion: LatentMotion,
    noise: Tensor,
    *,
    seed: int,
    figures: Tensor | None,
) -> tuple[int, Tensor]:
    """Return the step from which all frames are denoised together, and their latents at that step, (T, C, h, w).

    A multistep solver begins again there, since the latents of later frames get new noise and have no history.

    Args:
        networks: predicts the noise of frame 0.
        schedule: the run's steps.
        motion: shift and timesteps.
        noise: x_T of frame 0, (1, C, h, w), and T - 1 more frames that are not read.
        seed: of the run; the fresh noise depends on it and on the frame's number.
        figures: (T, h, w) bool, for the smoothing of the background.
    """
    at_t1, at_t0 = meeting_steps(schedule, motion)
    x, x_t1 = noise[:1], noise[:1]
    history: History = ()
    for step in range(at_t0):
        if step == at_t1:
            x_t1 = x
        x, _, history = schedule.step_back(networks(x, schedule.timesteps[step]), step, x, history)
    frames = [x_t1]
    for k in range(1, len(noise)):
        rows, cols = (
            cell_shift(pixels * k, cells) for pixels, cells in zip(reversed(motion.shift), x.shape[-2:], strict=True)
        )
        fresh = seeded_noise(tuple(x.shape), seed, stream=_STREAM + k).to(x)
        frame = renoised(shifted(x, rows, cols), schedule, at_t0, at_t1, fresh)
        if figures is not None and motion.smooth_background > 0:
            covered = figures[k] | shifted(figures[0], rows, cols)
            weight = motion.smooth_background * (~covered).to(x)
            frame = (1 - weight) * frame + weight * shifted(x_t1, rows, cols)
        frames.append(frame)
    return at_t1, torch.cat(frames)
