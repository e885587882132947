"""Slow implementations of the learned models' networks from the names of their tensors, without torch.nn."""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv_transpose1d, group_norm, layer_norm, mish, silu

State = dict[str, Tensor]


def inside(state: State, prefix: str) -> State:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def linear(state: State, name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def norm(state: State, name: str, x: Tensor) -> Tensor:
    return layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"])


def gelu(x: Tensor) -> Tensor:
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def attention(state: State, name: str, queries: Tensor, keys: Tensor, heads: int = 4) -> Tensor:
    """Tokens (L, C) of one sample, one head after the other."""
    width = queries.shape[-1]
    weight, bias = state[f"{name}.in_proj_weight"], state[f"{name}.in_proj_bias"]
    q, k, v = (
        x @ weight[i * width : (i + 1) * width].T + bias[i * width : (i + 1) * width]
        for i, x in enumerate((queries, keys, keys))
    )
    size = width // heads
    out = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        out.append(torch.softmax(q[:, part] @ k[:, part].T / math.sqrt(size), dim=-1) @ v[:, part])
    return linear(state, f"{name}.out_proj", torch.cat(out, dim=-1))


def layer(state: State, x: Tensor, memory: Tensor | None = None) -> Tensor:
    """A post-norm layer; with a memory it attends to that too."""
    x = norm(state, "norm1", x + attention(state, "self_attn", x, x))
    if memory is not None:
        x = norm(state, "norm2", x + attention(state, "multihead_attn", x, memory))
    x = x + linear(state, "linear2", gelu(linear(state, "linear1", x)))
    return norm(state, "norm2" if memory is None else "norm3", x)


def skip_stack(state: State, x: Tensor, half: int, memory: Tensor | None = None) -> Tensor:
    kept = []
    for i in range(half):
        x = layer(inside(state, f"input_blocks.{i}."), x, memory)
        kept.append(x)
    x = layer(inside(state, "middle_block."), x, memory)
    for i in range(half):
        x = linear(state, f"linear_blocks.{i}", torch.cat([x, kept[half - 1 - i]], dim=-1))
        x = layer(inside(state, f"output_blocks.{i}."), x, memory)
    return norm(state, "norm", x)


def mld_denoiser(state: State, latent: Tensor, timestep: int, text: Tensor, half: int) -> Tensor:
    """Latent (1, C), text (1, D): the noise (1, C)."""
    width = text.shape[-1]
    rate = torch.tensor([10000.0 ** (-i / (width // 2)) for i in range(width // 2)], dtype=text.dtype)
    sinusoid = torch.cat([torch.cos(timestep * rate), torch.sin(timestep * rate)])[None]
    time = linear(state, "time_embedding.linear_2", silu(linear(state, "time_embedding.linear_1", sinusoid)))
    tokens = torch.cat([latent, time, linear(state, "emb_proj.1", text.clamp(min=0))])
    return skip_stack(inside(state, "encoder."), tokens + state["query_pos.pe"][:3, 0], half)[:1]


def sines(length: int, width: int) -> Tensor:
    table = torch.zeros(length, width, dtype=torch.float64)
    for position in range(length):
        for i in range(0, width, 2):
            table[position, i] = math.sin(position / 10000 ** (i / width))
            table[position, i + 1] = math.cos(position / 10000 ** (i / width))
    return table


def mdm_time(state: State, timestep: int) -> Tensor:
    width = state["embed_timestep.time_embed.0.weight"].shape[0]
    row = sines(timestep + 1, width)[timestep][None]
    hidden = silu(linear(state, "embed_timestep.time_embed.0", row))
    return linear(state, "embed_timestep.time_embed.2", hidden)


def mdm_decoder(state: State, motion: Tensor, timestep: int, text: Tensor, layers: int) -> Tensor:
    """Motion (T, F), text (L, D) without padding: the clean motion (T, F) of a trans_dec model."""
    memory = linear(state, "embed_text", text) + mdm_time(state, timestep)
    x = linear(state, "input_process.poseEmbedding", motion)
    x = x + sines(*x.shape)
    for i in range(layers):
        x = layer(inside(state, f"seqTransDecoder.layers.{i}."), x, memory)
    return linear(state, "output_process.poseFinal", x)


def gmd(state: State, motion: Tensor, timestep: int, text: Tensor, levels: int) -> Tensor:
    """Motion (T, F), text (1, D): the network's prediction (T, F)."""
    condition = mdm_time(state, timestep) + linear(state, "embed_text", text)
    padded = torch.zeros(1, motion.shape[1], 224, dtype=motion.dtype)
    padded[0, :, : len(motion)] = motion.T
    return gmd_unet(inside(state, "unet."), padded, condition, levels)[0, :, : len(motion)].T


def gmd_unet(state: State, x: Tensor, condition: Tensor, levels: int) -> Tensor:
    c = linear(state, "time_mlp.2", mish(linear(state, "time_mlp.0", condition)))
    kept = []
    for i in range(levels):
        x = residual(state, f"downs.{i}.1", residual(state, f"downs.{i}.0", x, c), c)
        kept.append(x)
        if i < levels - 1:
            x = conv1d(x, state[f"downs.{i}.3.conv.weight"], state[f"downs.{i}.3.conv.bias"], stride=2, padding=1)
    x = residual(state, "mid_block2", residual(state, "mid_block1", x, c), c)
    for i in range(levels - 1):
        x = torch.cat([x, kept[levels - 1 - i]], dim=1)
        x = residual(state, f"ups.{i}.1", residual(state, f"ups.{i}.0", x, c), c)
        x = conv_transpose1d(x, state[f"ups.{i}.3.conv.weight"], state[f"ups.{i}.3.conv.bias"], stride=2, padding=1)
    x = mish(convolved(state, "final_conv.0.block", x))
    return conv1d(x, state["final_conv.1.weight"], state["final_conv.1.bias"])


def convolved(state: State, name: str, x: Tensor) -> Tensor:
    x = conv1d(x, state[f"{name}.0.weight"], state[f"{name}.0.bias"], padding=2)
    return group_norm(x, 8, state[f"{name}.2.weight"], state[f"{name}.2.bias"])


def residual(state: State, name: str, x: Tensor, c: Tensor) -> Tensor:
    scale, shift = linear(state, f"{name}.time_mlp.1", mish(c))[..., None].chunk(2, dim=1)
    out = mish(convolved(state, f"{name}.blocks.0.block1", x) * (1 + scale) + shift)
    out = mish(convolved(state, f"{name}.blocks.1.block", out))
    if f"{name}.residual_conv.weight" in state:
        x = conv1d(x, state[f"{name}.residual_conv.weight"], state[f"{name}.residual_conv.bias"])
    return out + x
