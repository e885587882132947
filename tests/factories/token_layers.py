"""Self-attention layers written out, frame by frame and token by token: what a token method is compared with."""

from dataclasses import dataclass, field

import torch

from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import anchored
from latentman.diffusion.attention_layers import self_attention_layers
from latentman.diffusion.token_maps import TokenMaps


@dataclass
class Clip:
    """A clip of tokens (T, L, C) in one layer, with its projections, written out without batches."""

    attn: object
    tokens: torch.Tensor
    followed: bool = True
    own: dict = field(default_factory=dict)

    def query(self, frame, tokens=None):
        return self.attn.to_q(self.tokens[frame] if tokens is None else tokens)

    def keys(self, frame, tokens=None):
        tokens = self.tokens[frame] if tokens is None else tokens
        return self.attn.to_k(tokens), self.attn.to_v(tokens)

    def read(self, query, key, value):
        """Multi-head attention of (Q, C) over (K, C), head by head."""
        heads, out = self.attn.heads, []
        for q, k, v in zip(*(x.chunk(heads, -1) for x in (query, key, value)), strict=True):
            out.append((q @ k.T * q.shape[-1] ** -0.5).softmax(-1) @ v)
        return torch.cat(out, -1)

    def ruled(self, frame, query=None, own=None):
        """What a frame reads by the sampler's rule: frame 0's keys, or its own where the layer does not follow."""
        query = self.query(frame) if query is None else query
        return self.read(query, *(self.keys(0) if self.followed else own or self.keys(frame)))


def one_layer(backbone):
    """Return the name and the module of a layer of the UNet."""
    name = self_attention_layers(backbone.unet)[0]
    return name, dict(backbone.unet.named_modules())[name]


@torch.no_grad()
def layer_output(backbone, method, maps: TokenMaps, tokens, *, followed=True, size=8):
    """Run a token method in one layer over passes of a clip (G, T, L, C); return the output before the projection."""
    name, attn = one_layer(backbone)
    anchor = Anchor(maps=maps)
    groups, frames = tokens.shape[:2]
    out = torch.empty_like(tokens)
    networks = {"unet": backbone.unet}
    with anchored(networks if followed else {}, anchor, opened=networks) as installed:
        processor = {layer: p for layer, _, p in installed.layers}[f"unet.{name}"]
        for frames_of_pass in method.passes(frames, size):
            mode = "lead" if frames_of_pass.start == 0 else "follow"
            with anchor.passing(mode if followed else "off", groups, frames_of_pass, method):
                batch = tokens[:, frames_of_pass]
                read = method(processor._opened(attn, batch.flatten(0, 1)))
                assert torch.allclose(
                    processor(attn, batch.flatten(0, 1)), attn.to_out[0](read.flatten(0, 1)), atol=1e-6
                )
                out[:, frames_of_pass] = read
    return out
