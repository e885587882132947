"""Algorithm 1 with a multistep solver, frame after frame: every frame has a solver of its own, with its own memory."""

import copy

import torch

from latentman.diffusion.decode import decode
from tests.factories.literal_denoising import literal_attention, pair_loss, predicted_noise

SOLVERS = {"dpmpp": "DPMSolverMultistepScheduler", "unipc": "UniPCMultistepScheduler"}


def make_solver(name, scheduler, num_steps):
    """The scheduler of diffusers, made from a model's own as its documentation says, with evenly spaced timesteps."""
    import diffusers

    solver = getattr(diffusers, SOLVERS[name]).from_config(scheduler.config, timestep_spacing="linspace")
    solver.set_timesteps(num_steps)
    return solver


def remembered(solver):
    """The tensors that a solver keeps."""
    return [x for x in (*solver.model_outputs, getattr(solver, "last_sample", None)) if x is not None]


def algorithm_1_multistep(backbone, frames, plan):
    aligned, memory, clean, done = {}, {}, {}, []
    with literal_attention([backbone.unet, *backbone.controlnets], groups=len(frames.text.embeds)):
        for i in range(frames.control.num_frames):
            x, solver = frames.noise[i : i + 1].clone(), make_solver(plan.schedule, backbone.scheduler, plan.num_steps)
            for k, t in enumerate(solver.timesteps):
                if k in plan.sla_steps and i > 0:
                    kept = [(x, aligned[i - 1, k]), *zip(remembered(solver), memory[i - 1, k], strict=True)]
                    for mine, theirs in kept:
                        for (qr, qc), (sr, sc) in zip(*frames.latent_map.pairs[i], strict=True):
                            mine[0, :, qr, qc] = theirs[0, :, sr, sc]
                aligned[i, k], memory[i, k] = x.clone(), copy.deepcopy(remembered(solver))
                both = torch.cat([aligned[0, k], x])
                noise = predicted_noise(backbone, frames, both, t, (0, i), plan.guidance_scale)[1:]
                x = solver.step(noise, t, x).prev_sample
                x0 = solver.model_outputs[-1]
                clean[i, k] = decode(backbone, x0)[0]
                if k in plan.guidance.steps and i > 0:
                    change = guidance_of(backbone, frames, plan, (i, t), x0, clean[i - 1, k])
                    x = x + change
                    if hasattr(solver, "last_sample"):
                        sigma, alpha = 1 - solver.alphas_cumprod, solver.alphas_cumprod
                        later = solver.timesteps[k + 1]
                        assert alpha[later] > alpha[t]
                        solver.last_sample = solver.last_sample + change * (sigma[t] / sigma[later]).sqrt()
            done.append(x)
    return torch.cat(done)


def guidance_of(backbone, frames, plan, where, x0, reference):
    """What ``direct`` adds to the latents of a frame after a step."""
    (i, t), leaf = where, x0.clone().requires_grad_()
    with torch.enable_grad():
        loss = pair_loss(decode(backbone, leaf)[0], reference, frames.guidance_map, i)
        (gradient,) = torch.autograd.grad(loss, leaf)
    abar = backbone.scheduler.alphas_cumprod[t]
    return -plan.guidance.delta * plan.guidance.strength * ((1 - abar) / abar).sqrt() * gradient
