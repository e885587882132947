"""Flow matching written out: joint attention token by token of every frame, and Algorithm 1 step after step."""

from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import torch

from latentman.diffusion.attention_layers import self_attention_layers
from latentman.diffusion.predict import guided
from tests.factories.literal_denoising import pair_loss


class LiteralJoint:
    """Every frame of a whole clip computes its own keys and values, then those that it reads are lined up for it."""

    def __init__(self, groups, words, anchor="first", union=False):
        self.groups, self.words, self.anchor, self.union = groups, words, anchor, union

    def read_by(self, frame, frames):
        before = max(frame - 1, 0)
        return {"first": [0], "prev": [before], "first+prev": [0, before], "all": list(range(frames))}[self.anchor]

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, image_rotary_emb=None):
        single = encoder_hidden_states is None and image_rotary_emb is not None
        own = [self.heads(attn, x, image_rotary_emb, encoder_hidden_states, b) for b, x in enumerate(hidden_states)]
        count = self.words if single else 0 if encoder_hidden_states is None else encoder_hidden_states.shape[1]
        frames, out = len(own) // self.groups, []
        for b, (query, key, value) in enumerate(own):
            start, frame = b - b % frames, b % frames
            read = [own[start + a] for a in self.read_by(frame, frames)]
            mine = [(key[count:], value[count:])] if self.union else []
            image = [(k[count:].detach(), v[count:].detach()) for _, k, v in read] + mine
            keys = torch.cat([key[:count], *(k for k, _ in image)])
            values = torch.cat([value[:count], *(v for _, v in image)])
            text = attention(query[:count], key, value)
            out.append(torch.cat([text, attention(query[count:], keys, values)]))
        out = torch.stack(out).flatten(2)
        if single:
            return out
        image = attn.to_out[0](out[:, count:])
        if encoder_hidden_states is None:
            return image
        return image, out[:, :count] if attn.context_pre_only else attn.to_add_out(out[:, :count])

    def heads(self, attn, image, rotary, text, b):
        """Queries, keys and values (M + L, heads, width) of one frame."""
        norm = lambda x, name: getattr(attn, name)(x) if getattr(attn, name, None) is not None else x  # noqa: E731
        split = lambda x: x.view(len(x), attn.heads, -1)  # noqa: E731
        query, key = norm(split(attn.to_q(image)), "norm_q"), norm(split(attn.to_k(image)), "norm_k")
        value = split(attn.to_v(image))
        if text is not None:
            query = torch.cat([norm(split(attn.add_q_proj(text[b])), "norm_added_q"), query])
            key = torch.cat([norm(split(attn.add_k_proj(text[b])), "norm_added_k"), key])
            value = torch.cat([split(attn.add_v_proj(text[b])), value])
        return (query, key, value) if rotary is None else (turned(query, rotary), turned(key, rotary), value)


def turned(x, rotary):
    """Pairs of neighbouring values turned by the angle of their place."""
    cos, sin = (part[:, None] for part in rotary)
    left, right = x[..., 0::2], x[..., 1::2]
    return x * cos + torch.stack([-right, left], dim=-1).flatten(-2) * sin


def attention(query, key, value):
    score = torch.einsum("qhd,khd->hqk", query, key) * query.shape[-1] ** -0.5
    return torch.einsum("hqk,khd->qhd", score.softmax(-1), value)


@contextmanager
def literal_joint(networks, **options):
    """Put :class:`LiteralJoint` on the attention of these networks for a while."""
    modules = [dict(network.named_modules())[name] for network in networks for name in self_attention_layers(network)]
    before = [module.processor for module in modules]
    try:
        for module in modules:
            module.set_processor(LiteralJoint(**options))
        yield
    finally:
        for module, processor in zip(modules, before, strict=True):
            module.set_processor(processor)


def packed(x):
    """Tokens of 2 x 2 cells, one by one."""
    b, c, h, w = x.shape
    return torch.stack(
        [x[:, :, r : r + 2, q : q + 2].reshape(b, 4 * c) for r in range(0, h, 2) for q in range(0, w, 2)],
        dim=1,
    )


def unpacked(tokens, h, w):
    b, _, c = tokens.shape
    out = tokens.new_zeros(b, c // 4, h, w)
    for index in range(tokens.shape[1]):
        r, q = divmod(index, w // 2)
        out[:, :, 2 * r : 2 * r + 2, 2 * q : 2 * q + 2] = tokens[:, index].reshape(b, c // 4, 2, 2)
    return out


def velocity(backbone, frames, x, t, scale):
    """The guided velocity of all frames in one batch."""
    groups, (_, _, h, w) = len(frames.text.embeds), x.shape
    words, pooled = (y.repeat_interleave(len(x), 0) for y in (frames.text.embeds, frames.text.pooled))
    doubled, features = torch.cat([x] * groups), torch.cat([frames.control.features[0]] * groups)
    controlnet, is_flux = backbone.controlnets[0], hasattr(backbone.unet.config, "axes_dims_rope")
    common = {"encoder_hidden_states": words, "return_dict": False}
    if is_flux:
        ids = torch.tensor([(0, r, c) for r in range(h // 2) for c in range(w // 2)], dtype=torch.float32)
        guidance = torch.full((len(doubled),), scale) if backbone.unet.config.guidance_embeds else None
        common |= {
            "hidden_states": packed(doubled), "timestep": torch.full((len(doubled),), t / 1000), "guidance": guidance,
            "img_ids": ids, "txt_ids": torch.zeros(words.shape[1], 3),
        }  # fmt: skip
        blocks, singles = controlnet(controlnet_cond=features, pooled_projections=pooled, **common)
        tokens = backbone.unet(
            pooled_projections=pooled,
            controlnet_block_samples=blocks,
            controlnet_single_block_samples=singles,
            **common,
        )[0]
        return unpacked(tokens, h, w)
    common |= {"hidden_states": doubled, "timestep": torch.full((len(doubled),), t)}
    (blocks,) = controlnet(controlnet_cond=features, pooled_projections=torch.zeros_like(pooled), **common)
    made = backbone.unet(pooled_projections=pooled, block_controlnet_hidden_states=blocks, **common)[0]
    return guided(made, groups, scale)


def noise_levels(backbone, steps, tokens):
    """sigma before every step, and 0."""
    config = backbone.scheduler.config
    if not hasattr(backbone.unet.config, "axes_dims_rope"):
        last = config.shift * 0.001 / (1 + (config.shift - 1) * 0.001)
        spaced, shift = np.linspace(1, last, steps), config.shift
    else:
        mu = 0.5 + (tokens - 256) / (4096 - 256) * (1.15 - 0.5)
        spaced, shift = np.linspace(1, 1 / steps, steps), np.exp(mu) if config.use_dynamic_shifting else config.shift
    return [*(shift * s / (1 + (shift - 1) * s) for s in spaced), 0.0]


def shown(backbone, x):
    """The picture (3, H, W) of one frame's latents (1, C, h, w)."""
    config = backbone.vae.config
    return (backbone.vae.decode(x / config.scaling_factor + config.shift_factor).sample[0] / 2 + 0.5).clamp(0, 1)


def flow_written_out(backbone, frames, plan):
    """Algorithm 1 of all frames in one batch, step after step."""
    x, numbers = frames.noise.clone(), range(len(frames.noise))
    sigmas = noise_levels(backbone, plan.num_steps, x.shape[2] * x.shape[3] // 4)
    options = {
        "groups": len(frames.text.embeds), "words": frames.text.embeds.shape[1], "anchor": plan.anchor.anchor,
        "union": plan.anchor.union,
    }  # fmt: skip
    networks = [backbone.unet, *backbone.controlnets]
    for k, (sigma, after) in enumerate(pairwise(sigmas)):
        if k in plan.sla_steps:
            for i in numbers[1:]:
                for (qr, qc), (sr, sc) in zip(*frames.latent_map.pairs[i], strict=True):
                    x[i, :, qr, qc] = x[i - 1, :, sr, sc]
        with literal_joint(networks, **options):
            leaf = x.clone().requires_grad_(plan.guidance.gradient == "full")
            with torch.set_grad_enabled(plan.guidance.gradient == "full"):
                v = velocity(backbone, frames, leaf, 1000 * sigma, plan.guidance_scale)
                x_0 = leaf - sigma * v
            before = x + (after - sigma) * v.detach()
            if k in plan.guidance.steps:
                before = before - plan.guidance.delta * guidance(backbone, frames, plan, x_0, leaf, sigma)
        x = before
    return x


def guidance(backbone, frames, plan, x_0, leaf, sigma):
    """The gradient of all frames: with respect to x_t in full, or that of x_0 times strength and sigma."""
    pictures = [shown(backbone, x_0[i : i + 1].detach()) for i in range(len(x_0))]
    total = torch.zeros_like(x_0)
    for i in range(1, len(x_0)):
        clean = x_0.detach().requires_grad_()
        with torch.enable_grad():
            loss = pair_loss(shown(backbone, clean[i : i + 1]), pictures[i - 1], frames.guidance_map, i)
            (g,) = torch.autograd.grad(loss, clean)
        if plan.guidance.gradient == "full":
            (g,) = torch.autograd.grad(x_0, leaf, g, retain_graph=True)
        else:
            g = plan.guidance.strength * sigma * g
        total = total + g
    return total
