"""The sampler written out: attention with repeated keys and values, and Algorithm 1 frame after frame."""

from contextlib import contextmanager

import torch
from torch.nn.functional import interpolate

from latentman.diffusion.attention_layers import self_attention_layers
from latentman.diffusion.decode import decode
from latentman.diffusion.predict import guided
from latentman.diffusion.pwg import guidance_loss, matched_target


class LiteralAttention:
    """Every frame of a whole video computes its own keys and values, then those that it reads are lined up for it."""

    def __init__(self, groups, anchor="first", union=False, figures=None, half=False, masks_frame0=False):
        self.groups, self.anchor, self.union, self.figures = groups, anchor, union, figures
        self.half, self.masks_frame0 = half, masks_frame0

    def read_by(self, frame, frames):
        return {
            "first": [0],
            "prev": [max(frame - 1, 0)],
            "first+prev": [0, max(frame - 1, 0)],
            "all": list(range(frames)),
        }[self.anchor]

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        batch, tokens, channels = hidden_states.shape
        frames = batch // self.groups
        key, value = attn.to_k(hidden_states), attn.to_v(hidden_states)
        out = []
        for b in range(batch):
            start, frame = b - b % frames, b % frames
            read = [start + a for a in self.read_by(frame, frames)]
            k = torch.cat([key[a].detach() for a in read] + ([key[b]] if self.union else []))
            v = torch.cat([value[a].detach() for a in read] + ([value[b]] if self.union else []))
            split = lambda x: x.view(len(x), attn.heads, -1).transpose(0, 1)  # noqa: E731
            q, k, v = split(attn.to_q(hidden_states[b])), split(k), split(v)
            score = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
            if self.figures is not None:
                side = round(tokens**0.5)
                share = interpolate(
                    self.figures[:, None].float(), (side, side), mode="area" if self.half else "nearest"
                )
                inside = share.flatten(1) >= 0.5
                if inside[0].any() and not inside[0].all() and (frame > 0 or self.masks_frame0):
                    score = score.masked_fill(inside[frame][:, None] != inside[0][None], float("-inf"))
            out.append((score.softmax(-1) @ v).transpose(0, 1).reshape(tokens, channels))
        return attn.to_out[1](attn.to_out[0](torch.stack(out)))


@contextmanager
def literal_attention(networks, *, layers=None, **options):
    """Put :class:`LiteralAttention` on the self-attention of these networks for a while, or on some layers of it."""
    before = [dict(network.attn_processors) for network in networks]
    try:
        for network in networks:
            network.set_attn_processor(
                {
                    name: LiteralAttention(**options)
                    if name.endswith("attn1.processor")
                    and (layers is None or name.removesuffix(".processor") in layers)
                    else processor
                    for name, processor in network.attn_processors.items()
                }
            )
        yield
    finally:
        for network, processors in zip(networks, before, strict=True):
            network.set_attn_processor(processors)


def predicted_noise(backbone, frames, x, t, numbers, guidance_scale, x_control=None):
    """Guided noise of some frames in one batch, the ControlNet looking at ``x_control`` where it is given."""
    groups = len(frames.text.embeds)
    words = frames.text.embeds.repeat_interleave(len(numbers), 0)
    features = torch.cat([frames.control.features[0][list(numbers)]] * groups)
    doubled = torch.cat([x] * groups)
    seen = doubled if x_control is None else torch.cat([x_control] * groups)
    down, mid = backbone.controlnets[0](
        seen, t, words, features, conditioning_scale=frames.control.scales[0], return_dict=False
    )
    noise = backbone.unet(
        doubled, t, words, down_block_additional_residuals=down, mid_block_additional_residual=mid
    ).sample
    return guided(noise, groups, guidance_scale)


def alphas(scheduler, t, steps):
    """abar of a timestep and of the one that the step leads to."""
    previous = int(t) - 1000 // steps
    a = scheduler.alphas_cumprod[t]
    return a, scheduler.alphas_cumprod[previous] if previous >= 0 else scheduler.final_alpha_cumprod


def algorithm_1(backbone, frames, plan):
    """Every frame runs through all steps, batched with frame 0 so that literal attention can see the anchor."""
    scheduler = backbone.scheduler
    scheduler.set_timesteps(plan.num_steps)
    aligned, clean, done = {}, {}, []
    with literal_attention([backbone.unet, *backbone.controlnets], groups=len(frames.text.embeds)):
        for i in range(frames.control.num_frames):
            x = frames.noise[i : i + 1].clone()
            for k, t in enumerate(scheduler.timesteps):
                if k in plan.sla_steps and i > 0:
                    for (qr, qc), (sr, sc) in zip(*frames.latent_map.pairs[i], strict=True):
                        x[0, :, qr, qc] = aligned[i - 1, k][0, :, sr, sc]
                aligned[i, k] = x
                both = torch.cat([aligned[0, k], x])
                noise = predicted_noise(backbone, frames, both, t, (0, i), plan.guidance_scale)[1:]
                a, a_prev = alphas(scheduler, t, plan.num_steps)
                x0 = (x - (1 - a).sqrt() * noise) / a.sqrt()
                clean[i, k] = decode(backbone, x0)[0]
                x = a_prev.sqrt() * x0 + (1 - a_prev).sqrt() * noise
                if k in plan.guidance.steps and i > 0:
                    leaf = x0.clone().requires_grad_()
                    with torch.enable_grad():
                        loss = pair_loss(decode(backbone, leaf)[0], clean[i - 1, k], frames.guidance_map, i)
                        (gradient,) = torch.autograd.grad(loss, leaf)
                    x = x - plan.guidance.delta * plan.guidance.strength * (1 - a).sqrt() / a.sqrt() * gradient
            done.append(x)
    return torch.cat(done)


def pair_loss(picture, reference, matches, i, loss="mean"):
    """Eq. 7 of frame i for a map without sub-pixel sources."""
    target, source = (torch.from_numpy(p).long() for p in matches.pairs[i])
    return guidance_loss(picture, *matched_target(reference, target, source), loss)


def steps_written_out(backbone, frames, plan, *, figures=None, **masking):
    """All frames in one batch, step after step, literal attention on the layers and at the steps of the rule."""
    scheduler, rule, groups = backbone.scheduler, plan.anchor, len(frames.text.embeds)
    scheduler.set_timesteps(plan.num_steps)
    x, numbers = frames.noise.clone(), range(frames.control.num_frames)
    # A rule that begins at some layer is used with the UNet alone here: a ControlNet's layers have the same names.
    chosen = None if rule.first_layer is None else self_attention_layers(backbone.unet)[rule.first_layer :]
    networks = list(backbone.networks(plan.anchor_modules).values())
    for k, t in enumerate(scheduler.timesteps):
        if k in plan.sla_steps:
            for i in numbers[1:]:
                for (qr, qc), (sr, sc) in zip(*frames.latent_map.pairs[i], strict=True):
                    x[i, :, qr, qc] = x[i - 1, :, sr, sc]
        options = {"groups": groups, "anchor": rule.anchor, "union": rule.union, "figures": figures, **masking}
        with literal_attention(networks if k in rule.steps else [], layers=chosen, **options):
            noise = predicted_noise(backbone, frames, x, t, numbers, plan.guidance_scale)
        a, a_prev = alphas(scheduler, t, plan.num_steps)
        x0 = (x - (1 - a).sqrt() * noise) / a.sqrt()
        x = a_prev.sqrt() * x0 + (1 - a_prev).sqrt() * noise
    return x
